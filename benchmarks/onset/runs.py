"""The runs of the corpus as the judges see them: tables, labels, statistics of the training samples; shares of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from build import split_of
from numpy.typing import NDArray

from trainers.energylog import EnergyLog
from workbench.onset import Label, catastrophic_label, robust_label

SPLITS = ("development", "held-out")
Curve = NDArray[np.float64]
"""One value per epoch."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished run.

    Attributes:
        stood: which probe images stood PGD, (epochs, samples).
        statistics: of the training samples by epoch, for a run with an adversary; see ``statistics_of``.
    """

    name: str
    split: str
    attack: str | None
    epochs: NDArray[np.void]
    steps: NDArray[np.void]
    stood: NDArray[np.bool_]
    statistics: dict[str, Curve]

    @cached_property
    def catastrophic(self) -> Label:
        return catastrophic_label(self.epochs["fgsm_accuracy"], self.epochs["pgd_accuracy"])

    @cached_property
    def robust(self) -> Label:
        accuracies = self.epochs["pgd_accuracy"], self.epochs["train_pgd_accuracy"]
        return robust_label(*accuracies, self.catastrophic.epoch)

    @property
    def kind(self) -> str:
        """The scenario."""
        return self.name.rpartition("-s")[0]

    @property
    def data(self) -> str:
        """What it was trained on: "digits" or "folder"."""
        return "folder" if self.name.startswith("folder-") else "digits"


def read(path: Path) -> Run | None:
    """A finished run, None for one that is not."""
    with EnergyLog.open(path) as log:
        if log.status != "finished":
            return None
        epochs, meta = log.epochs(), log.meta
        return Run(
            name=path.parent.name,
            split=split_of(meta.seed or 0),
            attack=meta.train_attack,
            epochs=epochs,
            steps=log.steps(),
            stood=np.array([log.samples("probe", "correct_adv", epoch) for epoch in range(len(epochs))]) == 1,
            statistics=statistics_of(log, len(epochs)) if meta.train_attack else {},
        )


def statistics_of(log: EnergyLog, num_epochs: int) -> dict[str, Curve]:
    """Statistics of the training samples under the training attack, each (epochs,)."""
    names = ("energy", "energy_adv", "joint_energy", "joint_energy_adv", "correct", "correct_adv")
    e, e_adv, j, j_adv, c, c_adv = (
        np.array([log.samples("train", name, epoch) for epoch in range(num_epochs)], dtype=np.float64) for name in names
    )
    labels = log.keys("train").label
    delta, loss, loss_adv, right, stood = e - e_adv, j - e, j_adv - e_adv, c == 1, c_adv == 1
    rise = loss_adv - loss
    classes = np.array([delta[:, labels == label].mean(axis=1) for label in np.unique(labels)])
    stood_by_class = np.array([stood[:, labels == label].mean(axis=1) for label in np.unique(labels)])
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "ΔE mean": delta.mean(axis=1),
            "ΔE spread": delta.std(axis=1),
            "ΔE 5 % quantile": np.quantile(delta, 0.05, axis=1),
            "ΔE 95 % quantile": np.quantile(delta, 0.95, axis=1),
            "ΔE spread / spread of E(x)": delta.std(axis=1) / e.std(axis=1),
            "ΔE 5 to 95 % / spread of E(x)": np.ptp(np.quantile(delta, (0.05, 0.95), axis=1), axis=0) / e.std(axis=1),
            "share with E(x*) < E(x)": (delta > 0).mean(axis=1),
            "spread of the classes' mean ΔE / ΔE spread": classes.std(axis=0) / delta.std(axis=1),
            "spread of ΔE(x,y) / ΔE spread": (j - j_adv).std(axis=1) / delta.std(axis=1),
            "correlation of ΔE and the loss's rise": correlation(delta, rise),
            "correlation of ΔE with the last epoch's": _from_second(correlation(ranks(delta)[1:], ranks(delta)[:-1])),
            "share whose loss falls under attack": (rise < 0).mean(axis=1),
            "mean / spread of the loss's rise under attack": rise.mean(axis=1) / rise.std(axis=1),
            "rank correlation of the losses on x and on x*": correlation(ranks(loss), ranks(loss_adv)),
            "training accuracy on x*": stood.mean(axis=1),
            "training accuracy on x* minus on x": stood.mean(axis=1) - right.mean(axis=1),
            "training accuracy on x* minus the last epoch's on x": _from_second(
                stood[1:].mean(axis=1) - right[:-1].mean(axis=1)
            ),
            "share of the rightly classified that fall": ((right & ~stood).sum(axis=1) + 0.5) / (right.sum(axis=1) + 1),
            "worst class's training accuracy on x* minus the mean": stood_by_class.min(axis=0) - stood.mean(axis=1),
        }


def ranks(values: Curve) -> Curve:
    """Ranks along the last axis; equal values in the order in which they stand."""
    return values.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable").astype(np.float64)


def correlation(first: Curve, second: Curve) -> Curve:
    """Pearson's, along the last axis; NaN where a side is constant."""
    first, second = (values - values.mean(axis=-1, keepdims=True) for values in (first, second))
    products = (first * second).mean(axis=-1)
    return np.asarray(products / np.sqrt((first**2).mean(axis=-1) * (second**2).mean(axis=-1)))


def _from_second(values: Curve) -> Curve:
    return np.concatenate([[np.nan], values])


def area(positive: Curve, negative: Curve) -> float:
    """Mann-Whitney: the chance that a positive exceeds a negative, ties by half; NaN values are left out."""
    positive, negative = positive[np.isfinite(positive)], negative[np.isfinite(negative)]
    difference = positive[:, None] - negative[None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean()) if difference.size else float("nan")


def share(hits: Sequence[bool]) -> str:
    """k/n with its 95 % Wilson score interval (Wilson 1927)."""
    if not hits:
        return "–"
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)}/{len(hits)} [{low:.2f}, {high:.2f}]"


def wilson(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval of a binomial share; ``trials`` is at least 1."""
    centre = (hits + z * z / 2) / (trials + z * z)
    half = z / (trials + z * z) * math.sqrt(hits * (trials - hits) / trials + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def spread(values: Sequence[int]) -> str:
    """Median, least and most."""
    return f"{np.median(values):g} ({min(values)}–{max(values)})" if values else "–"
