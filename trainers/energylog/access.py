"""Read state and rows of an open log, and share one handle of it within the process."""

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, descriptor, reason
from trainers.energylog.meta import RunMeta, check_format, is_in_segments, read_meta
from trainers.energylog.opening import RETRY_SECONDS, damaged, find, open_hdf5
from trainers.energylog.schema import COUNTER_OF, DATASETS, SPLITS, STATE_COLUMNS, STATUSES, sizes_of
from trainers.energylog.segments import TABLE_PATHS, Segments, open_image, read_heartbeat
from trainers.energylog.structure import check_chunks, checked_datasets, num_chunks
from trainers.errors import WorkbenchError

_T = TypeVar("_T")

MOST_IN_MEMORY = 256 << 20
"""The most bytes of an index that is read into memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What ``/state`` said at one moment; ``rows`` counts what is whole on disk along each growing axis."""

    status: str
    heartbeat: float
    rows: dict[str, int]


class LogFile:
    """An open log whose every data set is what the schema says; may be used by several readers and threads.

    There is one per file and process: of a live file that is open twice the library does not see what was appended
    since, and gives wrong values for it. The index of a log in segments is never live: it is read into memory, and
    its descriptor is kept only so that no other file can take its inode.
    """

    def __init__(self, path: Path, file: h5py.File, pin: int | None = None) -> None:
        """Check an open file; use :meth:`open` instead.

        Args:
            path: where it is.
            file: the file, or an image of it in memory.
            pin: the descriptor of the file on disk, where ``file`` is an image.
        """
        self.path = path
        self._file = file
        self._pin = pin
        self._lock = threading.RLock()
        self._num_users = 1
        self._identity = _identity(self._stat())
        check_format(file)
        self._data = checked_datasets(file)
        self.step_block = int(self._data["/step/step"].chunks[0])
        self.meta: RunMeta = read_meta(file)
        self._segments = self._segments_beside() if is_in_segments(file) else None
        stored = {name: int(dataset.shape[0]) for name, dataset in self._data.items()}  # before the counters
        state = self.read_state()
        rows = state.rows
        for dataset in DATASETS:
            axis, name = dataset.axes[0], dataset.path
            uncounted = 0 if state.status in ("finished", "stopped") else self.step_block if axis == "step" else 1
            if axis in rows and stored[name] > rows[axis] + uncounted:
                raise WorkbenchError(f"{COUNTER_OF[axis]} counts {rows[axis]} of {stored[name]} rows")
            if rows.get(axis) and not self._is_apart(name):
                self._attempt(name, self._check_last_row, rows[axis])

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at ``path``, a file; to be closed as often as it was opened.

        Raises:
            WorkbenchError: It is not HDF5, no energy log, of a newer schema, or damaged.
        """
        with _OPEN_LOCK:
            shared = _OPEN.get(_identity(find(path)[0].stat()))
            if isinstance(shared, cls) and shared.is_at(path):
                shared._num_users += 1
                return shared
            file, pin = open_hdf5(path), None
            try:
                if is_in_segments(file):
                    file, pin = _into_memory(path, file)
                log = cls(path, file, pin)
            except WorkbenchError as error:
                _release(file, pin)
                raise error if str(path) in str(error) else damaged(path, str(error)) from error
            except (*HDF5_ERRORS, TypeError, AttributeError, OverflowError, MemoryError) as error:
                _release(file, pin)
                raise damaged(path, reason(error)) from error
            _OPEN[log._identity] = log
            return log

    def close(self) -> None:
        """Give the file up; the last user's call closes it."""
        with _OPEN_LOCK, self._lock:
            self._num_users -= 1
            if self._num_users == 0:
                if _OPEN.get(self._identity) is self:
                    _OPEN.pop(self._identity)
                if self._segments is not None:
                    self._segments.close()
                _release(self._file, self._pin)

    @property
    def in_segments(self) -> bool:
        """Whether the tables of each epoch are in files of their own."""
        return self._segments is not None

    def is_at(self, path: Path) -> bool:
        """Whether this is the file at ``path``; also where there is none any more."""
        try:
            if self._pin is None:
                return self._identity == _identity(path.stat())
            with path.open("rb") as stream:  # over a network only an open file is sure to be looked up anew
                return _version(self._stat()) == _version(os.fstat(stream.fileno()))
        except FileNotFoundError:
            return True

    def check_segment(self, epoch: int) -> None:
        """Make sure that the tables of an epoch are there, without reading them all.

        Raises:
            WorkbenchError: they are not.
        """
        assert self._segments is not None
        with self._lock:
            self._segments.check(epoch)

    def read_state(self) -> State:
        """Read ``/state``. Rows must be read after it, never before.

        Raises:
            WorkbenchError: It cannot be read or makes no sense.
        """
        values = {column.name: self._attempt(f"/state/{column.name}", _value) for column in STATE_COLUMNS}
        rows = {axis: int(values[path.removeprefix("/state/")]) for axis, path in COUNTER_OF.items()}
        if not (values["status"] < len(STATUSES) and 0 < values["heartbeat"] < math.inf and min(rows.values()) >= 0):
            raise damaged(self.path, "/state makes no sense")
        heartbeat = float(values["heartbeat"])
        if self._segments is not None:
            heartbeat = max(heartbeat, read_heartbeat(self.path))
        return State(status=STATUSES[int(values["status"])], heartbeat=heartbeat, rows=rows)

    def rows(self, path: str, start: int, stop: int, *, committed: int) -> NDArray[Any]:
        """Rows of a growing data set of which ``committed`` rows are committed, among them these.

        Raises:
            WorkbenchError: They are not there or do not match their checksums.
        """
        if self._segments is not None and self._is_apart(path):
            with self._lock:
                return self._segments.rows(path, start, stop)
        return self._attempt(path, _rows, start, stop, committed)

    def part(self, path: str, row: int, first: int, end: int, *, committed: int) -> NDArray[Any]:
        """Elements ``first`` to ``end`` of one row of a table, of which only the chunks that hold them are read.

        Raises:
            WorkbenchError: They are not there or do not match their checksums.
        """
        if self._segments is not None and self._is_apart(path):
            with self._lock:
                whole: NDArray[Any] = self._segments.rows(path, row, row + 1)[0]
                return whole[first:end]
        return self._attempt(path, _part, row, first, end, committed)

    def fixed(self, path: str) -> NDArray[Any]:
        """The whole of a data set that never changes.

        Raises:
            WorkbenchError: It does not match its checksums.
        """
        return self._attempt(path, _whole)

    def _attempt(self, path: str, read: Callable[..., _T], *arguments: int) -> _T:
        """``read(dataset, *arguments)``, tried again a few times before its failure is called damage."""
        dataset = self._data[path]
        with self._lock:
            for pause in (*RETRY_SECONDS, None):
                try:
                    return read(dataset, *arguments)
                except HDF5_ERRORS as error:
                    if pause is None:
                        raise damaged(self.path, f"{path}: {reason(error)}") from error
                time.sleep(pause)
                with suppress(*HDF5_ERRORS):
                    dataset.refresh()
        raise AssertionError("the last attempt returns or raises")

    def _check_last_row(self, dataset: Any, count: int) -> None:
        """Raise OSError unless the last committed row lies within the file."""
        _see(dataset, count)
        if 0 in dataset.shape:
            return
        ends = zip((count, *dataset.shape[1:]), dataset.chunks, strict=True)
        chunk = dataset.id.get_chunk_info_by_coord(tuple((size - 1) // step * step for size, step in ends))
        if chunk.byte_offset is None or chunk.byte_offset + chunk.size > self._stat().st_size:
            raise OSError("committed rows are missing")

    def _stat(self) -> os.stat_result:
        return os.fstat(descriptor(self._file) if self._pin is None else self._pin)

    def _is_apart(self, path: str) -> bool:
        return self._segments is not None and path in TABLE_PATHS

    def _segments_beside(self) -> Segments:
        num_train, num_probe = (len(self._data[f"/{split}/index"]) for split in SPLITS)
        sizes = sizes_of(num_train=num_train, num_probe=num_probe, step_block=self.step_block)
        return Segments(self.path, sizes, lambda epoch: self.rows("/epoch", epoch, epoch + 1, committed=epoch + 1))


_OPEN: dict[tuple[int, int], LogFile] = {}
_OPEN_LOCK = threading.RLock()


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _version(stat: os.stat_result) -> tuple[int, ...]:
    """Tells a closed file from others: over a network an inode that is open here may be used again."""
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def _into_memory(path: Path, file: h5py.File) -> tuple[h5py.File, int | None]:
    """An image of the closed file at ``path`` instead of ``file``, and the descriptor of what it was read from.

    A larger one stays open as it is.

    Raises:
        OSError: it cannot be read.
    """
    pin = os.open(path, os.O_RDONLY)
    try:
        if os.fstat(pin).st_size > MOST_IN_MEMORY:
            os.close(pin)
            return file, None
        with open(pin, "rb", closefd=False) as stream:
            image = open_image(stream.read())
    except BaseException:
        os.close(pin)
        raise
    file.close()
    return image, pin


def _release(file: h5py.File, pin: int | None) -> None:
    file.close()
    if pin is not None:
        os.close(pin)


def _see(dataset: Any, count: int) -> None:
    """Make ``count`` rows of a data set visible, or raise OSError."""
    if dataset.shape[0] < count:
        dataset.refresh()
    if dataset.shape[0] < count:
        raise OSError(f"{dataset.shape[0]} of {count} rows")


def _rows(dataset: Any, start: int, stop: int, committed: int) -> NDArray[Any]:
    _see(dataset, committed)
    # Every committed row is written, so a missing chunk is an old view of the file or damage.
    if num_chunks(dataset, committed) > dataset.id.get_num_chunks():
        raise OSError("committed rows are missing")
    check_chunks(dataset, start, stop)
    rows: NDArray[Any] = dataset[start:stop]
    return rows


def _part(dataset: Any, row: int, first: int, end: int, committed: int) -> NDArray[Any]:
    _see(dataset, committed)
    check_chunks(dataset, row, row + 1, (first, end))
    values: NDArray[Any] = dataset[row, first:end]
    return values


def _whole(dataset: Any) -> NDArray[Any]:
    check_chunks(dataset, 0, len(dataset))
    return np.asarray(dataset[...])


def _value(dataset: Any) -> float:
    dataset.id.refresh()
    check_chunks(dataset, 0, 1)
    value: float = dataset[0].item()
    return value
