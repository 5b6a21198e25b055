"""Reads many runs, each again only when its log has changed. Import it late: it needs numpy."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME
from workbench.summary import summarize
from workbench.workspace import Entry, entry_of, find_logs, unreadable

_Signature = tuple[int, int, int] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A run in the list; ``last_step`` are the steps made by the end of each epoch, (E,), empty if it is unreadable."""

    entry: Entry
    last_step: NDArray[np.int64]


class Catalog:
    """The runs below some directories, or some runs by themselves."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float]) -> None:
        """Say where to look; nothing is read yet.

        Args:
            paths: run directories, log files, and directories with runs below them.
            clock: seconds since 1970-01-01 UTC.
        """
        self._paths, self._clock = tuple(paths), clock
        self._known: dict[Path, tuple[_Signature, Listed]] = {}
        self._lock = threading.Lock()

    def read(self) -> Iterator[dict[Path, Listed]]:
        """Look once; all runs so far after each one that was read, at last all that are there."""
        with self._lock:
            logs = dict(self._logs())
            self._known = {path: known for path, known in self._known.items() if path in logs}
            for path, name in logs.items():
                signature = _signature(path)
                before = self._known.get(path)
                if before is not None and before[0] == signature and not _may_change(before[1].entry):
                    continue
                self._known[path] = (signature, self._read(path, name))
                if before is None:
                    yield self._listed()
            yield self._listed()

    def _listed(self) -> dict[Path, Listed]:
        return {path: listed for path, (_, listed) in self._known.items()}

    def _logs(self) -> Iterator[tuple[Path, str]]:
        """Every log and what it is called; one that is given twice comes once."""
        several = len(self._paths) > 1
        for given in self._paths:
            if given.is_dir() and not (given / LOG_NAME).exists():
                for log in find_logs(given):
                    name = str(log.parent.relative_to(given))
                    yield log, f"{given.name}/{name}" if several else name
            else:
                yield (given / LOG_NAME if given.is_dir() else given), (given.name or str(given))

    def _read(self, path: Path, name: str) -> Listed:
        try:
            with EnergyLog.open(path, clock=self._clock) as log:
                return Listed(
                    entry=entry_of(summarize(log, now=self._clock()), name), last_step=log.epochs()["last_step"]
                )
        except (WorkbenchError, OSError) as error:
            return Listed(entry=unreadable(path, name, str(error)), last_step=np.empty(0, dtype=np.int64))


def _signature(path: Path) -> _Signature:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _may_change(entry: Entry) -> bool:
    """A live run becomes a crashed one without a change of its file, and segments grow beside it."""
    return entry.values["status"] == "live"
