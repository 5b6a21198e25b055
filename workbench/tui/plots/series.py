"""The numbers of a chart: its lines, raw and smoothed, and the upright axis that holds them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.tui.plots.charts import Chart, Line, Look
from workbench.tui.plots.scales import LINEAR, SCALES, Axis
from workbench.tui.plots.smoothing import running_median
from workbench.tui.plots.window import Window

LEAST, MOST = 1e-9, 1e30
"""Numbers beyond these are not plotted: a diverged loss, or a foreign file's."""

DECADES = 6
"""A logarithmic axis that begins at 0 begins this many powers of ten below its end, or at the lowest value."""


class Series(NamedTuple):
    """A line's values over all epochs, NaN where there is none, shape (E,); the same smoothed, None where it is not."""

    line: Line
    raw: NDArray[np.float64]
    smooth: NDArray[np.float64] | None


def series_of(table: NDArray[np.void], chart: Chart, median: int) -> list[Series]:
    """The lines of a chart that have anything to show."""
    found = []
    for line in chart.lines:
        values = table[line.column].astype(np.float64)
        raw = np.where(drawable(values), values, np.nan)
        known = raw[np.isfinite(raw)]
        if known.any() if line.unless_zero else known.size:
            found.append(Series(line, raw, None if median == 1 or line.edge else running_median(raw, median)))
    return found


def axis_of(series: Sequence[Series], chart: Chart, look: Look, window: Window) -> Axis:
    """The upright axis for the lines in a window."""
    scale = SCALES[chart.scale] if look.scaled else LINEAR
    seen = [each.raw[window.first : window.stop] for each in series]
    values = np.concatenate([np.zeros(0), *seen])
    values = values[np.isfinite(scale.place(values))]
    if not values.size:
        return Axis(LINEAR, 0.0, 1.0)
    lowest, highest = float(values.min()), float(values.max())
    low = lowest if look.fitted or chart.low is None else min(chart.low, lowest)
    high = highest if look.fitted or chart.high is None else max(chart.high, highest)
    if scale.name == "log":
        low = max(lowest, high / 10**DECADES)
    place = scale.place(np.array([low, high]))
    if not place[1] - place[0] > LEAST * max(1.0, float(np.abs(place).max())):
        low, high = _around(low, high, scale.name)
    return Axis(scale, low, high)


def decimate(
    x: NDArray[np.float64], y: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest point of each column, in order: what can be seen of a line.

    Args:
        x: rising positions, shape (P,).
        y: finite values, shape (P,).
        columns: columns that the line has, at least 1.

    Returns:
        At most 2 · columns of the positions, and their values.
    """
    if len(x) <= 2 * columns:
        return x, y
    bounds = np.arange(columns + 1) * len(x) // columns
    kept = {start + pick(y[start:stop]) for start, stop in pairwise(bounds) for pick in (np.argmin, np.argmax)}
    order = np.array(sorted(kept))
    return x[order], y[order]


def drawable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where there is a number that fits a plot; files may hold anything."""
    return np.isfinite(values) & (np.abs(values) < MOST)


def unbroken(present: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Starts and ends of the unbroken stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _around(low: float, high: float, name: str) -> tuple[float, float]:
    """An axis about one value: as far as it is large, in both directions; upwards from 0."""
    if name == "log":
        return low / 10, high * 10
    if name == "logit":
        return 0.001, 0.999
    if low == 0 == high:
        return 0.0, 1.0
    return (0.0, high) if low >= 0 else (low - abs(low) / 2, high + abs(high) / 2)
