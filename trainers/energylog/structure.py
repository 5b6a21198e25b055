"""Check that an open file is built as the schema says, before anything in it is believed."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import h5py
from h5py import h5d, h5z

from trainers.energylog.schema import DATASETS, GROWING_AXES, SPLITS, Dataset, sizes_of
from trainers.errors import WorkbenchError

MAX_STEP_BLOCK = 65_536
FEW_CHUNKS = 32
"""Up to so many chunks are looked up one by one; each look-up goes through all chunks, as does a look at all."""
MAX_SAMPLES = 2**26
"""Samples per split: their index alone takes half a GiB of memory. A file of a few MB may promise any number."""

_FILTERS = {h5z.FILTER_FLETCHER32, h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE}


def checked_datasets(file: h5py.File) -> dict[str, Any]:
    """Every data set of the schema by its path, each of them plain: in this file, chunked, checksummed, well shaped.

    Raises:
        WorkbenchError: One is not; the message does not name the file.
    """
    datasets = {expected.path: checked_dataset(file, expected) for expected in DATASETS}
    sizes = sizes_in(datasets)
    for expected in DATASETS:
        check_shape(datasets[expected.path], expected, sizes)
    for split in SPLITS:
        index = datasets[f"/{split}/index"]
        if num_chunks(index, len(index)) > index.id.get_num_chunks():
            raise WorkbenchError(f"/{split}/index is not all there")
    return datasets


def sizes_in(datasets: Mapping[str, Any]) -> dict[str, int]:
    """The length of each fixed axis and of a block of steps, by the data sets of a log that tell it.

    Raises:
        WorkbenchError: A length is absurd.
    """
    block = int(datasets["/step/step"].chunks[0])
    if block > MAX_STEP_BLOCK:
        raise WorkbenchError(f"{block} steps per block")
    num_train, num_probe = (_num_samples(datasets[f"/{split}/index"]) for split in SPLITS)
    return sizes_of(num_train=num_train, num_probe=num_probe, step_block=block)


def check_shape(found: Any, expected: Dataset, sizes: Mapping[str, int]) -> None:
    """Raise WorkbenchError unless a data set has the schema's lengths and chunks; growing axes may have any length."""
    shape = tuple(
        have if axis in GROWING_AXES else want
        for have, want, axis in zip(found.shape, expected.shape(sizes), expected.axes, strict=True)
    )
    if found.shape != shape or found.chunks != expected.chunks(sizes):
        raise WorkbenchError(f"{expected.path} has shape {found.shape} in chunks of {found.chunks}")


def check_chunks(dataset: Any, start: int, stop: int, part: tuple[int, int] | None = None) -> None:
    """Raise OSError unless every chunk of these rows was written, through all filters, and is no larger than it can be.

    The library fills in chunks that are missing, believes one that says it was never filtered, checksum included, and
    unpacks one of a few MB into as many GB. With ``part``, only of those columns of a table.
    """
    most = int(1.01 * math.prod(dataset.chunks) * dataset.dtype.itemsize) + 64
    firsts, ends = (start, *(0 for _ in dataset.shape[1:])), (stop, *dataset.shape[1:])
    if part is not None:
        firsts, ends = (start, part[0]), (stop, part[1])
    begins = (first // step * step for first, step in zip(firsts, dataset.chunks, strict=True))
    spans = zip(begins, ends, dataset.chunks, strict=True)
    wanted = set(itertools.product(*(range(*span) for span in spans)))
    if len(wanted) <= FEW_CHUNKS:
        found = [dataset.id.get_chunk_info_by_coord(offset) for offset in wanted]
    else:
        found = []
        dataset.id.chunk_iter(found.append)
        found = [chunk for chunk in found if tuple(chunk.chunk_offset) in wanted]
    if len(found) < len(wanted) or any(chunk.byte_offset is None for chunk in found):
        raise OSError("committed rows are missing")
    if any(chunk.filter_mask or chunk.size > most for chunk in found):
        raise OSError("a chunk is not as it was written")


def num_chunks(dataset: Any, num_rows: int) -> int:
    """Chunks that hold the first ``num_rows`` rows."""
    counts = [-(-size // chunk) for size, chunk in zip((num_rows, *dataset.shape[1:]), dataset.chunks, strict=True)]
    return math.prod(counts)


def checked_dataset(file: h5py.File, expected: Dataset) -> Any:
    """A data set of the schema, plain and of the right type; its shape remains to be checked.

    Raises:
        WorkbenchError: It is not; the message does not name the file.
    """
    group: Any = file
    *parents, name = expected.path.strip("/").split("/")
    for parent in parents:
        group = _child(group, parent, h5py.Group, expected.path)
    found = _child(group, name, h5py.Dataset, expected.path)
    properties = found.id.get_create_plist()
    if properties.get_layout() != h5d.CHUNKED:  # neither virtual nor external, which may lead out of the file
        raise WorkbenchError(f"{expected.path} is not stored in chunks in this file")
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not {h5z.FILTER_FLETCHER32} <= filters <= _FILTERS:
        raise WorkbenchError(f"{expected.path} has no checksums or unknown filters")
    if found.dtype != expected.dtype or found.ndim != len(expected.axes):
        raise WorkbenchError(f"{expected.path} holds {found.dtype} along {found.ndim} axes")
    return found


def _num_samples(index: Any) -> int:
    if index.shape[0] > MAX_SAMPLES:
        raise WorkbenchError(f"{index.name} has shape {index.shape}, more than a log may hold")
    return int(index.shape[0])


def _child(group: Any, name: str, kind: type, path: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise WorkbenchError(f"{path} is missing or a link to elsewhere")
    child = group[name]
    if not isinstance(child, kind):
        raise WorkbenchError(f"{path} is something else")
    return child
