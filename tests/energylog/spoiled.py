"""Damage at a known place of a log, made with plain h5py and bytes."""

from pathlib import Path
from typing import Any

import h5py

from tests.energylog import runs
from trainers.energylog import LogWriter

NUM_EPOCHS = 5
TEN_CLASSES = runs.meta(class_names=tuple("0123456789"))


def create(path: Path, **options: Any) -> LogWriter:
    """A log that is being written, whose labels are those of its ten classes."""
    keys = {split: runs.keys(split) for split in runs.SIZE}
    return LogWriter.create(path, TEN_CLASSES, **keys, steps_per_epoch=runs.STEPS_PER_EPOCH, **options)


def write_log(path: Path, **options: Any) -> Path:
    """A closed log of NUM_EPOCHS epochs and two events."""
    with create(path, **options) as writer:
        runs.append(writer, NUM_EPOCHS)
        for word in ("one", "two"):
            writer.append_event(kind="note", epoch=2, step=200, message=word)
    return path


def spoil_chunk(path: Path, name: str, row: int = 0) -> None:
    """Change one byte of the chunk with a row of a data set."""
    with h5py.File(path) as file:
        dataset = file[name]
        at = (row // dataset.chunks[0] * dataset.chunks[0], *(0 for _ in dataset.shape[1:]))
        chunk = dataset.id.get_chunk_info_by_coord(at)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 0x10
    path.write_bytes(data)


def set_field(path: Path, name: str, row: int, field: str, value: float | bytes) -> None:
    """Write one field of a compound row, with a checksum that matches."""
    with h5py.File(path, "r+") as file:
        values = file[name][row]
        values[field] = value
        file[name][row] = values


def set_element(path: Path, name: str, at: Any, value: float) -> None:
    """Write one element, with a checksum that matches."""
    with h5py.File(path, "r+") as file:
        file[name][at] = value


def end_of_epoch(path: Path, epoch: int) -> int:
    """The byte behind the last chunk of an epoch."""
    ends = [0]
    with h5py.File(path) as file:

        def look(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.shape[0] == NUM_EPOCHS and not name.startswith("state"):
                chunk = item.id.get_chunk_info_by_coord((epoch, *(0 for _ in item.shape[1:])))
                ends.append(chunk.byte_offset + chunk.size)

        file.visititems(look)
    return max(ends)
