"""scikit-learn's handwritten digits (Alpaydin & Kaynak 1998): 1,797 real images of 8×8 pixels, always at hand."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data.split import Data, Split, assemble, choose

NUM_TEST = 300


def load_digits(train_size: int, probe_size: int) -> Data:
    """A fixed 300 images are the test split and stay shut; of the other 1,497 the probe split is carved out.

    Raises:
        WorkbenchError: the sizes do not fit.
    """
    images, labels = _read()
    development = np.sort(choose(labels, 0, NUM_TEST)[0])
    train, probe = choose(labels[development], train_size, probe_size)
    train = np.sort(train)  # the file's own order, in which the classes take turns
    splits = (_split(images, labels, development[rows]) for rows in (train, probe))
    return assemble("digits", tuple("0123456789"), *splits)


def load_digits_test() -> Split:
    """The 300 test images, in the file's own order."""
    images, labels = _read()
    return _split(images, labels, np.sort(choose(labels, 0, NUM_TEST)[1]))


def _read() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All images (N, 1, 8, 8), 0 to 16, and labels."""
    file = _file()
    if file is None:
        from sklearn.datasets import load_digits as sklearn_digits

        bunch = sklearn_digits()
        return bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.int64)
    with gzip.open(file, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1].astype(np.int64)


def _file() -> Path | None:
    """The file in which scikit-learn holds them: to read it takes a tenth of what importing scikit-learn takes."""
    package = find_spec("sklearn")
    folders = package.submodule_search_locations if package is not None else None
    files = (Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders or ())
    return next((file for file in files if file.is_file()), None)


def _split(images: NDArray[np.uint8], labels: NDArray[np.int64], index: NDArray[np.int64]) -> Split:
    return Split(
        images=torch.from_numpy(images[index]),
        scale=1 / 16,
        labels=torch.from_numpy(labels[index]),
        index=torch.from_numpy(index),
    )
