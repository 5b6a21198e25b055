"""Open a log that may be finished, live, left by a killed writer, damaged or made to harm, and read rows of it."""

import ctypes
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5z
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, descriptor, reason
from trainers.energylog.meta import RunMeta, check_format, read_meta
from trainers.energylog.schema import (
    COUNTER_OF,
    DATASETS,
    GROWING_AXES,
    STATE_COLUMNS,
    STATUSES,
    Dataset,
    sizes_of,
)
from trainers.errors import WorkbenchError

RETRY_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04)
"""Pauses between the attempts to read something: a value may be rewritten while it is read."""

METADATA_ATTEMPTS = 24
"""Attempts of the library to read metadata beside a writer; the pauses between them add up to 17 ms."""

MAX_STEP_BLOCK = 65_536

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What ``/state`` said at one moment; ``rows`` counts what is whole on disk along each growing axis."""

    status: str
    heartbeat: float
    rows: dict[str, int]


class LogFile:
    """An open log whose every data set is known to be what the schema says."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        """Check an open file; use :meth:`open` instead."""
        self.path = path
        self._file = file
        check_format(file)
        self._data = {dataset.path: _dataset(file, dataset) for dataset in DATASETS}
        self.step_block = int(self._data["/step/step"].chunks[0])
        self._check_shapes()
        self.meta: RunMeta = read_meta(file)
        self.state = self._read_state()
        for dataset in DATASETS:
            if dataset.axes[0] in GROWING_AXES:
                self._check_present(dataset)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a run directory or a log.

        Raises:
            WorkbenchError: There is none, or it is not HDF5, no energy log, of a newer schema, or damaged.
        """
        path, file = _open_hdf5(Path(path))
        try:
            return cls(path, file)
        except WorkbenchError as error:
            file.close()
            raise error if str(path) in str(error) else damaged(path, str(error)) from error
        except (*HDF5_ERRORS, TypeError, AttributeError, OverflowError, MemoryError) as error:
            file.close()
            raise damaged(path, reason(error)) from error

    def refresh(self) -> None:
        """Read ``/state`` again. Rows must be read after it, never before."""
        state = self._read_state()
        if any(state.rows[axis] < count for axis, count in self.state.rows.items()):
            raise damaged(self.path, "its counters went back")
        self.state = state

    def replaced(self) -> bool:
        """Whether another file has taken the place of this one; False where there is none any more."""
        try:
            return not os.path.samestat(os.fstat(descriptor(self._file)), self.path.stat())
        except FileNotFoundError:
            return False

    def rows(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Rows of a growing data set, all of them committed.

        Raises:
            WorkbenchError: They are not there or do not match their checksums.
        """
        dataset = self._data[path]

        def read() -> NDArray[Any]:
            if dataset.shape[0] < stop:
                dataset.refresh()
            if _chunks_of(dataset, stop) > dataset.id.get_num_chunks():
                raise OSError("committed rows are missing")
            rows: NDArray[Any] = dataset[start:stop]
            return rows

        return self._retry(path, read, dataset)

    def fixed(self, path: str) -> NDArray[Any]:
        """The whole of a data set that never changes."""
        dataset = self._data[path]
        return self._retry(path, lambda: np.asarray(dataset[...]), dataset)

    def num_samples(self, split: str) -> int:
        """Samples of a split."""
        return int(self._data[f"/{split}/index"].shape[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_state(self) -> State:
        values = {column.name: self._read_scalar(f"/state/{column.name}") for column in STATE_COLUMNS}
        rows = {axis: int(values[path.removeprefix("/state/")]) for axis, path in COUNTER_OF.items()}
        if not (values["status"] < len(STATUSES) and 0 < values["heartbeat"] < math.inf and min(rows.values()) >= 0):
            raise damaged(self.path, "/state makes no sense")
        return State(status=STATUSES[int(values["status"])], heartbeat=float(values["heartbeat"]), rows=rows)

    def _read_scalar(self, path: str) -> float:
        dataset = self._data[path]

        def read() -> float:
            dataset.id.refresh()
            value: float = dataset[0].item()
            return value

        return self._retry(path, read, dataset)

    def _retry(self, path: str, read: Callable[[], _T], dataset: Any) -> _T:
        for pause in (*RETRY_SECONDS, None):
            try:
                return read()
            except HDF5_ERRORS as error:
                if pause is None:
                    raise damaged(self.path, f"{path}: {reason(error)}") from error
            time.sleep(pause)
            with suppress(*HDF5_ERRORS):
                dataset.refresh()
        raise AssertionError("the last attempt returns or raises")

    def _check_shapes(self) -> None:
        lengths = {split: self._data[f"/{split}/index"].shape[0] for split in ("train", "probe")}
        sizes = sizes_of(num_train=lengths["train"], num_probe=lengths["probe"], step_block=self.step_block)
        if not 0 < self.step_block <= MAX_STEP_BLOCK:
            raise WorkbenchError(f"{self.step_block} steps per block")
        for dataset in DATASETS:
            found = self._data[dataset.path]
            fixed = [
                (have, want)
                for have, want, axis in zip(found.shape, dataset.shape(sizes), dataset.axes, strict=True)
                if axis not in GROWING_AXES
            ]
            if any(have != want for have, want in fixed) or found.chunks != dataset.chunks(sizes):
                raise WorkbenchError(f"{dataset.path} has shape {found.shape} in chunks of {found.chunks}")
        for split in lengths:
            index = self._data[f"/{split}/index"]
            if _chunks_of(index, len(index)) > index.id.get_num_chunks():
                raise WorkbenchError(f"/{split}/index is not all there")

    def _check_present(self, dataset: Dataset) -> None:
        """Raise WorkbenchError unless the last committed row lies within the file."""
        count = self.state.rows[dataset.axes[0]]
        found = self._data[dataset.path]
        if count == 0 or 0 in found.shape[1:]:
            return

        def read() -> None:
            if found.shape[0] < count:
                found.refresh()
            if found.shape[0] < count:
                raise OSError(f"{found.shape[0]} of {count} rows")
            last = [
                (size - 1) // chunk * chunk for size, chunk in zip((count, *found.shape[1:]), found.chunks, strict=True)
            ]
            chunk = found.id.get_chunk_info_by_coord(tuple(last))
            if chunk.byte_offset is None or chunk.byte_offset + chunk.size > os.fstat(descriptor(self._file)).st_size:
                raise OSError("committed rows are missing")

        self._retry(dataset.path, read, found)


def damaged(path: Path, what: str) -> WorkbenchError:
    """The error for a log that cannot be trusted."""
    return WorkbenchError(f"{path} is truncated or damaged ({what}); restore it from a copy or repeat the run")


def _find(path: Path) -> tuple[Path, bool]:
    """The log of a run directory or the file itself, and whether it is marked as being written."""
    try:
        if path.is_dir():
            if not (path / "run.h5").exists():
                raise WorkbenchError(f"{path} holds no run.h5; give the directory of a run")
            path = path / "run.h5"
        if not path.exists():
            raise WorkbenchError(f"{path} does not exist; give the directory of a run or its run.h5")
        if not path.is_file():
            raise WorkbenchError(f"{path} is no regular file; give the directory of a run or its run.h5")
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError as error:
        raise WorkbenchError(f"cannot read {path} ({reason(error)}); check its permissions") from error
    if not head.startswith(_SIGNATURE):
        raise WorkbenchError(f"{path} is not an HDF5 file; give the directory of a run or its run.h5")
    version, flags = head[8:9], head[11:12]
    return path, version >= b"\x03" and flags > b"\x00"


def _open_hdf5(path: Path) -> tuple[Path, h5py.File]:
    """Open a finished file plainly, and one that is being written (or was, by a killed writer) beside its writer.

    Only a plain open finds out whether the file is shorter than it says.
    """
    access = h5p.create(h5p.FILE_ACCESS)
    _limit_attempts(access)
    for pause in (*RETRY_SECONDS, None):
        file, written = _find(path)
        flags = h5f.ACC_RDONLY | (h5f.ACC_SWMR_READ if written else 0)
        try:
            return file, h5py.File(h5f.open(os.fsencode(file), flags, fapl=access))
        except HDF5_ERRORS as error:  # perhaps the writer closed it just now
            if pause is None:
                raise damaged(file, reason(error)) from error
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _limit_attempts(access: Any) -> None:
    """Have the library give up soon on metadata whose checksum is wrong.

    Beside a writer it tries 100 times and sleeps twice as long each time, which on a damaged file is for ever. h5py
    does not pass the setting on, so it is made in the library that h5py has loaded.
    """
    set_attempts = getattr(ctypes.CDLL(h5p.__file__), "H5Pset_metadata_read_attempts", None)
    if set_attempts is not None:
        set_attempts(ctypes.c_int64(access.id), ctypes.c_uint(METADATA_ATTEMPTS))


def _dataset(file: h5py.File, expected: Dataset) -> Any:
    """The data set that ``expected`` describes, if it is one, lies in this file and is checksummed."""
    group: Any = file
    *parents, name = expected.path.strip("/").split("/")
    for parent in parents:
        group = _child(group, parent, h5py.Group, expected.path)
    found = _child(group, name, h5py.Dataset, expected.path)
    properties = found.id.get_create_plist()
    if properties.get_layout() != h5d.CHUNKED:
        raise WorkbenchError(f"{expected.path} is not stored in chunks in this file")
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not {h5z.FILTER_FLETCHER32} <= filters <= {h5z.FILTER_FLETCHER32, h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE}:
        raise WorkbenchError(f"{expected.path} has no checksums or unknown filters")
    if found.dtype != expected.dtype or found.ndim != len(expected.axes):
        raise WorkbenchError(f"{expected.path} holds {found.dtype} along {found.ndim} axes")
    return found


def _child(group: Any, name: str, kind: type, path: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise WorkbenchError(f"{path} is missing or a link to elsewhere")
    child = group[name]
    if not isinstance(child, kind):
        raise WorkbenchError(f"{path} is something else")
    return child


def _chunks_of(dataset: Any, num_rows: int) -> int:
    """Chunks that hold the first ``num_rows`` rows."""
    counts = [-(-size // chunk) for size, chunk in zip((num_rows, *dataset.shape[1:]), dataset.chunks, strict=True)]
    return math.prod(counts)
