"""Ground-truth labels of a whole run, from its accuracies alone; detectors are judged by them.

They look back over all epochs. The detectors of this package see only the past.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.onset.rules import (
    DECAY,
    MARGIN,
    MASKED_EPOCHS,
    MEDIAN_EPOCHS,
    RISE,
    ROUNDING,
    is_collapsed,
    is_masked,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What the whole run shows.

    Attributes:
        answer: "onset", "none" or "cannot tell".
        epoch: the onset's epoch, None without an onset.
        reason: the rule that held ("collapse", "masked", "decay"), or why there is no answer; "" for none.
    """

    answer: Literal["onset", "none", "cannot tell"]
    epoch: int | None = None
    reason: str = ""


NONE = Label(answer="none")


def catastrophic_label(fgsm: ArrayLike, pgd: ArrayLike) -> Label:
    """Label catastrophic overfitting: the earlier of *collapse* and *masked*.

    *Collapse* is the first epoch e with pgd(e) <= 1/2 max_{e'<e} pgd, pgd(e) <= max_{e'<e} pgd - 0.10 and
    fgsm(e) - pgd(e) >= 0.15. *Masked* is the first of at least 3 consecutive epochs with fgsm >= 0.30, pgd <= fgsm / 2
    and fgsm - pgd >= 0.25. Epochs that lack an accuracy (NaN) are passed over: "consecutive" counts evaluated epochs.

    Args:
        fgsm: FGSM accuracy on the probe set per epoch, shape (E,), in [0, 1].
        pgd: PGD accuracy on the probe set per epoch, shape (E,), in [0, 1].

    Returns:
        The label; "cannot tell" where no epoch has both accuracies.
    """
    fgsm, pgd = _curves(fgsm, pgd)
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], np.where(np.isfinite(pgd), pgd, -np.inf)]))[:-1]
    epochs = np.flatnonzero(np.isfinite(fgsm) & np.isfinite(pgd))
    if not epochs.size:
        return Label(answer="cannot tell", reason="no epoch has both FGSM and PGD accuracy")
    fgsm, pgd, best_before = fgsm[epochs], pgd[epochs], best_before[epochs]
    collapse = np.flatnonzero(is_collapsed(fgsm, pgd, best_before))
    masked = _first_of_a_streak(is_masked(fgsm, pgd), MASKED_EPOCHS)
    found = [(int(collapse[0]), "collapse")] if collapse.size else []
    found += [(masked, "masked")] if masked is not None else []
    if not found:
        return NONE
    row, rule = min(found)
    return Label(answer="onset", epoch=int(epochs[row]), reason=rule)


def robust_label(robust: ArrayLike, train_robust: ArrayLike, catastrophic_epoch: int | None = None) -> Label:
    """Label robust overfitting.

    With held-out robust accuracy smoothed by a centred 5-epoch median (whole windows only) and best b: robust
    overfitting if the last 5-epoch median is <= best - 0.02 while the median of robust training accuracy rose >= 0.02
    from b to the end. Its onset is the first epoch after b from which the smoothed curve stays >= 0.01 under the best.
    Only epochs before catastrophic overfitting count. Epochs without held-out accuracy (NaN) are passed over.

    Args:
        robust: held-out robust accuracy per epoch, shape (E,), in [0, 1].
        train_robust: robust accuracy on training data under the same attack in the same mode, shape (E,).
        catastrophic_epoch: the epoch at which catastrophic overfitting set in, None without it.

    Returns:
        The label; "cannot tell" with fewer than 5 evaluated epochs or without comparable training accuracy.
    """
    robust, train_robust = _curves(robust, train_robust)
    robust, train_robust = robust[:catastrophic_epoch], train_robust[:catastrophic_epoch]
    epochs = np.flatnonzero(np.isfinite(robust))
    if epochs.size < MEDIAN_EPOCHS:
        return Label(answer="cannot tell", reason=f"fewer than {MEDIAN_EPOCHS} epochs have robust accuracy")
    if not np.isfinite(train_robust[epochs]).any():
        return Label(answer="cannot tell", reason="no robust training accuracy under the same attack in the same mode")
    smooth, train_smooth = running_median(robust[epochs]), running_median(train_robust[epochs])
    best = int(np.argmax(smooth))
    decay, rise = smooth[best] - smooth[-1], train_smooth[-1] - train_smooth[best]
    if decay < DECAY - ROUNDING:
        return NONE
    if not np.isfinite(rise):
        return Label(answer="cannot tell", reason="robust training accuracy is missing at the best epoch or at the end")
    if rise < RISE - ROUNDING:
        return NONE
    above = np.flatnonzero(smooth > smooth[best] - MARGIN + ROUNDING)
    centre = int(above[-1]) + 1 + MEDIAN_EPOCHS // 2
    return Label(answer="onset", epoch=int(epochs[centre]), reason="decay")


def running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians of every whole window of 5 values, shape (E - 4,), over the finite ones; NaN where there are none."""
    windows = np.lib.stride_tricks.sliding_window_view(values, MEDIAN_EPOCHS)
    return np.array([finite_median(window) for window in windows])


def finite_median(values: ArrayLike) -> float:
    """The median of the finite values, NaN where there are none."""
    finite = sorted(value for value in np.asarray(values, dtype=np.float64).tolist() if math.isfinite(value))
    if not finite:
        return math.nan
    half = len(finite) // 2  # by hand: of five values it takes a tenth of numpy's time
    return float(finite[half] if len(finite) % 2 else (finite[half - 1] + finite[half]) / 2)


def _curves(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"two curves over the same epochs are needed, got shapes {first.shape} and {second.shape}")
    return first, second


def _first_of_a_streak(flags: NDArray[np.bool_], length: int) -> int | None:
    if flags.size < length:
        return None
    starts = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(flags, length).all(axis=1))
    return int(starts[0]) if starts.size else None
