"""What must hold of a file before SWMR is switched on, and what must not change after."""

from collections.abc import Iterator
from typing import Any

import h5py
from h5py import h5d


def assert_ready_for_swmr(file: h5py.File) -> None:
    """Assert that every data set is chunked and checksummed, and that no text has a variable length.

    A damaged chunk without a checksum is read as numbers; readers beside a writer cannot read texts of variable length.
    """
    for item in _objects(file):
        if isinstance(item, h5py.Dataset):
            assert item.id.get_create_plist().get_layout() == h5d.CHUNKED, f"{item.name} is not chunked"
            assert item.fletcher32, f"{item.name} has no checksums"
            assert not item.dtype.hasobject, f"{item.name} has a variable length"
        for name in item.attrs:
            assert not item.attrs.get_id(name).dtype.hasobject, f"{item.name}, {name} has a variable length"


def census(file: h5py.File) -> tuple[int, ...]:
    """Attributes of every object, in a fixed order: another census after SWMR is on must be equal.

    The library lets objects and attributes be made then, and readers fall over them.
    """
    return tuple(len(item.attrs) for item in _objects(file))


def _objects(group: Any) -> Iterator[Any]:
    yield group
    for item in group.values():
        if isinstance(item, h5py.Group):
            yield from _objects(item)
        else:
            yield item
