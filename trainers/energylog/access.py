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
from trainers.energylog.meta import RunMeta, check_format, read_meta
from trainers.energylog.opening import RETRY_SECONDS, damaged, find, open_hdf5
from trainers.energylog.schema import COUNTER_OF, DATASETS, GROWING_AXES, STATE_COLUMNS, STATUSES
from trainers.energylog.structure import checked_datasets, num_chunks
from trainers.errors import WorkbenchError

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What ``/state`` said at one moment; ``rows`` counts what is whole on disk along each growing axis."""

    status: str
    heartbeat: float
    rows: dict[str, int]


class LogFile:
    """An open log whose every data set is what the schema says; may be used by several readers and threads.

    There is one per file and process: of a live file that is open twice the library does not see what was appended
    since, and gives wrong values for it.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        """Check an open file; use :meth:`open` instead."""
        self.path = path
        self._file = file
        self._lock = threading.RLock()
        self._num_users = 1
        self._identity = _identity(os.fstat(descriptor(file)))
        check_format(file)
        self._data = checked_datasets(file)
        self.step_block = int(self._data["/step/step"].chunks[0])
        self.meta: RunMeta = read_meta(file)
        rows = self.read_state().rows
        for dataset in DATASETS:
            if dataset.axes[0] in GROWING_AXES and (count := rows[dataset.axes[0]]):
                self._attempt(dataset.path, self._check_last_row, count)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at ``path``, a file; to be closed as often as it was opened.

        Raises:
            WorkbenchError: It is not HDF5, no energy log, of a newer schema, or damaged.
        """
        with _OPEN_LOCK:
            shared = _OPEN.get(_identity(find(path)[0].stat()))
            if isinstance(shared, cls):
                shared._num_users += 1
                return shared
            file = open_hdf5(path)
            try:
                log = cls(path, file)
            except WorkbenchError as error:
                file.close()
                raise error if str(path) in str(error) else damaged(path, str(error)) from error
            except (*HDF5_ERRORS, TypeError, AttributeError, OverflowError, MemoryError) as error:
                file.close()
                raise damaged(path, reason(error)) from error
            _OPEN[log._identity] = log
            return log

    def close(self) -> None:
        """Give the file up; the last user's call closes it."""
        with _OPEN_LOCK, self._lock:
            self._num_users -= 1
            if self._num_users == 0:
                _OPEN.pop(self._identity)
                self._file.close()

    def is_at(self, path: Path) -> bool:
        """Whether this is the file at ``path``; also where there is none any more."""
        try:
            return self._identity == _identity(path.stat())
        except FileNotFoundError:
            return True

    def read_state(self) -> State:
        """Read ``/state``. Rows must be read after it, never before.

        Raises:
            WorkbenchError: It cannot be read or makes no sense.
        """
        values = {column.name: self._attempt(f"/state/{column.name}", _value) for column in STATE_COLUMNS}
        rows = {axis: int(values[path.removeprefix("/state/")]) for axis, path in COUNTER_OF.items()}
        if not (values["status"] < len(STATUSES) and 0 < values["heartbeat"] < math.inf and min(rows.values()) >= 0):
            raise damaged(self.path, "/state makes no sense")
        return State(status=STATUSES[int(values["status"])], heartbeat=float(values["heartbeat"]), rows=rows)

    def rows(self, path: str, start: int, stop: int, *, committed: int) -> NDArray[Any]:
        """Rows of a growing data set of which ``committed`` rows are committed, among them these.

        Raises:
            WorkbenchError: They are not there or do not match their checksums.
        """
        return self._attempt(path, _rows, start, stop, committed)

    def fixed(self, path: str) -> NDArray[Any]:
        """The whole of a data set that never changes.

        Raises:
            WorkbenchError: It does not match its checksums.
        """
        return self._attempt(path, lambda dataset: np.asarray(dataset[...]))

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
        if chunk.byte_offset is None or chunk.byte_offset + chunk.size > os.fstat(descriptor(self._file)).st_size:
            raise OSError("committed rows are missing")


_OPEN: dict[tuple[int, int], LogFile] = {}
_OPEN_LOCK = threading.RLock()


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _see(dataset: Any, count: int) -> None:
    """Make ``count`` rows of a data set visible, or raise OSError."""
    if dataset.shape[0] < count:
        dataset.refresh()
    if dataset.shape[0] < count:
        raise OSError(f"{dataset.shape[0]} of {count} rows")


def _rows(dataset: Any, start: int, stop: int, committed: int) -> NDArray[Any]:
    _see(dataset, committed)
    # Every committed row is written, so a missing chunk is an old view of the file or damage. The library would fill
    # it in without a word.
    if num_chunks(dataset, committed) > dataset.id.get_num_chunks():
        raise OSError("committed rows are missing")
    rows: NDArray[Any] = dataset[start:stop]
    return rows


def _value(dataset: Any) -> float:
    dataset.id.refresh()
    value: float = dataset[0].item()
    return value
