"""The jobs of an app: one long one at a time in the order in which they were submitted, short ones beside it.

The first frame loads this module, and no other of the package.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.jobs.record import Record
    from workbench.tui.jobs.request import JobRequest
    from workbench.tui.jobs.task import Task

Watcher = Callable[["Task"], None]

UNFINISHED = ("queued", "running")
"""States of jobs that run or wait."""

SHORT = ("pca", "images")
"""Kinds that do not hold up the queue where another app has started them."""

PASSING = ("images",)
"""Kinds whose folders the app that started them removes at their end, so that no other can tell how they ended."""


class JobQueue:
    """Runs jobs. Its methods are called on the event loop.

    Attributes:
        detach: whether the app, when it is left or lost, leaves its jobs running.
    """

    def __init__(self, command: Sequence[str], clock: Callable[[], float], *, detach: bool = False) -> None:
        """A queue with nothing in it.

        Args:
            command: how the command line is started.
            clock: seconds since 1970-01-01 UTC.
            detach: leave jobs running when the app is left.
        """
        self._command, self._clock, self.detach = tuple(command), clock, detach
        self._tasks: list[Task] = []
        self._count = 0
        self._long: list[Task] = []
        self._waiting: list[Task] = []
        self._watchers: list[Watcher] = []
        self._running: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> "Sequence[Task]":
        """All jobs of this app, in the order in which they were submitted, and those of others that were found."""
        return tuple(self._tasks)

    @property
    def unfinished(self) -> "Sequence[Task]":
        """Those that run or wait."""
        return tuple(task for task in self._tasks if task.state in UNFINISHED)

    @property
    def ours(self) -> "Sequence[Task]":
        """Those that run or wait because of this app."""
        return tuple(task for task in self.unfinished if task.ours)

    @property
    def promised(self) -> frozenset[Path]:
        """What jobs that run or wait are to make, absolute."""
        return frozenset(task.request.out.absolute() for task in self.unfinished if task.request.out is not None)

    @property
    def indicator(self) -> str:
        """What a header says while jobs run; "" while none does."""
        if not self.unfinished:
            return ""
        from workbench.tui.jobs.rows import indicator

        return indicator(self.unfinished)

    def submit(self, request: "JobRequest", *, at_once: bool = False) -> "Task":
        """Run a job when those before it have ended; ``at_once`` beside them, which is for short ones."""
        from workbench.tui.jobs.task import Task

        task = Task(
            request,
            self._number(),
            self._tell,
            command=self._command,
            clock=self._clock,
        )
        self._tasks.append(task)
        if at_once:
            self._start(task)
        else:
            self._waiting.append(task)
            self._go_on()
        self._tell(task)
        return task

    @property
    def any_waits(self) -> bool:
        """Whether a job has not begun, which it will not any more once the app is left."""
        return bool(self._waiting)

    async def find(self, *run_dirs: Path) -> None:
        """Take up the jobs of some runs that an earlier app, or another one, has left running."""
        from workbench.tui.jobs.record import read_records

        for run_dir in run_dirs:
            records = await asyncio.to_thread(read_records, run_dir)
            known = {task.record.folder for task in self._tasks if task.record is not None}
            for record in reversed(records):
                if record.state == "running" and record.kind not in PASSING and record.folder not in known:
                    self._take_up(record, run_dir)

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Have a function called with every job of which something changes, until the returned one is called."""
        self._watchers.append(callback)

        def undo() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)

        return undo

    def forget(self, task: "Task") -> None:
        """Leave a job that has ended out of the list."""
        if task.state not in UNFINISHED:
            self._tasks.remove(task)

    def let_go(self) -> None:
        """The app is about to be left: what runs goes on, what waits is given up."""
        self.detach = True
        self._waiting.clear()

    async def close(self, patience: float) -> None:
        """The app is left: stop what it has started and has not ended; what does not stop in time is ended."""
        self._watchers.clear()
        if not self.detach:
            self._waiting.clear()
            await asyncio.gather(*(task.end(patience) for task in self.ours))
        for running in tuple(self._running):
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def abandon(self) -> None:
        """The app is ended from outside: have what it has started stop, without waiting for it."""
        for task in self.ours if not self.detach else ():
            task.stop()

    def _take_up(self, record: "Record", run_dir: Path) -> None:
        from workbench.tui.jobs.found import request_of
        from workbench.tui.jobs.task import Task

        task = Task(request_of(record, run_dir), self._number(), self._tell, clock=self._clock, record=record)
        self._tasks.append(task)
        if record.kind not in SHORT:
            self._long.append(task)
        self._start(task)
        self._tell(task)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _go_on(self) -> None:
        """Start the next long job if none runs."""
        self._waiting = [task for task in self._waiting if task.state == "queued"]
        self._long = [task for task in self._long if task.state in UNFINISHED]
        if self._waiting and not self._long:
            self._long.append(self._waiting.pop(0))
            self._start(self._long[-1])

    def _start(self, task: "Task") -> None:
        running = asyncio.create_task(self._run(task))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _run(self, task: "Task") -> None:
        await task.run()
        if task.passing and task.state == "finished" and task in self._tasks:
            self._tasks.remove(task)
        self._go_on()

    def _tell(self, task: "Task") -> None:
        for watcher in tuple(self._watchers):
            watcher(task)
