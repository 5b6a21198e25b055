"""The jobs of an app: one long one at a time in the order in which they were submitted, short ones beside it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.tui.jobs.request import JobRequest
from workbench.tui.jobs.task import UNFINISHED, Task

Watcher = Callable[[Task], None]


class JobQueue:
    """Runs jobs. Its methods are called on the event loop."""

    def __init__(self, command: Sequence[str]) -> None:
        """A queue with nothing in it; ``command`` is how the command line is started."""
        self._command = tuple(command)
        self._tasks: list[Task] = []
        self._long: Task | None = None
        self._waiting: list[Task] = []
        self._watchers: list[Watcher] = []
        self._running: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> Sequence[Task]:
        """All jobs of this app, in the order in which they were submitted."""
        return tuple(self._tasks)

    @property
    def unfinished(self) -> Sequence[Task]:
        """Those that run or wait."""
        return tuple(task for task in self._tasks if task.state in UNFINISHED)

    def submit(self, request: JobRequest, *, at_once: bool = False) -> Task:
        """Run a job when those before it have ended; ``at_once`` beside them, which is for short ones."""
        task = Task(request, len(self._tasks) + 1, self._command, self._tell)
        self._tasks.append(task)
        if at_once:
            self._start(task)
        else:
            self._waiting.append(task)
            self._go_on()
        self._tell(task)
        return task

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Have a function called with every job of which something changes, until the returned one is called."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def of_run(self, run_dir: Path) -> Sequence[Task]:
        """The jobs over a run."""
        return tuple(task for task in self._tasks if task.request.run_dir == run_dir)

    async def close(self, patience: float) -> None:
        """Stop all that has not ended; what does not stop in ``patience`` seconds is ended."""
        unfinished, self._waiting = self.unfinished, []
        await asyncio.gather(*(task.end(patience) for task in unfinished))
        await asyncio.gather(*self._running)

    def _go_on(self) -> None:
        """Start the next long job if none runs."""
        self._waiting = [task for task in self._waiting if task.state == "queued"]
        if self._waiting and (self._long is None or self._long.state not in UNFINISHED):
            self._long = self._waiting.pop(0)
            self._start(self._long)

    def _start(self, task: Task) -> None:
        running = asyncio.create_task(self._run(task))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _run(self, task: Task) -> None:
        await task.run()
        self._go_on()

    def _tell(self, task: Task) -> None:
        for watcher in tuple(self._watchers):
            watcher(task)
