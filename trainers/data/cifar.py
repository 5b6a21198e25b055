"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as they are downloaded: the python or the binary version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.data.labelled import Labelled, Part
from trainers.data.pickled import read_pickled
from trainers.errors import WorkbenchError

PIXELS = 3 * 32 * 32


class Layout(NamedTuple):
    """How a version of a data set lies on disk: its folder, files of each part, where names and labels are."""

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names_file: str
    names_key: str
    labels: str
    label_bytes: int


_NUMBERS = range(1, 6)
TEN = (
    Layout(
        folder="cifar-10-batches-py",
        train=tuple(f"data_batch_{number}" for number in _NUMBERS),
        test=("test_batch",),
        names_file="batches.meta",
        names_key="label_names",
        labels="labels",
        label_bytes=0,
    ),
    Layout(
        folder="cifar-10-batches-bin",
        train=tuple(f"data_batch_{number}.bin" for number in _NUMBERS),
        test=("test_batch.bin",),
        names_file="batches.meta.txt",
        names_key="",
        labels="",
        label_bytes=1,
    ),
)
HUNDRED = (
    Layout(
        folder="cifar-100-python",
        train=("train",),
        test=("test",),
        names_file="meta",
        names_key="fine_label_names",
        labels="fine_labels",
        label_bytes=0,
    ),
    Layout(
        folder="cifar-100-binary",
        train=("train.bin",),
        test=("test.bin",),
        names_file="fine_label_names.txt",
        names_key="",
        labels="",
        label_bytes=2,
    ),
)
"""The versions of each, the python one first; a binary record has ``label_bytes`` labels, the last the fine one."""


def read_cifar10(path: Path, part: Part) -> Labelled:
    """A part of CIFAR-10; ``path`` is the folder that was unpacked, or the one in which it lies.

    Raises:
        WorkbenchError: it is not there, or damaged.
    """
    return _read(path, part, TEN, "CIFAR-10", "cifar-10")


def read_cifar100(path: Path, part: Part) -> Labelled:
    """A part of CIFAR-100 with its fine labels; ``path`` as for CIFAR-10.

    Raises:
        WorkbenchError: it is not there, or damaged.
    """
    return _read(path, part, HUNDRED, "CIFAR-100", "cifar-100")


def _read(path: Path, part: Part, layouts: Sequence[Layout], title: str, stem: str) -> Labelled:
    layout, folder = _find(path, layouts, title, stem)
    read = _binary if layout.label_bytes else _python
    pieces = [read(folder / name, layout) for name in (layout.train if part == "train" else layout.test)]
    names = _class_names(folder / layout.names_file, layout)
    labels = np.concatenate([labels for _, labels in pieces])
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= len(names):
        raise WorkbenchError(f"{folder} is damaged: its labels do not lie in 0..{len(names) - 1}; unpack it again")
    return Labelled(np.concatenate([images for images, _ in pieces]).reshape(-1, 3, 32, 32), labels, names)


def _find(path: Path, layouts: Sequence[Layout], title: str, stem: str) -> tuple[Layout, Path]:
    """The version that is there, and its folder."""
    for layout in layouts:
        for folder in (path / layout.folder, path):
            if (folder / layout.train[0]).is_file() and (folder / layout.names_file).is_file():
                return layout, folder
    folders = " or ".join(f"{layout.folder}/" for layout in layouts)
    raise WorkbenchError(
        f"no {title} in {path}: unpack {stem}-python.tar.gz or {stem}-binary.tar.gz from"
        f" https://www.cs.toronto.edu/~kriz/cifar.html there, so that it holds {folders}"
    )


def _python(path: Path, layout: Layout) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 3072) and labels (N,) of a pickled file."""
    content = read_pickled(path)
    images, labels = content.get("data"), _numbers(content.get(layout.labels))
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != PIXELS:
        raise WorkbenchError(f"{path} is damaged: its data are not (N, {PIXELS}) bytes")
    if labels is None or len(labels) != len(images):
        raise WorkbenchError(f"{path} is damaged: it has no label for each of its {len(images)} images")
    return images, labels


def _numbers(values: Any) -> NDArray[np.int64] | None:
    """Labels as an array; None if they are none."""
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value < 1000 for value in values):
        return None
    return np.array(values, dtype=np.int64)


def _binary(path: Path, layout: Layout) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The same of a file of records: labels, then the pixels of one image."""
    record = layout.label_bytes + PIXELS
    try:
        rows = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise WorkbenchError(f"cannot read {path}: {error.strerror or error}") from None
    if not len(rows) or len(rows) % record:
        raise WorkbenchError(f"{path} is damaged: {len(rows):,} bytes are no whole records of {record:,}")
    rows = rows.reshape(-1, record)
    return rows[:, layout.label_bytes :], rows[:, layout.label_bytes - 1].astype(np.int64)


def _class_names(path: Path, layout: Layout) -> tuple[str, ...]:
    if layout.label_bytes:
        try:
            names = path.read_text(encoding="utf-8", errors="replace")[:100_000].split()
        except OSError as error:
            raise WorkbenchError(f"cannot read {path}: {error.strerror or error}") from None
        return tuple(names)
    held = read_pickled(path).get(layout.names_key)
    if not isinstance(held, list) or not all(isinstance(name, str | bytes) for name in held):
        raise WorkbenchError(f"{path} is damaged: it holds no names of classes; unpack it again")
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in held)
