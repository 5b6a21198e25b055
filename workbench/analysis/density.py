"""Where pairs of energies lie in the plane. numpy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Range = tuple[float, float]

MIN_SPAN, MIN_SHARE = 0.1, 1e-6
"""Narrowest range in nats, and as a share of its larger end: energies that are all alike, however large they are,
should look like a dot, not like a zoom into rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Density:
    """How many points lie in each cell of a grid.

    Attributes:
        counts: points per cell, the highest y first, shape (rows, columns).
        outside: finite points that lie beyond the grid.
        missing: points of which either energy is not finite.
        correlation: Pearson's, of all finite points; NaN where it is not defined.
    """

    counts: NDArray[np.int64]
    outside: int
    missing: int
    correlation: float

    @property
    def total(self) -> int:
        """Finite points."""
        return int(self.counts.sum()) + self.outside


def central_range(values: Array, share: float) -> Range | None:
    """The range in nats that holds the central share of the finite values, widened if too narrow; None without any."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return None
    low, high = (float(bound) for bound in np.quantile(finite, [(1 - share) / 2, (1 + share) / 2]))
    least = max(MIN_SPAN, MIN_SHARE * max(abs(low), abs(high)))
    lacking = max(0.0, least - (high - low)) / 2
    return low - lacking, high + lacking


def density(x: Array, y: Array, x_range: Range, y_range: Range, shape: tuple[int, int]) -> Density:
    """Count points on a grid of equal cells.

    Args:
        x: first energy of each point in nats, shape (N,).
        y: second energy, shape (N,).
        x_range: ends of the grid; points on its edges lie in it.
        y_range: the same of y.
        shape: rows and columns, each at least 1.
    """
    rows, columns = shape
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite].astype(np.float64), y[finite].astype(np.float64)
    inside = (x >= x_range[0]) & (x <= x_range[1]) & (y >= y_range[0]) & (y <= y_range[1])
    column = _place(x[inside], x_range, columns)
    row = rows - 1 - _place(y[inside], y_range, rows)
    counts = np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)
    return Density(
        counts=counts,
        outside=int(len(x) - np.count_nonzero(inside)),
        missing=int(len(finite) - len(x)),
        correlation=correlation(x, y),
    )


def correlation(x: Array, y: Array) -> float:
    """Pearson's correlation of finite float64 values; NaN for fewer than two points or where either is constant."""
    if len(x) < 2:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else float("nan")


def _place(values: Array, bounds: Range, count: int) -> NDArray[np.int64]:
    """The cell of ``count`` that holds each value within the bounds; the upper bound is in the last."""
    place = (values - bounds[0]) * (count / (bounds[1] - bounds[0]))
    return np.minimum(place.astype(np.int64), count - 1)
