"""The names of data sets, as ``--data`` takes them."""

from pathlib import Path
from typing import NamedTuple

from trainers.errors import WorkbenchError

DATA_WORDS = "digits, cifar10:DIR, cifar100:DIR, svhn:DIR, idx:DIR, folder:DIR, npz:FILE or hub:NAME"
"""All there are, for help texts and errors; ``folder@32:DIR`` scales its images to 32×32."""

KINDS = ("digits", "cifar10", "cifar100", "svhn", "idx", "folder", "npz", "hub")
LARGEST_SIDE = 4096


class DataName(NamedTuple):
    """A name taken apart.

    Attributes:
        kind: of KINDS.
        where: a path, or a name on the hub; "" for digits.
        size: pixels in height and width that images of a folder are scaled to; None for as they are.
    """

    kind: str
    where: str
    size: int | None


def data_kind(name: str) -> str:
    """The kind of a data set, by which defaults are chosen; of an unknown name what stands in its place."""
    return name.partition(":")[0].partition("@")[0]


def parse_data(name: str) -> DataName:
    """A name taken apart.

    Raises:
        WorkbenchError: no such kind of data, no path where one is needed, or a size that is none.
    """
    front, _, where = name.partition(":")
    kind, scaled, size = front.partition("@")
    if kind not in KINDS or (kind == "digits") == bool(where):
        raise WorkbenchError(f"unknown data {name!r}; known are {DATA_WORDS}")
    if not scaled:
        return DataName(kind, where, None)
    if kind != "folder" or not (size.isascii() and size.isdigit() and len(size) < 6 and 0 < int(size) <= LARGEST_SIDE):
        raise WorkbenchError(
            f"unknown data {name!r}; only images of a folder are scaled, to 1 to {LARGEST_SIDE} pixels: folder@32:DIR"
        )
    return DataName(kind, where, int(size))


def absolute_data(name: str) -> str:
    """The name of a data set with its path, if it has one, made absolute: it means the same in any folder.

    Links and ".." are kept as they are. ``digits``, names of the hub and names without a path stay as they are.

    Raises:
        WorkbenchError: the path begins with the home of a user whom nobody knows.
    """
    front, colon, where = name.partition(":")
    if not (colon and where) or (front == "hub" and not where.startswith((".", "/", "~"))):
        return name
    try:
        return f"{front}:{Path(where).expanduser().absolute()}"
    except RuntimeError as error:
        raise WorkbenchError(f"cannot find {where}: {error}") from None
