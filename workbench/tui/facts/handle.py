"""A log that stays open, opened anew where something else was written into its file."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError

_T = TypeVar("_T")
_Stamp = tuple[int, int, int, int]

GROWING = ("running", "crashed")
"""Status of a log whose file may be written to by its own writer."""


class Handle:
    """Opens a log when it is first needed. Not for several threads at once.

    The library keeps what it knows of an open file. That is right while a writer appends, and wrong once the file was
    cut or overwritten in place, so then the log is opened anew, which finds out whether it is whole.

    Attributes:
        damage: why a part of the log cannot be read, None where every part that was asked for could be.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Nothing is opened yet.

        Args:
            path: a run directory or its log file.
            clock: seconds since 1970-01-01 UTC.
        """
        self._path, self._clock = path, clock
        self._log: EnergyLog | None = None
        self._opened, self._stamp = 0, (0, 0, 0, 0)
        self._failed: tuple[_Stamp, Callable[[EnergyLog], object]] | None = None
        self.damage: str | None = None

    @property
    def renewals(self) -> int:
        """Grows whenever another file is read than before, or the same one anew."""
        return self._opened + (self._log.num_replaced if self._log is not None else 0)

    def open(self) -> EnergyLog:
        """The log, as it was found last.

        Raises:
            WorkbenchError: there is no readable log.
        """
        if self._log is None:
            self._log = EnergyLog.open(self._path, clock=self._clock)
            self._stamp = _stamp(self._log.path)
        return self._log

    def look(self) -> EnergyLog:
        """The log as it is now.

        Raises:
            WorkbenchError: it is gone, or damaged.
            OSError: it cannot be looked at.
        """
        log = self.open()
        if not log.path.exists():
            raise WorkbenchError(f"{log.path} is gone")
        stamp = _stamp(log.path)
        if self._is_overwritten(log, stamp):
            self.close()
            log = self.open()
        log.refresh()
        self._stamp = stamp
        if self._failed is not None and self._failed[0] != stamp:
            again, self._failed, self.damage = self._failed[1], None, None
            with suppress(WorkbenchError):  # it is in ``damage``
                self.attempt(again)
        return log

    def attempt(self, read: Callable[[EnergyLog], _T]) -> _T:
        """Read a part of the log; what fails is tried again once something was written.

        Raises:
            WorkbenchError: it cannot be read.
        """
        log = self.open()
        try:
            return read(log)
        except WorkbenchError as error:
            self._failed, self.damage = (self._stamp, read), str(error)
            raise

    def close(self) -> None:
        """Close the log, if it is open; ``open`` opens it again."""
        if self._log is not None:
            self._opened = self.renewals + 1
            self._log.close()
            self._log = None

    def _is_overwritten(self, log: EnergyLog, stamp: _Stamp) -> bool:
        """Whether the same file was written to by something else than the run that appends to it."""
        before = self._stamp
        same_file = stamp[:2] == before[:2] and not log.in_segments
        return same_file and (stamp[2] < before[2] or (stamp != before and log.status not in GROWING))


def _stamp(path: Path) -> _Stamp:
    """Which file is there, its size and when it was written to; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0, 0
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
