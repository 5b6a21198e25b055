"""The folders of samples of a run: what each was asked for, how far it is, how it was scored. Call it in a thread."""

import fcntl
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainers.errors import WorkbenchError
from workbench.foreign import read_foreign
from workbench.sampling.files import SEGMENTS, files_of, open_samples
from workbench.sampling.settings import SETTINGS_NAME, Settings, settings_of
from workbench.sampling.tables import NAME, check
from workbench.target import DERIVED
from workbench.tui.generated.scores import ScoreCard, read_scores

PREFIX = "samples-"
LARGEST_SETTINGS = 1_000_000
MOST_FOLDERS = 10_000
LOCKS = Path("/proc/locks")

State = Literal["complete", "part", "running", "empty", "damaged"]
_EPOCH = re.compile(r"epoch-(\d{1,9})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A folder of samples.

    Attributes:
        path: where it is.
        when: of the last change of what it was asked for, seconds since 1970-01-01 UTC.
        settings: what it was asked for; None where that cannot be read.
        ended: chains that have ended.
        running: whether a command works on it now, as far as this machine knows.
        scores: how it was scored, the latest first.
        problem: why it cannot be read; None if it can.
    """

    path: Path
    when: float
    settings: Settings | None
    ended: int
    running: bool
    scores: tuple[ScoreCard, ...]
    problem: str | None = None

    @property
    def asked(self) -> int | None:
        """Images that it was asked for."""
        return None if self.settings is None else self.settings.spec.num

    @property
    def epoch(self) -> int | None:
        """The epoch of its checkpoint, by the checkpoint's name."""
        match = None if self.settings is None else _EPOCH.fullmatch(self.settings.checkpoint.stem)
        return None if match is None else int(match[1])

    @property
    def state(self) -> State:
        """How it is doing."""
        if self.running:
            return "running"
        if self.problem is not None:
            return "damaged"
        if self.ended >= (self.asked or 0):
            return "complete"
        return "part" if self.ended else "empty"


def find_folders(run_dir: Path) -> list[tuple[float, Path]]:
    """When each folder of samples of a run was asked for, and where it is; the latest first."""
    found = []
    try:
        with os.scandir(run_dir / DERIVED) as entries:
            for entry in entries:
                if entry.name.startswith(PREFIX) and entry.is_dir():
                    found.append((_changed(Path(entry.path)), Path(entry.path)))
    except OSError:
        return []
    return sorted(found, reverse=True)[:MOST_FOLDERS]


class FolderReader:
    """Reads folders, each again only if it has changed. Use it in one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, Folder]] = {}
        self._rows: dict[Path, tuple[object, int]] = {}

    def read(self, found: Sequence[tuple[float, Path]]) -> list[Folder]:
        """Some folders, in their order; what is known of others is forgotten."""
        locked = _locked()
        folders = {path: self._read(path, when, locked) for when, path in found}
        self._known = {path: known for path, known in self._known.items() if path in folders}
        self._rows = {
            path: known for path, known in self._rows.items() if path.parent in folders or path.parent.parent in folders
        }
        return list(folders.values())

    def _read(self, path: Path, when: float, locked: frozenset[int]) -> Folder:
        running = _inode(path) in locked and _is_locked(path)
        signature = (running, *(_signature(path / name) for name in ("", SETTINGS_NAME, NAME, SEGMENTS)))
        known = self._known.get(path)
        if known is None or known[0] != signature:
            known = self._known[path] = signature, self._read_anew(path, when, running=running)
        return known[1]

    def _read_anew(self, path: Path, when: float, *, running: bool) -> Folder:
        settings, problems = None, []
        try:
            settings = bounded_settings(path)
        except WorkbenchError as error:
            problems.append(str(error))
        ended = 0
        for file in files_of(path):
            try:
                ended += self._count(file)
            except WorkbenchError as error:
                problems.append(str(error))
        if settings is not None:
            ended = min(ended, settings.spec.num)  # a chain that was gone on with is in two files
        return Folder(
            path=path,
            when=when,
            settings=settings,
            ended=ended,
            running=running,
            scores=read_scores(path),
            problem=problems[0] if problems else None,
        )

    def _count(self, file: Path) -> int:
        signature = _signature(file)
        if self._rows.get(file, (None, 0))[0] != signature:
            with open_samples(file) as opened:
                check(opened, file)
                self._rows[file] = signature, len(opened["chain"])
        return self._rows[file][1]


def bounded_settings(folder: Path) -> Settings:
    """What a folder was asked for.

    Raises:
        WorkbenchError: it cannot be read, or is far too long to be what a command of ours wrote.
    """
    file = folder / SETTINGS_NAME
    try:
        content = tomllib.loads(read_foreign(file, LARGEST_SETTINGS).decode())
    except FileNotFoundError:
        raise WorkbenchError(f"there is no {SETTINGS_NAME} in {folder}: nothing was asked for yet") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WorkbenchError(f"cannot read {file} ({getattr(error, 'strerror', None) or error})") from None
    return settings_of(folder, content)


def _changed(folder: Path) -> float:
    for path in (folder / SETTINGS_NAME, folder):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def _signature(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder.

    Ask only where the system speaks of a lock on that inode, for a command that starts at this moment may find the lock
    taken. The inode may be of another device, and not every file system has the device of ``/proc/locks`` in ``stat``.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked() -> frozenset[int]:
    """Inodes of what processes have locked, as sampling does with its folder; none where the system does not tell."""
    try:
        lines = LOCKS.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(_inodes(lines))


def _inodes(lines: Sequence[str]) -> Iterator[int]:
    for line in lines:
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK":
            number = words[5].rpartition(":")[2]
            if number.isdigit():
                yield int(number)
