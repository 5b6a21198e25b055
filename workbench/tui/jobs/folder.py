"""The folder of a job, ``RUN/jobs/NNNNNN``: its streams, the lock that tells whether it lives, its exit code."""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from workbench.foreign import open_foreign

JOBS = "jobs"
RECORD, STDOUT, STDERR = "job.json", "stdout.txt", "stderr.txt"
LOCK, PID, EXIT = "lock", "pid", "exit"

MOST_TEXT = 4 << 20
"""Bytes of a stream, of its end, that are ever read."""

MOST_STREAM = 64 << 20
"""Bytes beyond which the beginning of a stream is dropped."""

_LARGEST_PID = 1 << 22
_LARGEST_NUMBER = 999_999
_TRIES = 100
"""How often a number is tried that another app may take at the same moment."""


def new_folder(run_dir: Path) -> tuple[Path, str]:
    """Make the next folder of a run; a temporary one where that cannot be done.

    Returns:
        The folder, and why it is a temporary one ("" if it is not).

    Raises:
        OSError: there is no room for a temporary one either.
    """
    jobs = run_dir.absolute() / JOBS
    try:
        jobs.mkdir(exist_ok=True)
        for _ in range(_TRIES):
            number = max([0, *numbers(run_dir)]) + 1
            if number > _LARGEST_NUMBER:
                break
            folder = jobs / f"{number:06d}"
            with suppress(FileExistsError):  # another app was quicker
                folder.mkdir()
                return folder, ""
        raise OSError(f"no number up to {_LARGEST_NUMBER:,} is free after the last")
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="workbench-job-"))
        why = error.strerror or error
        return folder, f"{jobs} cannot be written to ({why}); this job leaves no record there but in {folder}"


def numbers(run_dir: Path) -> list[int]:
    """The numbers of a run's jobs, the newest first; none where they cannot be listed."""
    try:
        names = [path.name for path in (run_dir / JOBS).iterdir()]
    except OSError:
        return []
    names = [name for name in names if len(name) == 6 and name.isascii() and name.isdigit()]
    return sorted(map(int, names), reverse=True)


def folder_of(run_dir: Path, number: int) -> Path:
    """Where a job of a run lies."""
    return run_dir.absolute() / JOBS / f"{number:06d}"


def read_end(path: Path, most: int = MOST_TEXT) -> bytes:
    """The last bytes of a file, at most so many; nothing where it cannot be read."""
    try:
        descriptor = open_foreign(path)
    except OSError:
        return b""
    try:
        return read_end_of(descriptor, most)
    finally:
        os.close(descriptor)


def read_end_of(descriptor: int, most: int = MOST_TEXT) -> bytes:
    """The last bytes of an open file, at most so many."""
    try:
        return os.pread(descriptor, most, max(0, os.fstat(descriptor).st_size - most))
    except OSError:
        return b""


def new_stream(path: Path) -> BinaryIO:
    """A file for a stream of a command, which writes at its end, wherever that is after ``trim_stream``.

    Raises:
        OSError: it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0)


def trim_stream(path: Path, descriptor: int) -> None:
    """Drop all but the end of a stream that has become too long; what comes at this moment may be lost with it.

    Args:
        path: its file.
        descriptor: the same, open for reading.
    """
    if os.fstat(descriptor).st_size <= MOST_STREAM:
        return
    with suppress(OSError):
        writer = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if os.path.samestat(os.fstat(writer), os.fstat(descriptor)):
                end = read_end_of(descriptor)
                os.ftruncate(writer, 0)
                os.write(writer, end)
        finally:
            os.close(writer)


def take_lock(folder: Path) -> int:
    """Lock a new folder; the lock lasts until all processes that inherit the descriptor have ended.

    Raises:
        OSError: it cannot be locked.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # at most another app that looks is waited for
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def is_locked(descriptor: int) -> bool:
    """Whether another process holds the lock of a file that was opened by ``open_foreign``."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def lives(folder: Path) -> bool:
    """Whether the job of a folder runs."""
    if has_ended(folder):
        return False
    try:
        descriptor = open_foreign(folder / LOCK)
    except OSError:
        return False
    try:
        return is_locked(descriptor)
    finally:
        os.close(descriptor)


def has_ended(folder: Path) -> bool:
    """Whether a job has left its exit code; what it may have started itself can still hold the lock then."""
    return (folder / EXIT).is_file()


def read_pid(folder: Path) -> int | None:
    """The process that a job's command is; None while that is not known."""
    text = read_end(folder / PID, 16).strip()
    pid = int(text) if text.isdigit() else 0
    return pid if 1 < pid <= _LARGEST_PID else None


def read_exit(folder: Path) -> int | None:
    """How a job's command ended: its exit code, minus the number of the signal that killed it; None if unknown."""
    text = read_end(folder / EXIT, 16).strip()
    return from_shell(int(text)) if text.isdigit() and int(text) < 256 else None


def from_shell(code: int) -> int:
    """A shell's exit code as Python has it: 137 is -9. 130 stays, which commands end with after a Ctrl-C."""
    return 128 - code if 128 < code < 128 + 65 and code != 130 else code


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have; none where the system does not tell."""
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for path in Path("/proc").iterdir():
            with suppress(OSError, ValueError, IndexError):
                if path.name.isdigit():
                    after_name = (path / "stat").read_bytes().rpartition(b")")[2]
                    children.setdefault(int(after_name.split()[1]), []).append(int(path.name))
    found, left = [], [pid]
    while left:
        below = children.pop(left.pop(), [])
        found += below
        left += below
    return found


def holds(pid: int, lock: int) -> bool:
    """Whether a process has a file open, so that a number that was given to another process since is not believed."""
    if not Path("/proc/self/fd").is_dir():
        return True
    wanted = os.fstat(lock)
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.path.samestat(path.stat(), wanted):
                    return True
    return False
