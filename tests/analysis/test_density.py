"""Densities against a plain loop over points, and numpy's correlation."""

import math

import numpy as np
import pytest

from workbench.analysis.density import MIN_SPAN, central_range, density


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 90)])
def test_every_point_is_counted_where_a_loop_puts_it(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 2, (2, 600)).astype(np.float32)
    x[3], y[4], x[5] = np.nan, np.inf, -np.inf
    found = density(x, y, (-3.0, 2.0), (-1.0, 4.0), shape)
    rows, columns = shape
    counts, outside, missing = np.zeros(shape, int), 0, 0
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            missing += 1
        elif not (-3.0 <= a <= 2.0 and -1.0 <= b <= 4.0):
            outside += 1
        else:
            counts[rows - 1 - int((b + 1.0) / 5.0 * rows), int((a + 3.0) / 5.0 * columns)] += 1
    np.testing.assert_array_equal(found.counts, counts)
    assert (found.outside, found.missing, found.total) == (outside, missing, 600 - missing)


def test_points_on_the_edges_lie_inside_and_the_highest_row_comes_first() -> None:
    found = density(np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0]), (0.0, 1.0), (0.0, 1.0), (2, 2))
    assert found.counts.tolist() == [[1, 1], [1, 0]]
    assert found.outside == 0


def test_the_correlation_is_numpys() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 500))
    y += x
    found = density(x, y, (-0.1, 0.1), (-0.1, 0.1), (3, 3))
    assert found.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0]], ids=["none", "one point", "constant"])
def test_a_correlation_that_is_not_defined(x: list[float]) -> None:
    found = density(np.array(x), np.array([5.0, 6.0][: len(x)]), (0.0, 1.0), (0.0, 1.0), (2, 2))
    assert math.isnan(found.correlation)


def test_the_range_holds_the_central_share() -> None:
    values = np.random.default_rng(2).normal(-8, 2, 10_000)
    assert central_range(np.append(values, [np.nan, np.inf]), 0.9) == pytest.approx(np.quantile(values, [0.05, 0.95]))
    assert central_range(np.array([np.nan]), 0.9) is None
    low, high = central_range(np.full(9, 3.0), 0.9)
    assert (low + high) / 2 == pytest.approx(3.0)
    assert high - low == pytest.approx(MIN_SPAN)
