"""The jobs of an app and those of the past as rows of one list, and what is said of each."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.tui.context import run_name
from workbench.tui.jobs.progress import Progress, share
from workbench.tui.jobs.queue import UNFINISHED
from workbench.tui.jobs.task import Task
from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, plain
from workbench.tui.widgets.page import Entry

if TYPE_CHECKING:
    from workbench.tui.jobs.record import Record

JOB_LOOKS = {
    "queued": ("○", "queued", palette.MUTED),
    "running": ("●", "running", palette.GOOD),
    "finished": ("✓", "finished", palette.TEXT),
    "stopped": ("■", "stopped", palette.WARNING),
    "failed": ("✗", "failed", palette.CATASTROPHIC),
}
"""Symbol, word and colour of each state."""


class Row(NamedTuple):
    """A job in the list.

    Attributes:
        key: the same from one look to the next.
        state: where it stands.
        title: for people, plain.
        run: name of its run.
        started: seconds since 1970-01-01 UTC; infinite while it waits.
        seconds: how long it ran; None if nobody knows.
        progress: how far it is, while it runs.
        task: the job, if this app knows it live.
        record: what is written of it, if anything.
    """

    key: str
    state: str
    title: str
    run: str
    started: float
    seconds: float | None
    progress: Progress | None
    task: Task | None
    record: "Record | None"

    @property
    def unfinished(self) -> bool:
        """Whether it runs or waits."""
        return self.state in UNFINISHED


def rows(tasks: Sequence[Task], records: Iterable["Record"]) -> list[Row]:
    """All jobs, the newest first; one that is both live and written stands once."""
    live = [_of_task(task) for task in tasks]
    folders = {task.record.folder for task in tasks if task.record is not None}
    past = [_of_record(record) for record in records if record.folder not in folders]
    return sorted([*reversed(live), *past], key=lambda row: -row.started)


def indicator(tasks: Sequence[Task]) -> str:
    """What the header says while jobs run: how many, and how far the one is that tells it."""
    if not tasks:
        return ""
    count = "1 job" if len(tasks) == 1 else f"{len(tasks)} jobs"
    told = [task.progress for task in tasks if task.progress is not None and task.progress.total]
    return f"{count} {share(told[0])}" if told else count


def took(seconds: float | None) -> str:
    """A length of time to the second, e.g. "1:02:03"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    hours, rest = divmod(int(max(0.0, seconds)), 3600)
    minutes, whole = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{whole:02d}" if hours else f"{minutes}:{whole:02d}"


def ending(state: str, code: int | None, problem: str = "") -> str:
    """How a job ended, in words."""
    if problem:
        return f"{state}: {problem}"
    if code is None or code == 0:
        return state
    return f"{state}, killed by signal {-code}" if code < 0 else f"{state}, exit code {code}"


def entries_of(row: Row) -> list[Entry]:
    """What is known of a job, a few lines."""
    record, symbol = row.record, JOB_LOOKS[row.state][0]
    words = row.state
    if record is not None and not row.unfinished:
        words = ending(row.state, record.code, record.problem)
    elif row.task is not None and row.task.asked:
        words = "stopping"
    entries = [Entry(label="state", text=f"{symbol} {words}", colour=JOB_LOOKS[row.state][2])]
    if row.task is not None and row.task.warning:
        entries.append(Entry(label="warning", text=plain(row.task.warning), colour=palette.WARNING))
    if row.task is not None and row.task.progress is not None and row.unfinished:
        told = row.task.progress
        entries.append(Entry(label="progress", text=plain(f"{told.ended} of {told.total} · {told.figures}")))
    arguments = record.arguments if record is not None else row.task.request.arguments if row.task else ()
    if arguments:
        entries.append(Entry(label="command", text=plain(command_line(arguments))))
    if record is not None and record.out is not None:
        entries.append(Entry(label="made", text=shown(record.out)))
    if record is not None:
        revision = f" · {record.revision}" if record.revision else ""
        started = (
            datetime.fromtimestamp(record.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if record.started else MISSING
        )
        entries.append(Entry(label="started", text=f"{started} · took {took(row.seconds)}"))
        entries.append(Entry(label="code", text=f"workbench {record.version}{revision}"))
        entries.append(Entry(label="folder", text=shown(record.folder)))
    return entries


def shown(path: Path) -> str:
    """A path as people write it who are where the app was started."""
    with suppress(ValueError, OSError):
        path = path.relative_to(Path.cwd())
    return plain(str(path))


def command_line(arguments: Sequence[str]) -> str:
    """As it is typed."""
    import shlex

    return shlex.join(("workbench", *arguments))


def _of_task(task: Task) -> Row:
    request = task.request
    run = run_name(request.run_dir)
    started = math.inf if task.record is None else task.record.started
    if task.record is None and task.state not in UNFINISHED:
        started = task.submitted
    seconds = None if task.record is None else task.seconds
    progress = task.progress if task.state == "running" else None
    return Row(f"task {task.number}", task.state, request.title, run, started, seconds, progress, task, task.record)


def _of_record(record: "Record") -> Row:
    run = run_name(record.folder.parent.parent)
    seconds = None if record.ended is None else record.ended - record.started
    return Row(str(record.folder), record.state, record.title, run, record.started, seconds, None, None, record)
