"""Upright axes: where a value stands on one, and which round values are written beside it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.tui.plots.axes import DeltaAxis

Array = NDArray[np.float64]

SURE = 1e-3
"""A logit axis ends at this share and at 1 minus it: 0 and 1 themselves would be endlessly far away."""


class Scale(NamedTuple):
    """How values are laid out.

    Attributes:
        name: as charts name it.
        place: values to places on an even axis, NaN where a value has none.
        round_values: round values from ``low`` to ``high`` for about ``count`` labels, rising.
    """

    name: str
    place: Callable[[Array], Array]
    round_values: Callable[[float, float, int], Sequence[float]]


class Axis(NamedTuple):
    """Values from ``low`` to ``high`` on a scale; their shares run from 0 to 1."""

    scale: Scale
    low: float
    high: float

    def shares(self, values: Array) -> Array:
        """Where values lie, 0 at ``low`` and 1 at ``high``, NaN where they have no place."""
        start, end = self.scale.place(np.array([self.low, self.high]))
        shares: Array = (self.scale.place(values) - start) / (end - start)
        return shares

    def share(self, value: float) -> float:
        """Where one value lies."""
        return float(self.shares(np.array([value]))[0])

    def ticks(self, rows: int) -> list[tuple[float, float]]:
        """Shares and values of round values, rising, about one in four rows."""
        values = [float(value) for value in self.scale.round_values(self.low, self.high, max(2, rows // 4))]
        shares = self.shares(np.array(values)).tolist()
        return [(share, value) for share, value in zip(shares, values, strict=True) if -1e-9 <= share <= 1 + 1e-9]


def _linear(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))
    if math.floor(high / step + 1e-9) == math.ceil(low / step - 1e-9):
        step = next(size * power for size in (5, 2, 1) if size * power < step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * index for index in range(first, last + 1)]


def _logarithmic(low: float, high: float, count: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for sizes in ((1, 2, 5), (1, 3), (1,)):
        values = [size * 10.0**power for power in powers for size in sizes]
        inside = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(inside) <= 2 * count:
            return inside if len(inside) > 1 else _linear(low, high, count)
    return inside[:: -(-len(inside) // (2 * count))]


def _logit(low: float, high: float, count: int) -> list[float]:
    few = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
    many = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
    values = [value for value in (many if count > len(few) // 2 + 1 else few) if low <= value <= high]
    return values if len(values) > 1 else _linear(low, high, count)


def _asinh(low: float, high: float, count: int) -> list[float]:
    rows = 4 * count
    return [float(label) for _, label in DeltaAxis(low, high).ticks(rows, spacing=2)]


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


def _clipped_logit(values: Array) -> Array:
    shares = np.clip(values, SURE, 1 - SURE)
    return np.log(shares / (1 - shares))


LINEAR = Scale("linear", lambda values: values, _linear)
LOG = Scale("log", _log, _logarithmic)
LOGIT = Scale("logit", _clipped_logit, _logit)
ASINH = Scale("asinh", np.arcsinh, _asinh)

SCALES = {scale.name: scale for scale in (LOG, LOGIT, ASINH)}
"""The scales that a chart can have beside the linear one."""
