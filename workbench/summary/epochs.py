"""The epochs of a run as plain values, None where a number is missing."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import RunMeta, merit

_STATISTICS = ("mean", "std", "q05", "q50", "q95")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaEnergy:
    """ΔE statistics of one set of samples in one epoch, in nats; None where they were not recorded.

    Attributes:
        split: "train" or "probe".
        attack: the attack that made x*, None where there was none.
    """

    split: str
    attack: str | None
    mean: float | None
    std: float | None
    q05: float | None
    q50: float | None
    q95: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochSummary:
    """One epoch; accuracies are fractions of the probe set in [0, 1] unless named otherwise; None where missing."""

    epoch: int
    learning_rate: float | None
    train_loss: float | None
    train_clean_accuracy: float | None
    train_robust_accuracy: float | None
    train_pgd_accuracy: float | None
    clean_accuracy: float | None
    fgsm_accuracy: float | None
    pgd_accuracy: float | None
    train_seconds: float | None
    evaluation_seconds: float | None
    delta_energy: DeltaEnergy
    probe_delta_energy: DeltaEnergy


def read_epochs(table: NDArray[np.void], meta: RunMeta) -> tuple[EpochSummary, ...]:
    """The rows of the table; ΔE is of the training set, or of the probe set where the run has none of the former."""
    attacks = {"train": meta.train_attack, "probe": meta.probe_attack}
    split = "train" if np.isfinite(table["train_delta_energy_mean"]).any() else "probe"
    names = table.dtype.names or ()
    rows = [dict(zip(names, values, strict=True)) for values in table.tolist()]
    return tuple(
        EpochSummary(
            epoch=int(row["epoch"]),
            **{
                name: number(row[name])
                for name in (
                    "learning_rate",
                    "train_loss",
                    "train_clean_accuracy",
                    "train_robust_accuracy",
                    "train_pgd_accuracy",
                    "clean_accuracy",
                    "fgsm_accuracy",
                    "pgd_accuracy",
                    "train_seconds",
                    "evaluation_seconds",
                )
            },
            delta_energy=_delta(row, split, attacks[split]),
            probe_delta_energy=_delta(row, "probe", attacks["probe"]),
        )
        for row in rows
    )


def _delta(row: Mapping[str, object], split: str, attack: str | None) -> DeltaEnergy:
    values = {name: number(row[f"{split}_delta_energy_{name}"]) for name in _STATISTICS}
    return DeltaEnergy(split=split, attack=attack, **values)


def best_of(epochs: Iterable[EpochSummary]) -> EpochSummary | None:
    """The first epoch of highest merit: the measure itself, whatever a detector says of the epoch."""
    measured = [epoch for epoch in epochs if epoch.pgd_accuracy is not None]
    return max(measured, key=lambda epoch: merit(epoch.pgd_accuracy, epoch.clean_accuracy), default=None)


def number(value: object) -> float | None:
    """A finite number of a row or of a foreign configuration, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    try:
        known = float(value)
    except OverflowError:
        return None
    return known if math.isfinite(known) else None
