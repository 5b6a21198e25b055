"""scikit-learn's handwritten digits (Alpaydin & Kaynak 1998): 1,797 real images of 8×8 pixels, always at hand."""

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
    from sklearn.datasets import load_digits as sklearn_digits

    bunch = sklearn_digits()
    return bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.int64)


def _split(images: NDArray[np.uint8], labels: NDArray[np.int64], index: NDArray[np.int64]) -> Split:
    return Split(
        images=torch.from_numpy(images[index]),
        scale=1 / 16,
        labels=torch.from_numpy(labels[index]),
        index=torch.from_numpy(index),
    )
