"""One job, live: where it stands, what it says, and how it ended."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from workbench.tui.jobs.process import Ended, Job
from workbench.tui.jobs.progress import Progress, parse_progress
from workbench.tui.jobs.request import JobRequest

State = Literal["queued", "running", "finished", "stopped", "failed"]
UNFINISHED = ("queued", "running")


class Task:
    """A job that a ``JobQueue`` runs.

    Attributes:
        request: what it is to do.
        number: counts the jobs of this app from 1.
        state: where it stands.
        progress: how far it is, as it last said; None while that is not known.
        note: the last other line that it wrote to stderr.
        ended: how it ended; None while it has not.
        asked: whether it was asked to stop.
        looking: held by the screen that lets the request's result look, which it does in one thread at a time.
    """

    def __init__(
        self, request: JobRequest, number: int, command: Sequence[str], changed: Callable[["Task"], None]
    ) -> None:
        """A job that waits.

        Args:
            request: what it is to do.
            number: of the job.
            command: how the command line is started.
            changed: called on the event loop whenever something of it is another.
        """
        self.request, self.number = request, number
        self.state: State = "queued"
        self.progress: Progress | None = None
        self.note = ""
        self.ended: Ended | None = None
        self.asked = False
        self.looking = asyncio.Lock()
        self._changed = changed
        self._job = Job((*command, *request.arguments), self._hear)
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Ask it to stop, as one Ctrl-C does: it keeps what it has. One that waits never starts."""
        self.asked = True
        self._job.stop()
        if self.state == "queued":
            self.conclude(Ended(code=0, output="", lines=(), stopped=True))
        else:
            self._changed(self)

    def kill(self) -> None:
        """End it at once."""
        if self.state == "queued":
            self.stop()
        else:
            self.asked = True
            self._job.kill()

    async def wait(self) -> Ended:
        """Wait until it has ended."""
        await self._over.wait()
        assert self.ended is not None
        return self.ended

    async def end(self, patience: float) -> None:
        """Ask it to stop and wait until it has; one that has not after ``patience`` seconds is ended."""
        self.stop()
        await self._job.end(patience)

    async def run(self) -> None:
        """Run it to its end; called once, by its queue."""
        self.state = "running"
        self._changed(self)
        self.conclude(await self._job.run())

    def conclude(self, ended: Ended) -> None:
        """Take note that it has ended."""
        self.ended = ended
        self.state = "stopped" if ended.stopped else "finished" if ended.good else "failed"
        self._over.set()
        self._changed(self)

    def _hear(self, line: str) -> None:
        progress = parse_progress(line)
        if progress is None:
            self.note = line
        else:
            self.progress = progress
        self._changed(self)
