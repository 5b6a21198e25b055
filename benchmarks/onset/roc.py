"""What single statistics of the training energies can tell: areas under the curve, and recall at one false alarm."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog
from workbench.onset import Label

SETTLED = 3
"""Epochs at the start that are not judged."""


class HasStatistics(Protocol):
    """A run with its label and its statistics by epoch."""

    @property
    def catastrophic(self) -> Label: ...
    @property
    def statistics(self) -> dict[str, NDArray[np.float64]]: ...


def statistics_of(log: EnergyLog, num_epochs: int) -> dict[str, NDArray[np.float64]]:
    """Statistics of the training samples under the training attack, each (epochs,)."""
    names = ("energy", "energy_adv", "joint_energy", "joint_energy_adv", "correct", "correct_adv")
    e, e_adv, j, j_adv, c, c_adv = (
        np.array([log.samples("train", name, epoch) for epoch in range(num_epochs)], dtype=np.float64) for name in names
    )
    labels = log.keys("train").label
    delta, rise = e - e_adv, (j_adv - e_adv) - (j - e)
    classes = np.array([delta[:, labels == label].mean(axis=1) for label in np.unique(labels)])
    return {
        "ΔE mean": delta.mean(axis=1),
        "ΔE spread": delta.std(axis=1),
        "ΔE 5 % quantile": np.quantile(delta, 0.05, axis=1),
        "ΔE 95 % quantile": np.quantile(delta, 0.95, axis=1),
        "ΔE spread / spread of E(x)": delta.std(axis=1) / e.std(axis=1),
        "share with E(x*) < E(x)": (delta > 0).mean(axis=1),
        "spread of the classes' mean ΔE / ΔE spread": classes.std(axis=0) / delta.std(axis=1),
        "share whose loss falls under attack": (rise < 0).mean(axis=1),
        "mean / spread of the loss's rise under attack": rise.mean(axis=1) / rise.std(axis=1),
        "training accuracy on x*": (c_adv == 1).mean(axis=1),
        "training accuracy on x* minus on x": (c_adv == 1).mean(axis=1) - (c == 1).mean(axis=1),
    }


def table_of_statistics(runs: Sequence[HasStatistics]) -> list[str]:
    """Markdown: each statistic's area under the ROC curve over epochs, and recall over runs at one false alarm."""
    lines = [
        "\n## What one statistic of the training energies tells (development runs with an adversary)\n",
        "AUC over epochs: from the label's epoch on, against healthy runs and all up to two epochs before a label; the",
        f"first {SETTLED} epochs left out; below 0.5 the statistic falls. Recall: runs in which it ever passes the",
        "bound that one healthy run passes, each statistic in its better direction.\n",
        "| statistic | AUC | recall at one false alarm |",
        "|---|---|---|",
    ]
    for name in runs[0].statistics if runs else ():
        area = _area(*_epochs(runs, name))
        sign = 1.0 if area >= 0.5 else -1.0
        hits, total = _recall(runs, name, sign)
        lines.append(f"| {name} | {area:.2f} | {hits}/{total} |")
    return lines


def _epochs(runs: Sequence[HasStatistics], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    after, before = [], []
    for run in runs:
        values, epoch = run.statistics[name], run.catastrophic.epoch
        if epoch is None:
            before.append(values[SETTLED:])
        else:
            before.append(values[SETTLED : max(epoch - 2, SETTLED)])
            after.append(values[max(epoch, SETTLED) :])
    return np.concatenate([*after, np.empty(0)]), np.concatenate([*before, np.empty(0)])


def _area(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Mann-Whitney: the chance that a positive exceeds a negative, ties by half."""
    difference = positive[:, None] - negative[None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean()) if difference.size else float("nan")


def _recall(runs: Sequence[HasStatistics], name: str, sign: float) -> tuple[int, int]:
    most = [(float(np.nanmax(sign * run.statistics[name][SETTLED:])), run.catastrophic.epoch is None) for run in runs]
    healthy = sorted(value for value, is_healthy in most if is_healthy)
    bound = healthy[-2] if len(healthy) > 1 else np.inf
    return sum(value > bound for value, is_healthy in most if not is_healthy), len(most) - len(healthy)
