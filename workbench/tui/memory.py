"""What the app remembers from one start to the next: where the user was in each run and each list, and the theme.

It is a convenience: what cannot be read is forgotten, what cannot be written is not said. Apps that run at the same
time keep each other's entries: a save takes what the file holds by then and changes only what this app changed.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from textual.app import App

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME

Kind = Literal["runs", "lists", "app"]
Scalar = str | int | float | bool | None
Entry = Mapping[str, object]
"""Scalars, lists of them, and mappings of them, by name; whoever reads it checks every value."""

STATE_VARIABLE = "WORKBENCH_STATE"
VERSION = 1
KINDS: tuple[Kind, ...] = ("runs", "lists", "app")
MOST_ENTRIES = 200
"""Runs, and lists, that are remembered: those last seen."""

TRIES, PAUSE_SECONDS = 20, 0.01
"""How often, and how long between, the lock of the file is tried."""

LATEST = 1e15
"""Seconds since 1970 beyond which nothing is a time."""

LARGEST = 4_000_000
LARGEST_ENTRY = 16_000
"""Bytes of the file, and of one entry; longer ones are forgotten."""


@runtime_checkable
class Keeps(Protocol):
    """Something that keeps a few values of its own over restarts: a widget of a run, or a screen."""

    def keep(self) -> dict[str, object]:
        """What to remember: JSON scalars and short lists of them, by name."""
        ...

    def restore(self, kept: Mapping[str, object]) -> None:
        """Take what was kept; every value may be missing or of any kind, for the file is the user's."""
        ...


def state_path() -> Path:
    """The user's file; ``WORKBENCH_STATE`` names another."""
    chosen = os.environ.get(STATE_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_state_path

    return user_state_path("workbench") / "state.json"


class Memory:
    """Entries by kind and key, in a file that is read once and written when something changed."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Read what there is; a damaged or foreign file counts as none."""
        self._path, self._clock = path, clock
        self._entries = _read(path)
        self._changed: dict[tuple[Kind, str], Entry] = {}
        self._lock = threading.Lock()

    def recall(self, kind: Kind, key: str) -> Entry:
        """What was noted; nothing, if nothing was."""
        found = self._entries[kind].get(key, {}).get("kept")
        return found if isinstance(found, dict) else {}

    def note(self, kind: Kind, key: str, entry: Entry) -> None:
        """Remember something; it is written by the next ``save``."""
        if entry != self.recall(kind, key) and len(json.dumps(entry)) <= LARGEST_ENTRY:
            self._changed[kind, key] = entry
            self._entries[kind][key] = {"at": self._clock(), "kept": dict(entry)}

    @property
    def is_changed(self) -> bool:
        """Whether there is something to write."""
        return bool(self._changed)

    def save(self) -> None:
        """Write what changed, beside what other apps wrote since. May be called in a thread."""
        with self._lock:
            changed, self._changed = self._changed, {}
            if not changed:
                return
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.with_suffix(".lock").open("w") as lock:
                    _hold(lock.fileno())
                    self._write(changed)
            except (OSError, WorkbenchError):
                for what, entry in changed.items():  # for the next save; what was noted since is newer
                    self._changed.setdefault(what, entry)

    def _write(self, changed: Mapping[tuple[Kind, str], Entry]) -> None:
        entries = _read(self._path)
        for (kind, key), entry in changed.items():
            entries[kind][key] = {"at": self._clock(), "kept": dict(entry)}
        latest = {kind: _latest(entries[kind]) for kind in KINDS}
        write_atomically(self._path, json.dumps({"version": VERSION, **latest}).encode())


def _hold(lock: int) -> None:
    """Take the lock; OSError if another app does not let it go, which is no reason to keep this one waiting."""
    for _ in range(TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(PAUSE_SECONDS)
    raise BlockingIOError


@runtime_checkable
class Remembered(Keeps, Protocol):
    """A screen that is remembered."""

    @property
    def memory_key(self) -> tuple[Kind, str]:
        """What it is remembered by."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An app with a memory."""

    memory: Memory


def place_of(path: Path) -> str:
    """What a run directory, its log or a folder is remembered by: its absolute path."""
    where = path.absolute()
    return os.path.normpath(where.parent if where.name == LOG_NAME else where)


def places_of(paths: Sequence[Path]) -> str:
    """What a list of several places is remembered by."""
    if len(paths) == 1:
        return place_of(paths[0])
    digest = sha256("\0".join(map(place_of, paths)).encode(errors="surrogateescape")).hexdigest()
    return f"{len(paths)} places {digest[:16]}"


def texts(value: object, most: int) -> list[str]:
    """The texts of a kept list, at most so many; none, if it is no list."""
    return [text for text in value[:most] if isinstance(text, str)] if isinstance(value, list) else []


def memory_of(app: App[Any]) -> Memory:
    """The memory of the app that a screen or a widget is in."""
    assert isinstance(app, Remembering)
    return app.memory


def _read(path: Path) -> dict[Kind, dict[str, dict[str, object]]]:
    """The entries of a file; none where it is not there, is too large, or is not one of this version."""
    content: object = None
    with suppress(OSError, ValueError, RecursionError):
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        content = json.loads(text) if len(text) <= LARGEST else None
    known = content if isinstance(content, dict) and content.get("version") == VERSION else {}
    return {kind: _sound(known.get(kind)) for kind in KINDS}


def _sound(entries: object) -> dict[str, dict[str, object]]:
    if not isinstance(entries, dict):
        return {}
    return {
        key: entry
        for key, entry in entries.items()
        if isinstance(entry, dict) and _is_time(entry.get("at")) and isinstance(entry.get("kept"), dict)
    }


def _is_time(value: object) -> bool:
    """Whether it is a number that times can be sorted by."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LATEST


def _latest(entries: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    newest = sorted(entries.items(), key=lambda item: float(str(item[1]["at"])))
    return dict(newest[-MOST_ENTRIES:])
