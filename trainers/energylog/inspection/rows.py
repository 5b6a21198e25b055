"""Read rows of a data set that nobody vouches for, chunk by chunk, and say what is wrong with those that fail."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, reason

READ_ERRORS = (*HDF5_ERRORS, TypeError, OverflowError, MemoryError)
"""What reading a damaged or hostile data set can raise."""

_WORDS = {
    "not allocated": "missing",
    "fletcher32": "the checksum does not match",
    "filter returned failure": "the checksum does not match",
    "metadata": "its metadata is damaged",
    "memory": "it does not fit into memory",
}


class UnreadableError(Exception):
    """Rows cannot be had; the message says why as a clause.

    Attributes:
        where: What is damaged, where it is not the data set but the file of its own that it is in.
    """

    def __init__(self, why: str, *, where: str | None = None) -> None:
        """Say why."""
        super().__init__(why)
        self.where = where


def read_rows(dataset: Any, start: int, stop: int) -> NDArray[Any]:
    """Rows of a chunked data set, if every chunk of theirs was written, filtered and matches its checksum.

    The library fills in chunks that are missing and believes a chunk that says it was never filtered; this does not.

    Raises:
        UnreadableError: One is not.
    """
    if dataset.shape[0] < stop:
        raise UnreadableError("missing")
    itemsize = dataset.dtype.itemsize
    most = int(1.01 * math.prod(dataset.chunks) * itemsize) + 64
    try:
        for offset in _offsets(dataset, start, stop):
            mask, stored = dataset.id.read_direct_chunk(offset)
            if mask:
                raise UnreadableError("a chunk was stored past its checksum")
            if len(stored) > most:
                raise UnreadableError("a chunk is larger than it can be")
        rows: NDArray[Any] = np.asarray(dataset[start:stop])
    except READ_ERRORS as error:
        raise UnreadableError(words(error)) from error
    return rows


def words(error: Exception) -> str:
    """Why a read failed, as a clause."""
    text = str(error).lower()
    known = next((clause for sign, clause in _WORDS.items() if sign in text), None)
    return known or (
        "it does not fit into memory" if isinstance(error, MemoryError) else f"unreadable: {reason(error)}"
    )


def rows_on_disk(dataset: Any) -> int | None:
    """How many rows the chunks that a data set has can hold, at most; None if even that cannot be told."""
    try:
        per_row: int = math.prod(
            -(-size // step) for size, step in zip(dataset.shape[1:], dataset.chunks[1:], strict=True)
        )
        if per_row == 0:
            return 0
        stored = -(-int(dataset.id.get_num_chunks()) // per_row) * int(dataset.chunks[0])
        return min(int(dataset.shape[0]), stored)
    except READ_ERRORS:
        return None


def _offsets(dataset: Any, start: int, stop: int) -> Iterator[tuple[int, ...]]:
    begins = (start // dataset.chunks[0] * dataset.chunks[0], *(0 for _ in dataset.shape[1:]))
    ends = (stop, *dataset.shape[1:])
    return itertools.product(*(range(*span) for span in zip(begins, ends, dataset.chunks, strict=True)))
