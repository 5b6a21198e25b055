"""Ways in which writing a file fails, and what is in a folder after."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainers.errors import WorkbenchError

NOBODY = 65534


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def old_file(folder: Path) -> Path:
    path = folder / "file"
    path.write_bytes(b"old")
    return path


@contextmanager
def full_disk(path: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No file may grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    try:
        yield path
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing_fsync(path: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with patch.context() as inside:
        inside.setattr(os, "fsync", fail)
        yield path


@contextmanager
def interrupted(path: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    def fail(_: int) -> None:
        raise KeyboardInterrupt

    with patch.context() as inside:
        inside.setattr(os, "fsync", fail)
        yield path


@contextmanager
def failing_rename(path: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    def fail(*_: Path) -> None:
        raise OSError(30, "Read-only file system")

    with patch.context() as inside:
        inside.setattr(Path, "replace", fail)
        yield path


@contextmanager
def read_only_folder(path: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that may not be written to; the superuser, whom modes do not stop, becomes nobody for a while."""
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / path.name
        inner.write_bytes(path.read_bytes())
        inner.chmod(0o644)
        Path(folder).chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield inner
        finally:
            if user == 0:
                os.seteuid(user)
            Path(folder).chmod(0o755)


FAILURES = {
    "full disk": (full_disk, WorkbenchError),
    "fsync fails": (failing_fsync, WorkbenchError),
    "rename fails": (failing_rename, WorkbenchError),
    "read-only folder": (read_only_folder, WorkbenchError),
    "Ctrl-C": (interrupted, KeyboardInterrupt),
}
