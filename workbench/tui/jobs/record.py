"""What is written of a job, ``job.json``: what it was, where it came from, how it ended."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from trainers.atomic import write_atomically
from trainers.revision import git_revision
from workbench.tui.jobs.folder import EXIT, RECORD, folder_of, lives, numbers, read_end, read_exit
from workbench.tui.jobs.process import LEFT_NOTHING, LOST
from workbench.tui.look.text import plain

Past = Literal["running", "finished", "stopped", "failed"]
STATES: tuple[Past, ...] = ("running", "finished", "stopped", "failed")

MOST_RECORDS = 500
"""Jobs of a run that are listed: the newest."""

LATEST = 1e11
"""Seconds since 1970 beyond which a time in a record is none."""

_MOST_BYTES = 1 << 18
_MOST_WORDS = 4096
_LONGEST_TITLE = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A job as its folder tells it.

    Attributes:
        folder: where it lies.
        kind: what it made.
        title: for people, plain.
        arguments: of ``workbench``.
        state: how it ended; "running" while it does.
        started: seconds since 1970-01-01 UTC.
        ended: the same; None while it runs, or if nobody knows.
        code: its exit code, minus the number of the signal that killed it; None while it runs.
        pid: the process around it.
        out: what it made for the user, if anything, absolute.
        directory: where it was started, which relative paths of its command start from.
        version: of this package.
        revision: of its code, if it is a checkout.
        problem: why the record cannot be read; "" if it can.
    """

    folder: Path
    kind: str
    title: str
    arguments: tuple[str, ...]
    state: Past
    started: float
    ended: float | None = None
    code: int | None = None
    pid: int | None = None
    out: Path | None = None
    directory: str = ""
    version: str = "unknown"
    revision: str | None = None
    problem: str = ""

    @property
    def number(self) -> int:
        """Of its folder; 0 for a temporary one."""
        return int(self.folder.name) if self.folder.name.isdigit() else 0

    @property
    def command_line(self) -> str:
        """As it is typed."""
        return shlex.join(("workbench", *self.arguments))


def new_record(folder: Path, kind: str, title: str, arguments: tuple[str, ...], started: float) -> Record:
    """The record of a job that starts, with the code it starts with. Asks git, so not on the event loop."""
    try:
        package = version("workbench")
    except PackageNotFoundError:
        package = "unknown"
    return Record(
        folder=folder,
        kind=kind,
        title=title,
        arguments=arguments,
        state="running",
        started=started,
        directory=str(Path.cwd()),
        version=package,
        revision=git_revision(),
    )


def write_record(record: Record) -> None:
    """Write a record into its folder.

    Raises:
        WorkbenchError: it cannot be written.
    """
    values = {
        "kind": record.kind,
        "title": record.title,
        "command": ["workbench", *record.arguments],
        "state": record.state,
        "started": _iso(record.started),
        "ended": None if record.ended is None else _iso(record.ended),
        "exit_code": record.code,
        "pid": record.pid,
        "directory": record.directory,
        "out": None if record.out is None else str(record.out),
        "version": record.version,
        "git_revision": record.revision,
    }
    write_atomically(record.folder / RECORD, (json.dumps(values, indent=2) + "\n").encode("utf-8", "backslashreplace"))


def read_record(folder: Path) -> Record | None:
    """The record of a folder, put right where the app that wrote it was gone when the job ended.

    Returns:
        None where there is no record (yet); one with a ``problem`` where it makes no sense.
    """
    content = read_end(folder / RECORD, _MOST_BYTES + 1)
    if not content:
        return None
    try:
        record = _parse(folder, content)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        problem = f"its {RECORD} makes no sense: {plain(str(error) or type(error).__name__, 200)}"
        return Record(
            folder=folder,
            kind="unknown",
            title=f"job {folder.name}, a damaged record",
            arguments=(),
            state="failed",
            started=0.0,
            problem=problem,
        )
    return record if record.state != "running" or lives(folder) else _ended(record)


def read_records(run_dir: Path) -> list[Record]:
    """The records of a run's jobs, the newest first."""
    found = (read_record(folder_of(run_dir, number)) for number in numbers(run_dir)[:MOST_RECORDS])
    return [record for record in found if record is not None]


def _ended(record: Record) -> Record:
    """A record that says "running", of a job that does not."""
    code = read_exit(record.folder)
    try:
        ended = (record.folder / EXIT).stat().st_mtime
    except OSError:
        return replace(record, state="failed", code=LOST, problem=LEFT_NOTHING)
    state: Past = "finished" if code == 0 else "stopped" if code in (130, -2) else "failed"
    return replace(record, state=state, code=code, ended=ended)


def _parse(folder: Path, content: bytes) -> Record:
    if len(content) > _MOST_BYTES:
        raise ValueError("it is too long")
    values = json.loads(content)
    if not isinstance(values, dict):
        raise ValueError("it is no object")
    command = values["command"]
    if not isinstance(command, list) or len(command) > _MOST_WORDS or not all(isinstance(w, str) for w in command):
        raise ValueError("its command is no list of words")
    if values["state"] not in STATES:
        raise ValueError("it has no known state")
    return Record(
        folder=folder,
        kind=plain(_text(values, "kind") or "unknown", 20),
        title=plain(_text(values, "title") or "?", _LONGEST_TITLE),
        arguments=tuple(command[1:]),
        state=values["state"],
        started=_seconds(values, "started") or 0.0,
        ended=_seconds(values, "ended"),
        code=_whole(values, "exit_code"),
        pid=_whole(values, "pid"),
        out=None if (out := _text(values, "out")) is None or "\0" in out else Path(out),
        directory=plain(_text(values, "directory") or ""),
        version=plain(_text(values, "version") or "unknown", 40),
        revision=None if (revision := _text(values, "git_revision")) is None else plain(revision, 60),
    )


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"its {name} is no text")
    return value


def _whole(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 31):
        raise ValueError(f"its {name} is no whole number")
    return value


def _seconds(values: Mapping[str, Any], name: str) -> float | None:
    text = _text(values, name)
    if text is None:
        return None
    seconds = datetime.fromisoformat(text).timestamp()
    if not 0 <= seconds < LATEST:  # nor NaN
        raise ValueError(f"its {name} is no time")
    return seconds


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
