"""Penultimate features of images."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.pca.fit import Say, silent

if TYPE_CHECKING:
    from torch import nn

    from trainers.data import Split

BATCH_SIZE = 500


def penultimate_features(model: "nn.Module", split: "Split", *, say: Say = silent) -> NDArray[np.float32]:
    """What the model's last layer sees of every image of a split, (N, F), in evaluation mode and without gradient.

    Raises:
        WorkbenchError: the model does not give its features.
    """
    import torch

    features = getattr(model, "features", None)
    if not callable(features) or isinstance(features, torch.nn.Module):
        raise WorkbenchError(f"a {type(model).__name__} does not give its penultimate features; take --space pixels")
    found = []
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(split)), BATCH_SIZE):
            say(f"features of image {int(rows[0]) + 1} of {len(split)}")
            found.append(features(split.batch(rows)[0]).flatten(1).numpy())
    return np.concatenate(found)
