"""What a detector says, and the numbers that it gives as evidence."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from workbench.onset.labels import finite_median

Kind = Literal["catastrophic", "robust"]
Row = Mapping[str, Any] | np.void
"""One epoch: a row of EPOCH_DTYPE, or any mapping with (some of) its names."""

DELTA_ENERGY_STATISTICS = tuple(
    f"{split}_delta_energy_{name}" for split in ("train", "probe") for name in ("mean", "std", "q05", "q95")
)
COMPARED = (
    "clean_accuracy",
    "fgsm_accuracy",
    "pgd_accuracy",
    "train_pgd_accuracy",
    "train_robust_accuracy",
    "train_clean_accuracy",
    *DELTA_ENERGY_STATISTICS,
)
"""Columns whose values before and after an onset go into its evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Onset:
    """One flag, raised once and never taken back.

    Attributes:
        kind: catastrophic or robust overfitting.
        epoch: when it set in.
        detected_epoch: when that could be said from the past alone; never before ``epoch``.
        confidence: in [0, 1]: how far beyond its thresholds the run is and whether ΔE widened. Not a probability.
        rule: the rule that held: "collapse", "masked", "inversion" or "decay".
        sentence: the same in plain words.
        last_healthy_epoch: the last evaluated epoch before ``epoch``, None where there was none.
        rolled_back: the epoch after which the run went back to weights from before this was seen; None: it stands.
        evidence: thresholds, and accuracies and ΔE statistics (nats) as NAME_before and NAME_after; finite values only.
    """

    kind: Kind
    epoch: int
    detected_epoch: int
    confidence: float
    rule: str
    sentence: str
    last_healthy_epoch: int | None = None
    rolled_back: int | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


def number(row: Row, name: str) -> float:
    """The row's value, NaN where the row lacks the name or holds infinity."""
    names = row.dtype.names or () if isinstance(row, np.void) else row
    value = float(row[name]) if name in names else math.nan
    return value if math.isfinite(value) else math.nan


def plain_values(row: Row) -> Mapping[str, Any]:
    """A row of a table as Python values by name, which are quicker to look at than numpy's; a mapping as it is."""
    return dict(zip(row.dtype.names or (), row.item(), strict=True)) if isinstance(row, np.void) else row


def compared(row: Row) -> dict[str, float]:
    """The row's values of COMPARED."""
    return {name: number(row, name) for name in COMPARED}


def before_and_after(before: Iterable[Mapping[str, float]], after: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Medians of COMPARED over the epochs before an onset and after it; names without a finite value are left out."""
    groups = {"before": tuple(before), "after": tuple(after)}
    medians = {
        f"{name}_{when}": finite_median([row[name] for row in rows])
        for name in COMPARED
        for when, rows in groups.items()
    }
    return {name: value for name, value in medians.items() if np.isfinite(value)}


def spread_agreement(evidence: Mapping[str, float], split: str) -> float:
    """Whether ΔE widened at the onset: log2 of its standard deviation after over before, clipped to [-1, 1].

    1 is a doubling (ΔE diverges, which agrees with an onset), -1 a halving, 0 no change or nothing to compare.
    """
    name = f"{split}_delta_energy_std"
    before, after = evidence.get(f"{name}_before", 0.0), evidence.get(f"{name}_after", 0.0)
    return float(np.clip(np.log2(after / before), -1.0, 1.0)) if before > 0 and after > 0 else 0.0
