"""Precision, recall, density and coverage against a loop over all pairs."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from workbench.quality import manifold
from workbench.quality.manifold import Manifold, manifold_scores

Array = NDArray[np.float64]


def naive(x: Array, y: Array, k: int) -> Manifold:
    """The formulas of the papers, one pair at a time."""

    def radius(points: Array, i: int) -> float:
        return sorted(float(np.linalg.norm(points[i] - points[j])) for j in range(len(points)) if j != i)[k - 1]

    sample_radii = [radius(x, i) for i in range(len(x))]
    reference_radii = [radius(y, i) for i in range(len(y))]
    apart = [[float(np.linalg.norm(a - b)) for b in y] for a in x]
    inside = [[d <= r + 1e-9 for d, r in zip(row, reference_radii, strict=True)] for row in apart]
    recalled = [any(apart[i][j] <= sample_radii[i] + 1e-9 for i in range(len(x))) for j in range(len(y))]
    return Manifold(
        precision=sum(any(row) for row in inside) / len(x),
        recall=sum(recalled) / len(y),
        density=sum(map(sum, inside)) / (k * len(x)),
        coverage=sum(any(inside[i][j] for i in range(len(x))) for j in range(len(y))) / len(y),
    )


def scores(x: Array, y: Array, k: int) -> Manifold:
    return manifold_scores(torch.from_numpy(x), torch.from_numpy(y), k=k)


def assert_same(found: Manifold, expected: Manifold) -> None:
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def points(num: int, seed: int, scale: float = 1.0) -> Array:
    return np.random.default_rng(seed).normal(size=(num, 3)) * scale + 100.0


@pytest.mark.parametrize("block", [1, 100, 10**6])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_they_are_those_of_the_loop(block: int, k: int, scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifold, "BLOCK_ENTRIES", block)
    x, y = points(25, 0, scale), points(40, 1)
    expected = naive(x, y, k)
    assert_same(scores(x, y, k), expected)
    assert expected.precision > 0
    assert expected.coverage < 1


def test_ties_count_as_inside() -> None:
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    assert_same(scores(grid[:10], grid, 2), naive(grid[:10], grid, 2))


def test_part_of_the_reference_is_precise_and_covers_at_least_itself() -> None:
    y = points(60, 0)
    found = scores(y[:20], y, 5)
    assert found.precision == 1.0
    assert 20 / 60 <= found.coverage <= 1.0
    assert found.recall < 1.0
    whole = scores(y, y, 5)
    assert (whole.precision, whole.recall, whole.coverage) == (1.0, 1.0, 1.0)
    assert whole.density == pytest.approx(6 / 5)  # each ball holds its centre and k neighbours


def test_a_single_point_again_and_again_is_precise_without_recall() -> None:
    y = points(50, 0)
    found = scores(np.repeat(y[:1], 30, axis=0), y, 5)
    assert found.precision == 1.0
    assert found.recall == 1 / 50


def test_images_that_occur_again_and_again_are_found_in_balls_without_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six copies of each: the fifth neighbour is at 0, and rounding, other in other blocks, puts none outside."""
    exact, noise = manifold._blocks, torch.Generator().manual_seed(0)

    def rounded(x: torch.Tensor, y: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        ulp = 1e-14 * float(y.square().sum(1).max())
        for start, distances in exact(x, y):
            yield start, distances + ulp * torch.rand(distances.shape, generator=noise, dtype=torch.float64)

    monkeypatch.setattr(manifold, "_blocks", rounded)
    y = np.repeat(np.random.default_rng(0).normal(size=(20, 333)) * 3 + 50, 6, axis=0)
    found = scores(y[::6].repeat(6, axis=0)[:60], y, 5)
    assert (found.precision, found.coverage, found.recall) == (1.0, 0.5, 0.5)
    assert found.density == pytest.approx(6 / 5)


def test_far_away_nothing_is_shared() -> None:
    assert scores(points(20, 0) + 1e4, points(20, 1), 3) == Manifold(precision=0, recall=0, density=0, coverage=0)
