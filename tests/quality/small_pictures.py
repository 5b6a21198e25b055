"""Small pictures whose brightness tells their class, as samples, and a network that sees it."""

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.quality import Extractor
from workbench.sampling.samples import Samples

NUM_CLASSES, SHAPE = 3, (1, 6, 6)
CLASS_NAMES = ("ape", "bee", "cat")


def pictures(num: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 1, 6, 6) whose brightness tells their class, and labels that take turns."""
    generator = np.random.default_rng(seed)
    labels = np.arange(num) % NUM_CLASSES
    levels = 40 + 70 * labels[:, None, None, None] + generator.integers(-30, 31, (num, *SHAPE))
    return levels.clip(0, 255).astype(np.uint8), labels


def make_samples(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...] = CLASS_NAMES,
    digest: str | None = None,
) -> Samples:
    return Samples(
        images=images, labels=labels, class_names=class_names, checkpoint_digest=digest, name="samples", facts={}
    )


def pixel_extractor(
    calls: list[int], digest: str = "pixels", limit: int = 10**9, error: Exception | None = None
) -> Extractor:
    """Pixels as features; ``calls`` gets the size of every batch, and more than ``limit`` images are out of memory."""

    def embed(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(len(images))
        if len(images) > limit:
            raise error or torch.OutOfMemoryError
        features = images.flatten(1)
        brightness = features.mean(1, keepdim=True) * 255
        return features, -((brightness - torch.tensor([40.0, 110.0, 180.0])) ** 2) / 100

    return Extractor(
        name="pixels",
        slug="pixels",
        digest=digest,
        comparable=False,
        embed=embed,
        device=torch.device("cpu"),
        class_names=CLASS_NAMES,
    )
