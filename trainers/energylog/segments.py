"""Logs where SWMR cannot work: a small index, replaced as a whole, and a closed file per epoch with its tables.

``run.h5`` is an ordinary log without the rows of ``/train/*`` and ``/probe/*`` that have an epoch axis; those of epoch
123 are in ``run.h5.d/000123.h5``. Both are read into memory at once: nothing depends on what the file system does
with a file that is open while another takes its name, nor on its locks.
"""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5f
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, reason, replace
from trainers.energylog.layout import create_dataset, create_in_memory
from trainers.energylog.opening import damaged
from trainers.energylog.schema import DATASETS
from trainers.energylog.structure import check_chunks, checked_dataset, num_chunks
from trainers.errors import WorkbenchError

HEARTBEAT = "heartbeat"
"""The file in the folder that holds the time of the last pulse, as text."""

TABLES = tuple(dataset for dataset in DATASETS if dataset.axes[0] == "epoch" and dataset.axes[-1].endswith("sample"))
"""What is in a segment; beside it the epoch's row of ``/epoch``, by which a segment of another run is told."""

TABLE_PATHS = frozenset(dataset.path for dataset in TABLES)

HELD = (*(dataset for dataset in DATASETS if dataset.path == "/epoch"), *TABLES)
"""All data sets of a segment."""

_OVERHEAD = 1 << 20
_OURS = re.compile(r"\d{6,}\.h5|\.\d{6,}\.h5\.tmp|heartbeat|\.heartbeat\.tmp")


def folder_of(path: Path) -> Path:
    """The folder of the segments of the log at ``path``."""
    return path.with_name(path.name + ".d")


def segment_of(path: Path, epoch: int) -> Path:
    """The file with the tables of an epoch of the log at ``path``."""
    return folder_of(path) / f"{epoch:06d}.h5"


def write_segment(path: Path, rows: Mapping[str, NDArray[Any]], sizes: dict[str, int]) -> None:
    """Write the segment of one epoch under its name in one step, durably.

    Args:
        path: the segment's file.
        rows: one row of ``/epoch`` and of each of TABLES, by path.
        sizes: the lengths of the fixed axes.

    Raises:
        OSError: it cannot be written.
    """
    with create_in_memory() as file:
        for dataset in HELD:
            created = create_dataset(file, dataset, sizes)
            created.resize(1, axis=0)
            created[...] = rows[dataset.path]
        file.flush()
        replace(path, file.id.get_file_image())


def has_segments(path: Path) -> bool:
    """Whether there are segments of a log at ``path``, be there such a log or not."""
    return any(folder_of(path).glob("[0-9]*.h5"))


def remove_segments(path: Path) -> None:
    """Remove the segments of the log at ``path`` and their folder, as far as they are ours and can be removed."""
    folder = folder_of(path)
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if _OURS.fullmatch(entry.name):
                entry.unlink()
        folder.rmdir()


def write_heartbeat(path: Path, now: float) -> None:
    """Say that the writer of the log at ``path`` is alive.

    Raises:
        OSError: it cannot be written.
    """
    replace(folder_of(path) / HEARTBEAT, repr(now).encode(), lasting=False)


def read_heartbeat(path: Path) -> float:
    """When the writer of the log at ``path`` last gave a sign of life beside its index; 0 if never."""
    with suppress(OSError, ValueError):
        opened = os.open(folder_of(path.resolve()) / HEARTBEAT, os.O_RDONLY | os.O_NONBLOCK)
        try:
            now = float(os.read(opened, 64))
        finally:
            os.close(opened)
        return now if np.isfinite(now) else 0.0
    return 0.0


def open_image(content: bytes) -> h5py.File:
    """Open the bytes of a closed file.

    Raises:
        ValueError: they are no HDF5 file.
    """
    return h5py.File(h5f.open_file_image(content))


