"""Create every object of an empty log: all of them before SWMR mode is on, because none may be added after."""

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.energylog.files import abandon
from trainers.energylog.meta import SEGMENTS, RunMeta, fixed_text, write_meta
from trainers.energylog.rules import assert_ready_for_swmr
from trainers.energylog.schema import DATASETS, SPLITS, Dataset, histogram_edges, sizes_of
from trainers.energylog.tables import SampleKeys

LIBVER = ("v110", "v110")
"""The oldest format with SWMR. "latest" is whatever the library is: HDF5 2.0 writes files that 1.14 cannot read."""

_NUMBERS = itertools.count()
"""Names of files in memory: two that are open at once must differ."""


def create_file(
    path: Path, meta: RunMeta, keys: dict[str, SampleKeys], block: int, *, segments: bool = False
) -> h5py.File:
    """Create an empty log at ``path``, not yet in SWMR mode.

    Args:
        path: A file that does not exist.
        meta: The run's facts.
        keys: The samples of each split of SPLITS.
        block: Steps per block of ``/step``.
        segments: Create it in memory, as the index of a log in segments; ``path`` is only its name then.

    Raises:
        OSError: The file exists or cannot be written.
    """
    sizes = sizes_of(num_train=len(keys["train"]), num_probe=len(keys["probe"]), step_block=block)
    file = create_in_memory() if segments else h5py.File(path, "x", libver=LIBVER)
    created: dict[str, Any] = {}
    try:
        for dataset in DATASETS:
            created[dataset.path] = create_dataset(file, dataset, sizes)
            if dataset.rewritten:
                created[dataset.path][0] = 0  # takes its place in the file now, next to the others
        for split in SPLITS:
            created[f"/{split}/index"][...] = keys[split].index
            created[f"/{split}/label"][...] = keys[split].label
        created["/histogram/edges"][...] = histogram_edges()
        write_meta(file, meta, storage=SEGMENTS if segments else None)
        assert_ready_for_swmr(file)
        file.flush()
    except BaseException:
        abandon(file)
        raise
    return file


def create_in_memory() -> h5py.File:
    """Create a file that never touches a disk; ``file.id.get_file_image()`` gives its bytes."""
    return h5py.File(f"memory-{next(_NUMBERS)}", "w", driver="core", backing_store=False, libver=LIBVER)


def create_dataset(file: h5py.File, dataset: Dataset, sizes: dict[str, int]) -> Any:
    """Create one data set of the schema, empty along a growing axis; ``sizes`` gives the other axes' lengths."""
    # Whatever is rewritten in place must keep its size, so it is not compressed. All else is, even where that saves
    # little: a hole of zeros has a valid fletcher32 checksum but is no deflate stream, so it can never be read as data.
    compression: dict[str, Any] = {} if dataset.rewritten else {"compression": "gzip", "compression_opts": 1}
    created = file.create_dataset(
        dataset.path,
        shape=dataset.shape(sizes),
        maxshape=dataset.maxshape(sizes),
        chunks=dataset.chunks(sizes),
        dtype=dataset.dtype,
        fillvalue=dataset.fill,
        fletcher32=True,
        shuffle=not dataset.rewritten,
        **compression,
    )
    for name in ("unit", "meaning"):
        texts = [getattr(column, name) for column in dataset.columns]
        created.attrs[name] = _fixed_texts(texts) if dataset.compound else fixed_text(texts[0])
    return created


def _fixed_texts(texts: list[str]) -> np.ndarray[Any, Any]:
    data = [text.encode() for text in texts]
    return np.array(data, dtype=h5py.string_dtype("utf-8", max(map(len, data))))
