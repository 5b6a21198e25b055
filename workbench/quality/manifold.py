"""Precision, recall, density and coverage: which images lie on the other set's manifold, by nearest neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK_ENTRIES = 8_000_000
"""Distances held at once (64 MB in float64)."""
_RELATIVE, _ABSOLUTE = 1e-6, 1e-12
"""Rounding allowed in a squared distance, of the radius and of the largest squared norm: ties count as inside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifold:
    """Fractions in [0, 1], but density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(features: Tensor, reference: Tensor, *, k: int) -> Manifold:
    """Compare samples with a reference by balls that reach to the k-th nearest neighbour within the own set.

    Precision: share of samples inside any ball of the reference; recall: share of reference images inside any ball of
    the samples (Kynkäänniemi et al. 2019, Improved Precision and Recall Metric, section 2). Density: how many balls
    of the reference a sample lies in, divided by k; coverage: share of reference balls that hold a sample (Naeem et
    al. 2020, Reliable Fidelity and Diversity Metrics, section 3). A ball contains its boundary.

    Args:
        features: (N, F) of the samples.
        reference: (M, F).
        k: neighbours, less than N and M; an image is no neighbour of itself.
    """
    assert 1 <= k < min(len(features), len(reference))
    centre = reference.double().mean(dim=0)
    x, y = features.double() - centre, reference.double() - centre
    slack = _ABSOLUTE * max(float(x.square().sum(1).max()), float(y.square().sum(1).max()))
    sample_radii = _squared_radii(x, k) * (1 + _RELATIVE) + slack
    reference_radii = _squared_radii(y, k) * (1 + _RELATIVE) + slack
    balls = torch.empty(len(x), dtype=torch.int64)
    recalled = torch.zeros(len(y), dtype=torch.bool)
    covered = torch.zeros(len(y), dtype=torch.bool)
    for start, distances in _blocks(x, y):
        rows = slice(start, start + len(distances))
        within = distances <= reference_radii
        balls[rows] = within.sum(dim=1)
        covered |= within.any(dim=0)
        recalled |= (distances <= sample_radii[rows, None]).any(dim=0)
    return Manifold(
        precision=float((balls > 0).double().mean()),
        recall=float(recalled.double().mean()),
        density=float(balls.double().mean()) / k,
        coverage=float(covered.double().mean()),
    )


def _squared_radii(points: Tensor, k: int) -> Tensor:
    """Squared distance of each point (N, F) to its k-th nearest other point."""
    radii = torch.empty(len(points), dtype=points.dtype)
    for start, distances in _blocks(points, points):
        rows = torch.arange(len(distances))
        distances[rows, start + rows] = torch.inf
        radii[start : start + len(distances)] = distances.kthvalue(k, dim=1).values
    return radii


def _blocks(x: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Squared distances of some rows of x to all of y, block after block, with the first row's number."""
    norms = y.square().sum(dim=1)
    size = max(1, BLOCK_ENTRIES // len(y))
    for start in range(0, len(x), size):
        rows = x[start : start + size]
        distances = torch.addmm(norms[None, :], rows, y.T, alpha=-2.0)
        yield start, distances.add_(rows.square().sum(dim=1, keepdim=True)).clamp_(min=0.0)
