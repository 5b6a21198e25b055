"""In which order to look at samples: by their energies at an epoch, by what changed, by how often they flipped."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import NOT_RECORDED

BEFORE_ONSET = 3
"""Epochs just before an onset whose mean is what a change at the onset is counted from."""

BLOCK = 65_536
"""Samples that are worked on at a time where numbers need more room than they are kept in."""

MOST_FLIPS = np.iinfo(np.int16).max


class Order(NamedTuple):
    """A way to order samples.

    Attributes:
        name: of the order.
        title: what comes first, for people.
        column: the number that is ordered by.
        descending: whether the largest comes first.
        size: whether the number's size counts, whatever its sign.
    """

    name: str
    title: str
    column: str
    descending: bool = True
    size: bool = False


ORDERS: Mapping[str, Order] = {
    order.name: order
    for order in (
        Order("size", "largest |ΔE|", "delta", size=True),
        Order("change", "largest change of ΔE", "change", size=True),
        Order("flips", "most flips", "flips"),
        Order("loss", "highest loss under attack", "loss"),
        Order("delta", "highest ΔE", "delta"),
        Order("energy", "highest E(x)", "energy"),
        Order("energy-adv", "highest E(x*)", "energy_adv"),
        Order("index", "first index", "index", descending=False),
    )
}
"""Every order, in the order in which they are gone through."""


def ranked(values: NDArray[Any], *, descending: bool, size: bool = False) -> NDArray[np.int32]:
    """The places of samples in order of their values: equals in their own order, NaN last either way.

    Args:
        values: one number per sample, shape (N,).
        descending: the largest first.
        size: order by |value|.

    Returns:
        Positions into ``values``, shape (N,).
    """
    keys = np.abs(values) if size else values
    if descending:
        narrow = keys.dtype.kind in "iu" and keys.itemsize < 4
        keys = np.negative(keys.astype(np.int32) if narrow else keys, out=keys if size and not narrow else None)
    return np.argsort(keys, kind="stable").astype(np.int32)


def delta_energy(energy: NDArray[np.float32], energy_adv: NDArray[np.float32]) -> NDArray[np.float32]:
    """ΔE(x) = E(x) − E(x*) in nats, shape (N,); NaN where either is missing."""
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged run has infinite energies
        return energy - energy_adv


def attacked_loss(energy_adv: NDArray[np.float32], joint_energy_adv: NDArray[np.float32]) -> NDArray[np.float32]:
    """CE(x*) = E(x*,y) − E(x*) in nats: the cross-entropy of the label under attack, shape (N,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return joint_energy_adv - energy_adv


def epochs_before(onset: int) -> range:
    """The epochs whose mean a change at an onset is counted from; none where the onset is at epoch 0."""
    return range(max(0, onset - BEFORE_ONSET), onset)


def change_from(before: Sequence[NDArray[np.float32]], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far ΔE moved from the mean of some epochs to a later one.

    Args:
        before: ΔE of the earlier epochs, each (N,); missing values are left out of the mean.
        after: ΔE of the later epoch, (N,).

    Returns:
        ``after`` minus the mean, shape (N,); NaN where either side is missing.
    """
    change = np.full(len(after), np.nan, np.float32)
    for start in range(0, len(after) if before else 0, BLOCK):  # in blocks, so that float64 takes little memory
        block = slice(start, start + BLOCK)
        earlier = np.array([values[block] for values in before], dtype=np.float64)
        there = np.isfinite(earlier)
        total, count = np.where(there, earlier, 0.0).sum(axis=0), there.sum(axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            change[block] = np.where(count > 0, after[block] - total / np.maximum(count, 1), np.nan)
    return change


class FlipCount:
    """How often each sample went from right to wrong or back under attack, counted one epoch at a time.

    An epoch in which a sample was not recorded is passed over: what follows is held against the last recorded value.

    Attributes:
        epoch: the last epoch that was counted; -1 before the first.
        flips: shape (N,), int16; counting ends at its largest value.
    """

    def __init__(self, num_samples: int) -> None:
        self.epoch = -1
        self.flips = np.zeros(num_samples, np.int16)
        self._last = np.full(num_samples, NOT_RECORDED, np.uint8)

    def take(self, correct: NDArray[np.uint8]) -> None:
        """Count the next epoch, by its flags (N,): 0, 1 or NOT_RECORDED."""
        recorded = correct != NOT_RECORDED
        flipped = recorded & (self._last != NOT_RECORDED) & (correct != self._last)
        self.flips += flipped & (self.flips < MOST_FLIPS)
        np.copyto(self._last, correct, where=recorded)
        self.epoch += 1
