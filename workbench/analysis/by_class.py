"""ΔE and accuracies of each class at one epoch. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import QUANTILES

Array = NDArray[np.float64]

MOST_CLASSES = 2_048
"""The most classes that are told apart; a file may hold any labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """Which class each sample of a split belongs to.

    Attributes:
        labels: the classes that are told apart, rising, shape (C,).
        group: place of each sample's label in ``labels``, C where it is not among them, shape (N,).
        counts: samples of each class, shape (C,).
        left_out: samples whose label is not told apart.
    """

    labels: NDArray[np.int64]
    group: NDArray[np.uint16]
    counts: NDArray[np.int64]
    left_out: int

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True, slots=True)
class ByClass:
    """One epoch by class; NaN where a class has nothing recorded.

    Attributes:
        quantiles: of ΔE in nats, interpolated linearly, a column per level of QUANTILES, shape (C, 5).
        accuracy: share of the class's samples that are classified as it, shape (C,).
        accuracy_adv: the same of x*, shape (C,).
    """

    quantiles: Array
    accuracy: Array
    accuracy_adv: Array

    @property
    def median(self) -> Array:
        """Median ΔE in nats, shape (C,)."""
        return self.quantiles[:, tuple(QUANTILES).index("q50")]


def classes_of(label: NDArray[np.integer], num_named: int) -> Classes:
    """Tell classes apart: those that have a name, whether or not they have samples, then other labels that occur.

    Args:
        label: of each sample, any whole numbers, shape (N,).
        num_named: how many classes have a name; they are 0 up to ``num_named`` - 1.

    Returns:
        The lowest MOST_CLASSES of them, the named first.
    """
    found = np.unique(label).astype(np.int64)
    named = np.arange(min(num_named, MOST_CLASSES), dtype=np.int64)
    foreign = found[(found < 0) | (found >= num_named)][: MOST_CLASSES - len(named)]
    labels = np.sort(np.concatenate([named, foreign]))
    place = np.searchsorted(labels, label)
    known = labels[np.minimum(place, len(labels) - 1)] == label if len(labels) else np.zeros(len(label), bool)
    group = np.where(known, place, len(labels)).astype(np.uint16)
    counts = np.bincount(group, minlength=len(labels) + 1)
    return Classes(labels=labels, group=group, counts=counts[:-1], left_out=int(counts[-1]))


def by_class(
    delta: NDArray[np.floating], correct: NDArray[np.uint8], correct_adv: NDArray[np.uint8], classes: Classes
) -> ByClass:
    """Quantiles of ΔE and accuracies of each class.

    Args:
        delta: ΔE in nats, shape (N,); values that are not finite are left out.
        correct: 1 where x is classified as y, 0 where not, anything else where that is not recorded, shape (N,).
        correct_adv: the same of x*, shape (N,).
        classes: of these samples.
    """
    return ByClass(
        quantiles=group_quantiles(delta, classes.group, len(classes), tuple(QUANTILES.values())),
        accuracy=_share_of_ones(correct, classes),
        accuracy_adv=_share_of_ones(correct_adv, classes),
    )


def group_quantiles(
    values: NDArray[np.floating], group: NDArray[np.uint16], num_groups: int, levels: Sequence[float]
) -> Array:
    """Quantiles of each group's finite values, as ``np.quantile`` gives them, by one sort of all.

    Args:
        values: shape (N,).
        group: of each value; those of ``num_groups`` and above are left out, shape (N,).
        num_groups: G.
        levels: in [0, 1], L of them.

    Returns:
        Shape (G, L), NaN for groups without a finite value.
    """
    wanted = np.isfinite(values) & (group < num_groups)
    values, group = values[wanted], group[wanted]
    rising = np.argsort(values)
    ordered = values[rising[np.argsort(group[rising], kind="stable")]].astype(np.float64)  # by group, then by value
    counts = np.bincount(group, minlength=num_groups)
    filled = counts > 0
    result = np.full((num_groups, len(levels)), np.nan)
    first = (np.cumsum(counts) - counts)[filled, None]
    place = np.asarray(levels) * (counts[filled, None] - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, counts[filled, None] - 1)
    start, end = ordered[first + below], ordered[first + above]
    result[filled] = start + (end - start) * (place - below)
    return result


def spreads(delta: NDArray[np.floating], classes: Classes, edges: Array) -> NDArray[np.int64]:
    """Histograms of each class's ΔE on the same bins.

    Args:
        delta: ΔE in nats, shape (N,); values that are not finite or beyond the edges are left out.
        classes: of these samples.
        edges: rising edges in nats, shape (B + 1,); a bin holds its lower edge, and not its upper one.

    Returns:
        Counts, shape (C, B).
    """
    bins = len(edges) - 1
    place = np.searchsorted(edges, delta, side="right") - 1
    inside = (place >= 0) & (place < bins) & (classes.group < len(classes))
    flat = classes.group[inside].astype(np.int64) * bins + place[inside]
    return np.bincount(flat, minlength=len(classes) * bins).reshape(len(classes), bins)


def _share_of_ones(flags: NDArray[np.uint8], classes: Classes) -> Array:
    """Share of each class's recorded flags that are 1."""
    recorded = flags <= 1
    known = np.bincount(classes.group[recorded], minlength=len(classes) + 1)[: len(classes)]
    ones = np.bincount(classes.group[flags == 1], minlength=len(classes) + 1)[: len(classes)]
    return np.where(known > 0, ones / np.maximum(known, 1), np.nan)
