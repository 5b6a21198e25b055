"""Check that an open file is built as the schema says, before anything in it is believed."""

import math
from typing import Any

import h5py
from h5py import h5d, h5z

from trainers.energylog.schema import DATASETS, GROWING_AXES, SPLITS, Dataset, sizes_of
from trainers.errors import WorkbenchError

MAX_STEP_BLOCK = 65_536

_FILTERS = {h5z.FILTER_FLETCHER32, h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE}


def checked_datasets(file: h5py.File) -> dict[str, Any]:
    """Every data set of the schema by its path, each of them plain: in this file, chunked, checksummed, well shaped.

    Raises:
        WorkbenchError: One is not; the message does not name the file.
    """
    datasets = {expected.path: checked_dataset(file, expected) for expected in DATASETS}
    block = int(datasets["/step/step"].chunks[0])
    if block > MAX_STEP_BLOCK:
        raise WorkbenchError(f"{block} steps per block")
    num_train, num_probe = (datasets[f"/{split}/index"].shape[0] for split in SPLITS)
    sizes = sizes_of(num_train=num_train, num_probe=num_probe, step_block=block)
    for expected in DATASETS:
        found = datasets[expected.path]
        shape = tuple(
            have if axis in GROWING_AXES else want
            for have, want, axis in zip(found.shape, expected.shape(sizes), expected.axes, strict=True)
        )
        if found.shape != shape or found.chunks != expected.chunks(sizes):
            raise WorkbenchError(f"{expected.path} has shape {found.shape} in chunks of {found.chunks}")
    for split in SPLITS:
        index = datasets[f"/{split}/index"]
        if num_chunks(index, len(index)) > index.id.get_num_chunks():
            raise WorkbenchError(f"/{split}/index is not all there")
    return datasets


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


def _child(group: Any, name: str, kind: type, path: str) -> Any:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise WorkbenchError(f"{path} is missing or a link to elsewhere")
    child = group[name]
    if not isinstance(child, kind):
        raise WorkbenchError(f"{path} is something else")
    return child