class Segments:
    """The tables of a log in segments; of them the last one read is kept in memory. For one thread at a time."""

    def __init__(self, path: Path, sizes: dict[str, int], epoch_row: Callable[[int], NDArray[Any]]) -> None:
        """Say whose segments they are; nothing is read yet.

        Args:
            path: the log's index.
            sizes: the lengths of the fixed axes.
            epoch_row: the index's row of ``/epoch``, shape (1,).
        """
        self._path = path.resolve()  # of a link the segments lie beside what it stands for
        self._sizes = sizes
        self._epoch_row = epoch_row
        self._held: tuple[int, h5py.File] | None = None

    def rows(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Rows of one of TABLES.

        Raises:
            WorkbenchError: a segment is missing, damaged or of another run.
        """
        assert start < stop
        return np.concatenate([self._row(path, epoch) for epoch in range(start, stop)])

    def check(self, epoch: int) -> None:
        """Make sure that the segment of an epoch is there and belongs to this log.

        Raises:
            WorkbenchError: it does not.
        """
        self._segment(epoch)

    def close(self) -> None:
        """Let go of what is held."""
        if self._held is not None:
            self._held[1].close()
            self._held = None

    def _row(self, path: str, epoch: int) -> NDArray[Any]:
        segment = self._segment(epoch)
        try:
            table = segment[path]
            check_chunks(table, 0, 1)
            row: NDArray[Any] = table[...]
        except HDF5_ERRORS as error:
            raise damaged(segment_of(self._path, epoch), f"{path}: {reason(error)}") from error
        return row

    def _segment(self, epoch: int) -> h5py.File:
        if self._held is None or self._held[0] != epoch:
            self.close()
            name = segment_of(self._path, epoch)
            try:
                file = open_image(self._read(name))
            except HDF5_ERRORS as error:
                raise damaged(name, _why(error)) from error
            try:
                self._check(file, epoch)
            except (WorkbenchError, *HDF5_ERRORS, TypeError) as error:
                file.close()
                raise damaged(name, reason(error)) from error
            self._held = (epoch, file)
        return self._held[1]

    def _read(self, name: Path) -> bytes:
        """All bytes of a segment, unless they are more than it can have.

        Raises:
            OSError: it cannot be read.
        """
        if not name.is_file():
            raise OSError("no such file" if not name.exists() else "no regular file")
        most = segment_bytes(self._sizes)
        with name.open("rb") as stream:
            content = stream.read(most + 1)
        if len(content) > most:
            raise OSError("larger than its tables")
        return content

    def _check(self, file: h5py.File, epoch: int) -> None:
        """Raise WorkbenchError or one of HDF5_ERRORS unless this is the segment of that epoch, whole."""
        for expected in HELD:
            found = checked_dataset(file, expected)
            shape = (1, *expected.shape(self._sizes)[1:])
            if found.shape != shape or found.chunks != expected.chunks(self._sizes):
                raise WorkbenchError(f"{expected.path} has shape {found.shape} in chunks of {found.chunks}")
            if num_chunks(found, 1) > found.id.get_num_chunks():
                raise WorkbenchError(f"{expected.path} is not all there")
        check_chunks(file["/epoch"], 0, 1)
        if file["/epoch"][...].tobytes() != self._epoch_row(epoch).tobytes():
            raise WorkbenchError("it belongs to another run")


def segment_bytes(sizes: dict[str, int]) -> int:
    """The most bytes that a segment of a log with these lengths can have."""
    return _OVERHEAD + sum(_bytes_of(dataset.chunks(sizes), dataset, sizes) for dataset in HELD)


def _bytes_of(chunks: tuple[int, ...], dataset: Any, sizes: dict[str, int]) -> int:
    """The most bytes that one row can take; what does not compress grows by less than a hundredth."""
    row = prod(-(-size // chunk) * chunk for size, chunk in zip(dataset.shape(sizes)[1:], chunks[1:], strict=True))
    return int(1.01 * row * dataset.dtype.itemsize)


def _why(error: Exception) -> str:
    return "not an HDF5 file" if type(error) is ValueError else reason(error)
