"""Where a writer's rows go: the seam between what a log holds and how it reaches the disk."""

import os
from contextlib import suppress
from typing import Any, Protocol

import h5py
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, abandon, descriptor
from trainers.energylog.rules import census
from trainers.energylog.schema import COUNTER_OF, DATASETS, STATUSES


class Sink(Protocol):
    """The log as its one writer sees it; every method may raise one of HDF5_ERRORS, after which it must be given up.

    Attributes:
        data: Every data set of the schema by its path, to be read; the writer's own process may read what it wrote.
    """

    data: dict[str, Any]

    def write(self, path: str, start: int, rows: NDArray[Any]) -> None:
        """Add rows of a growing data set behind the committed ones; no reader sees them yet."""

    def commit(self, axis: str, num_rows: int) -> None:
        """Make ``num_rows`` rows along a growing axis the committed ones."""

    def pulse(self, now: float) -> None:
        """Tell readers that the writer is alive."""

    def end(self, status: str, now: float) -> None:
        """Write the final status and close."""

    def give_up(self, status: str) -> None:
        """Close after a failure, leaving what is committed readable, with this status if it can be; raises nothing."""

    @property
    def is_open(self) -> bool:
        """Whether it was neither ended nor given up."""


class LiveFile:
    """One HDF5 file in SWMR mode, which readers follow.

    The rules that this rests on are asserted: no object or attribute is made after SWMR is on, rows never share a chunk
    with committed ones, and they are flushed before the counter that covers them is raised.
    """

    def __init__(self, file: h5py.File) -> None:
        """Take over a file that is in SWMR mode."""
        assert file.swmr_mode, "readers would be locked out"
        self.file = file
        self.data: dict[str, Any] = {dataset.path: file[dataset.path] for dataset in DATASETS}
        self._census = census(file)
        self._unflushed: set[str] = set()

    def write(self, path: str, start: int, rows: NDArray[Any]) -> None:
        """See :class:`Sink`."""
        append(self.data, path, start, rows)
        self._unflushed.add(path)

    def commit(self, axis: str, num_rows: int) -> None:
        """Data, flush, counter, flush; an epoch is also made to survive a power cut."""
        self._flush()
        self._set(COUNTER_OF[axis], num_rows)
        self.file.flush()
        if axis == "epoch":
            assert census(self.file) == self._census, "objects or attributes were made after SWMR was switched on"
            os.fsync(descriptor(self.file))

    def pulse(self, now: float) -> None:
        """See :class:`Sink`."""
        self.data["/state/heartbeat"][0] = now
        self.data["/state/heartbeat"].flush()

    def end(self, status: str, now: float) -> None:
        """See :class:`Sink`."""
        self.data["/state/heartbeat"][0] = now
        self.data["/state/status"][0] = STATUSES.index(status)
        self.file.flush()
        self.file.close()

    def give_up(self, status: str) -> None:
        """See :class:`Sink`."""
        with suppress(*HDF5_ERRORS):
            # The status is rewritten in place, for which a full disk still has room.
            self.data["/state/status"][0] = STATUSES.index(status)
            self.data["/state/status"].flush()
        abandon(self.file)

    @property
    def is_open(self) -> bool:
        """See :class:`Sink`."""
        return bool(self.file)

    def _flush(self) -> None:
        self.file.flush()
        self._unflushed.clear()

    def _set(self, counter: str, num_rows: int) -> None:
        assert not self._unflushed, f"{counter} before {self._unflushed} are flushed"
        self.data[counter][0] = num_rows


def append(data: dict[str, Any], path: str, start: int, rows: NDArray[Any]) -> None:
    """Write rows behind the committed ones, never sharing a chunk with them."""
    dataset = data[path]
    assert start % dataset.chunks[0] == 0, f"{path}: rows from {start} share a chunk with committed ones"
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows
