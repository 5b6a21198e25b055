"""How far samples of one class lie apart."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
"""Rows whose distances are in memory at once."""


def mean_pairwise_distance(points: NDArray[np.floating]) -> float:
    """Mean Euclidean distance of all pairs of different rows of (N, F), N at least 2."""
    x = points.astype(np.float64)
    x -= x.mean(axis=0)
    squares = np.square(x).sum(axis=1)
    total = 0.0
    for first in range(0, len(x), BLOCK):
        rows = slice(first, first + BLOCK)
        squared = squares[rows, None] + squares - 2 * x[rows] @ x.T
        own = np.arange(len(squared))
        squared[own, first + own] = 0
        total += float(np.sqrt(squared.clip(min=0)).sum())
    return total / (len(x) * (len(x) - 1))


def class_spreads(features: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[int, float]:
    """Mean pairwise distance within each class that has at least two rows."""
    found, counts = np.unique(labels, return_counts=True)
    return {
        int(label): mean_pairwise_distance(features[labels == label])
        for label, count in zip(found, counts, strict=True)
        if count > 1
    }


def relative_spread(samples: Mapping[int, float], reference: Mapping[int, float]) -> float | None:
    """Mean over classes of the samples' spread by the reference's: 1 as diverse as real images, 0 all alike.

    The field measures diversity within a class by the mean pairwise LPIPS distance (Choi et al. 2020, StarGAN v2;
    Ojha et al. 2021). Ours has the distance of the features that score, and is divided by that of real images because
    a distance means nothing by itself. None if no class has two images on both sides.
    """
    ratios = [samples[label] / reference[label] for label in samples if reference.get(label, 0.0) > 0]
    return float(np.mean(ratios)) if ratios else None
