"""Data sets that come as whole arrays of images and labels, a training part and a test part."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data.split import Data, Split, assemble, choose

Part = Literal["train", "test"]


class Labelled(NamedTuple):
    """One part of a data set.

    Attributes:
        images: (N, C, H, W), 0 to 255.
        labels: (N,), whole numbers from 0.
        class_names: in the order of the labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


Reader = Callable[[Path, Part], Labelled]
"""Reads one part of the data set in a folder; raises a WorkbenchError that says what is missing and where to put it."""


def load_labelled(read: Reader, name: str, path: Path, train_size: int, probe_size: int) -> Data:
    """The training part, of which the probe split is carved out; indices count in the data set's own order.

    Raises:
        WorkbenchError: missing or broken data, or too few samples.
    """
    part = read(path, "train")
    train, probe = choose(part.labels, train_size, probe_size)
    return assemble(name, part.class_names, _split(part, train), _split(part, probe))


def load_labelled_test(read: Reader, path: Path) -> Split:
    """The whole test part.

    Raises:
        WorkbenchError: missing or broken data.
    """
    part = read(path, "test")
    return _split(part, np.arange(len(part.labels)))


def _split(part: Labelled, rows: NDArray[np.int64]) -> Split:
    return Split(
        images=torch.from_numpy(part.images[rows]),
        scale=1 / 255,
        labels=torch.from_numpy(part.labels[rows]),
        index=torch.from_numpy(rows),
    )
