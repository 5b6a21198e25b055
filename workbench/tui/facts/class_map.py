"""The picture class by epoch: from medians and accuracies to levels of a colour scale. Needs numpy: import it late."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.tui.facts.class_table import MEASURES, ClassTable
from workbench.tui.facts.source import View
from workbench.tui.look.palette import LEVELS
from workbench.tui.look.text import number, percent
from workbench.tui.plots.axes import EpochAxis

NOT_READ, NOT_RECORDED = -2, -1
"""Levels of what is not read yet, and of what nothing is recorded of."""


class Scale(NamedTuple):
    """What the ends of the colours stand for."""

    low: float
    high: float
    is_share: bool

    @property
    def words(self) -> tuple[str, str]:
        """Both ends as people read them."""
        show = percent if self.is_share else number
        return show(self.low), show(self.high) + ("" if self.is_share else " nat")


def scale_of(view: View, measure: str) -> Scale:
    """The scale of a measure: accuracies from 0 to 1, medians within the middle halves of all epochs.

    Those are in the log's table, so that no colour changes while classes are still being read.
    """
    if measure != "median":
        return Scale(0.0, 1.0, is_share=True)
    halves = np.stack([view.table[f"{view.split}_delta_energy_{name}"] for name in ("q25", "q75")])
    halves = halves[np.isfinite(halves)]
    if not halves.size:
        return Scale(-1.0, 1.0, is_share=False)
    low, high = float(halves.min()), float(halves.max())
    return Scale(low, max(high, low + 1e-6), is_share=False)


def levels_of(
    table: ClassTable, measure: str, axis: EpochAxis, order: NDArray[np.intp], scale: Scale
) -> NDArray[np.int64]:
    """Levels from 1 to LEVELS - 1, NOT_READ and NOT_RECORDED; where epochs share a column, of their mean.

    Args:
        table: what is read so far.
        measure: a name of MEASURES.
        axis: a column for each of its width.
        order: the classes that are shown, R of them, by place.
        scale: what the ends stand for; values beyond them have the level of the end.

    Returns:
        Shape (R, columns).
    """
    place = MEASURES.index(measure)
    rows = table.rows  # another one by and by
    known = [epoch for epoch in range(axis.count) if epoch in rows]
    levels = np.full((len(order), axis.width), NOT_READ)
    if not known or not len(order):
        return levels
    values = np.stack([rows[epoch][place, order] for epoch in known]).astype(np.float64)
    first = np.arange(axis.width) * axis.count // axis.width
    last = np.maximum((np.arange(axis.width) + 1) * axis.count // axis.width, first + 1)
    if axis.count <= axis.width:
        first = np.array([axis.epoch(column) for column in range(axis.width)])
        last = first + 1
    start, stop = np.searchsorted(known, first), np.searchsorted(known, last)
    means = _means(values, start, stop)
    levels[:, stop > start] = _levels(means[stop > start], scale).T
    return levels


def _means(values: NDArray[np.float64], start: NDArray[np.intp], stop: NDArray[np.intp]) -> NDArray[np.float64]:
    """Means of the numbers of rows from ``start`` up to ``stop``, NaN where there is none; values of shape (E, R)."""
    finite = np.isfinite(values)
    zero = np.zeros((1, values.shape[1]))
    sums = np.concatenate([zero, np.cumsum(np.where(finite, values, 0.0), axis=0)])
    counts = np.concatenate([zero, np.cumsum(finite, axis=0)])
    number = counts[stop] - counts[start]
    return np.where(number > 0, (sums[stop] - sums[start]) / np.maximum(number, 1), np.nan)


def _levels(values: NDArray[np.float64], scale: Scale) -> NDArray[np.int64]:
    if scale.is_share:
        place = values
    else:
        reach = np.arcsinh(scale.high) - np.arcsinh(scale.low)
        place = (np.arcsinh(values) - np.arcsinh(scale.low)) / reach
    known = np.isfinite(place)
    levels = 1 + np.rint(np.nan_to_num(place).clip(0, 1) * (LEVELS - 2)).astype(np.int64)
    return np.where(known, levels, NOT_RECORDED)
