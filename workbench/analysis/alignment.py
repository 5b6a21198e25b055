"""Curves of different lengths and paces on one axis. numpy only."""

import numpy as np
from numpy.typing import NDArray


def on_grid(edges: NDArray[np.float64], values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve of steps, averaged over the cells of a grid.

    Args:
        edges: where each value begins and the last one ends, ascending, shape (E + 1,).
        values: the curve, NaN where unknown, shape (E,).
        grid: edges of the cells, ascending, shape (C + 1,), in the same unit.

    Returns:
        For each cell the mean of the known values that reach into it, weighted by how far; NaN where there is none.
        Shape (C,).
    """
    begin = np.maximum(edges[None, :-1], grid[:-1, None])
    end = np.minimum(edges[None, 1:], grid[1:, None])
    weight = np.clip(end - begin, 0.0, None) * np.isfinite(values)
    total = weight.sum(axis=1)
    covered = total > 0.0
    means = np.full(len(total), np.nan)
    means[covered] = (weight @ np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))[covered] / total[covered]
    return means


def common_grid(all_edges: list[NDArray[np.float64]], most_cells: int) -> NDArray[np.float64]:
    """Edges of equal cells over everything that the curves cover: at most ``most_cells``, and none under 1 wide."""
    low, high = min(edges[0] for edges in all_edges), max(edges[-1] for edges in all_edges)
    return np.linspace(low, high, max(1, min(most_cells, int(np.ceil(high - low)))) + 1)
