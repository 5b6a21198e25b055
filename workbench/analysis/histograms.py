"""From the stored ΔE histogram, whose bins widen with |ΔE|, to the uniform columns of a screen."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EMPTY_RANGE = (-1.0, 1.0)
"""Range in nats that is shown where nothing was counted."""

MIN_SPAN = 0.1
"""Narrowest range in nats: a dead network's ΔE of exactly 0 should look like a spike, not like a zoom into one bin."""


def rebin(counts: NDArray[np.integer] | Array, edges: Array, columns: Array) -> Array:
    """Share out a histogram's counts over other bins, by fractional overlap: inside a bin, counts spread evenly.

    Args:
        counts: counts per bin, shape (..., B).
        edges: rising edges of those bins in nats, shape (B + 1,).
        columns: rising edges of the wanted bins in nats, shape (C + 1,).

    Returns:
        Counts (fractions of them, too) per wanted bin, shape (..., C). They sum to those of ``counts`` that lie between
        the first and the last of ``columns``.
    """
    totals = _cumulative(counts)
    inside = np.clip(columns, edges[0], edges[-1])
    left = np.clip(np.searchsorted(edges, inside, side="right") - 1, 0, len(edges) - 2)
    fraction = (inside - edges[left]) / np.diff(edges)[left]
    below = totals[..., left] * (1.0 - fraction) + totals[..., left + 1] * fraction
    return np.diff(below, axis=-1)


def display_range(counts: NDArray[np.integer] | Array, edges: Array, mass: float = 0.99) -> tuple[float, float]:
    """The range that holds the central share of all counts, so that a few extreme samples do not squeeze the rest.

    Args:
        counts: counts per bin, shape (..., B); leading axes (epochs) are summed.
        edges: rising edges of the bins in nats, shape (B + 1,).
        mass: share of the counts to show, in (0, 1]; the rest is cut in halves at both ends.

    Returns:
        Lower and upper bound in nats, at least MIN_SPAN apart; EMPTY_RANGE without counts.
    """
    total = _cumulative(np.asarray(counts, dtype=np.float64).reshape(-1, len(edges) - 1).sum(axis=0))
    if total[-1] <= 0:
        return EMPTY_RANGE
    low = _quantile(total, edges, (1.0 - mass) / 2.0)
    high = -_quantile(total[-1] - total[::-1], -edges[::-1], (1.0 - mass) / 2.0)
    lacking = max(0.0, MIN_SPAN - (high - low)) / 2.0
    return low - lacking, high + lacking


def energy_map(
    counts: NDArray[np.integer], edges: Array, columns: Array, max_rows: int
) -> tuple[Array, NDArray[np.int64]]:
    """The picture of ΔE over all epochs: how each epoch's samples spread over the columns.

    Args:
        counts: counts per epoch and bin, shape (E, B).
        edges: rising edges of the bins in nats, shape (B + 1,).
        columns: rising edges of the picture's columns in nats, shape (C + 1,).
        max_rows: most rows of the picture, at least 1; where epochs are more, neighbours share a row (their mean).

    Returns:
        Shares of the row's samples per column, shape (R, C), in [0, 1] and NaN for rows without samples, and the
        epochs at which rows begin, shape (R + 1,): row r shows epochs [r] up to, but without, [r + 1].
    """
    num_rows = min(len(counts), max_rows)
    bounds = np.arange(num_rows + 1) * len(counts) // max(num_rows, 1)
    if not num_rows:
        return np.empty((0, len(columns) - 1)), bounds
    totals = counts.sum(axis=1, dtype=np.float64)
    recorded = totals > 0
    shares = np.where(recorded[:, None], rebin(counts, edges, columns) / np.where(recorded, totals, 1.0)[:, None], 0.0)
    num_recorded = np.add.reduceat(recorded.astype(np.float64), bounds[:-1])[:, None]
    sums = np.add.reduceat(shares, bounds[:-1], axis=0)
    return np.where(num_recorded > 0, sums / np.maximum(num_recorded, 1.0), np.nan), bounds


def _cumulative(counts: NDArray[np.integer] | Array) -> Array:
    """Counts below each edge, shape (..., B + 1)."""
    totals = np.cumsum(counts, axis=-1, dtype=np.float64)
    return np.concatenate([np.zeros((*totals.shape[:-1], 1)), totals], axis=-1)


def _quantile(totals: Array, edges: Array, share: float) -> float:
    """The highest point with at most ``share`` of the counts below it."""
    wanted = share * totals[-1]
    left = min(int(np.searchsorted(totals, wanted, side="right")) - 1, len(edges) - 2)
    in_bin = totals[left + 1] - totals[left]
    return float(edges[left] + (edges[left + 1] - edges[left]) * (wanted - totals[left]) / in_bin)
