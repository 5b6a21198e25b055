"""One job, live: where it stands, what it says, and how it ended."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainers.errors import WorkbenchError
from workbench.tui.jobs.process import Ended, Job
from workbench.tui.jobs.progress import Progress, parse_progress
from workbench.tui.jobs.request import JobRequest

if TYPE_CHECKING:
    from workbench.tui.jobs.record import Record

State = Literal["queued", "running", "finished", "stopped", "failed"]


class Task:
    """A job that a ``JobQueue`` runs, or one of an earlier app that still runs.

    Attributes:
        request: what it is to do.
        number: counts the jobs of this app from 1.
        submitted: when, in seconds since 1970-01-01 UTC.
        state: where it stands.
        progress: how far it is, as it last said; None while that is not known.
        note: the last other line that it wrote to stderr.
        ended: how it ended; None while it has not.
        asked: whether it was asked to stop.
        record: what is written of it; None while it waits.
        warning: why nothing is, or elsewhere; "" if all is well.
        ours: whether this app started it, and so ends it when it is left.
        looking: held by the screen that lets the request's result look, which it does in one thread at a time.
    """

    def __init__(
        self,
        request: JobRequest,
        number: int,
        changed: Callable[["Task"], None],
        *,
        command: Sequence[str] = (),
        clock: Callable[[], float],
        record: "Record | None" = None,
    ) -> None:
        """A job that waits, or with a ``record`` one that another app has started.

        Args:
            request: what it is to do.
            number: of the job.
            changed: called on the event loop whenever something of it is another.
            command: how the command line is started.
            clock: seconds since 1970-01-01 UTC.
            record: of a job that runs.
        """
        self.request, self.number, self.record = request, number, record
        self.submitted = clock()
        self.ours = record is None
        self.state: State = "queued" if record is None else "running"
        self.progress: Progress | None = None
        self.note = self.warning = ""
        self.ended: Ended | None = None
        self.asked = False
        self.looking = asyncio.Lock()
        self._changed, self._clock = changed, clock
        self._command = (*command, *request.arguments)
        self._job = None if record is None else self._job_in(record.folder)
        self._over = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        if self.record is None:
            return 0.0
        return max(0.0, (self.record.ended or self._clock()) - self.record.started)

    @property
    def passing(self) -> bool:
        """Whether nothing is to be left of it at a good end: what shows what it makes knows all that it did."""
        return self.ours and self.request.quiet

    def stop(self) -> None:
        """Ask it to stop, as one Ctrl-C does: it keeps what it has. One that waits never starts."""
        self.asked = True
        if self._job is not None:
            self._job.stop()
        if self.state == "queued":
            self._conclude(Ended(code=0, output="", lines=(), stopped=True))
        else:
            self._changed(self)

    def kill(self) -> None:
        """End it at once."""
        if self._job is None:
            self.stop()
        else:
            self.asked = True
            self._job.kill()
            self._changed(self)

    async def wait(self) -> Ended:
        """Wait until it has ended."""
        await self._over.wait()
        assert self.ended is not None
        return self.ended

    async def end(self, patience: float) -> None:
        """Ask it to stop and wait until it has; one that has not after ``patience`` seconds is ended."""
        self.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), patience)
        if self.ended is None:
            self.kill()
            await self._over.wait()

    async def run(self) -> None:
        """Run it to its end, or follow it there; called once, by its queue."""
        try:
            ended = await (self._run() if self._job is None else self._job.follow())
        except (OSError, WorkbenchError) as error:
            ended = Ended(code=127, output="", lines=(str(error),), stopped=False)
        if self.record is not None and self.passing and ended.good:
            await asyncio.to_thread(shutil.rmtree, self.record.folder, ignore_errors=True)
        elif self.record is not None:
            state = _state(ended)
            self.record = replace(self.record, state=state, code=ended.code, ended=self._clock())
            await asyncio.to_thread(self._write)
        self._conclude(ended)

    async def _run(self) -> Ended:
        self.state = "running"
        self._changed(self)
        folder = await asyncio.to_thread(self._prepare)
        self._changed(self)
        self._job = job = self._job_in(folder)
        if self.asked:
            job.stop()
        return await job.run(self._write)

    def _prepare(self) -> Path:
        """In a thread: the folder and the record."""
        from workbench.tui.jobs.folder import new_folder
        from workbench.tui.jobs.record import new_record

        request = self.request
        folder, why = new_folder(request.run_dir)
        self.warning = "" if self.passing else why
        record = new_record(folder, request.kind, request.title, request.arguments, self._clock())
        self.record = replace(record, out=None if request.out is None else request.out.absolute())
        return folder

    def _write(self) -> None:
        """In a thread: write down where it stands."""
        from workbench.tui.jobs.record import write_record

        assert self.record is not None
        if self._job is not None and self._job.pid is not None:
            self.record = replace(self.record, pid=self._job.pid)
        try:
            write_record(self.record)
        except WorkbenchError as error:
            self.warning = str(error)

    def _job_in(self, folder: Path) -> Job:
        return Job(self._command, folder, self._hear)

    def _conclude(self, ended: Ended) -> None:
        self.ended, self.state = ended, _state(ended)
        self._over.set()
        self._changed(self)

    def _hear(self, lines: Sequence[str]) -> None:
        """Take the last progress and the last other line of those that came since the last look."""
        progress = note = None
        for line in reversed(lines):
            told = parse_progress(line)
            if told is None:
                note = note or line
            else:
                progress = progress or told
            if progress is not None and note is not None:
                break
        self.progress, self.note = progress or self.progress, note or self.note
        self._changed(self)


def _state(ended: Ended) -> Literal["finished", "stopped", "failed"]:
    return "stopped" if ended.stopped else "finished" if ended.good else "failed"
