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
    from sklearn.datasets import load_digits as sklearn_digits

    bunch = sklearn_digits()
    images = torch.from_numpy(bunch.images.astype(np.uint8))[:, None]
    labels = bunch.target.astype(np.int64)
    development = np.sort(choose(labels, 0, NUM_TEST)[0])
    train, probe = choose(labels[development], train_size, probe_size)
    train = np.sort(train)  # the file's own order, in which the classes take turns

    def split(rows: NDArray[np.int64]) -> Split:
        index = torch.from_numpy(development[rows])
        return Split(images=images[index], scale=1 / 16, labels=torch.from_numpy(labels)[index], index=index)

    return assemble("digits", tuple("0123456789"), split(train), split(probe))
