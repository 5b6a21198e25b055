"""RO: whether training and probe drifting apart tells it, next to the decay of the probe's accuracy."""

from collections.abc import Sequence

import numpy as np
from roc import SETTLED
from runs import Curve, Run, area

BACK = 10
"""Epochs over which a change is taken."""


def table_of_divergence(runs: Sequence[Run]) -> list[str]:
    """Markdown: areas under the ROC curve over epochs of the development runs that have an answer for RO."""
    runs = [run for run in runs if run.split == "development" and run.robust.answer != "cannot tell"]
    found = sum(run.robust.epoch is not None for run in runs)
    lines = [
        "\n## What tells RO: decay, and training and probe drifting apart (development runs)\n",
        f"AUC over epochs of {len(runs)} runs, {found} of them labelled: from the label's epoch on, against healthy",
        f"runs and all before a label; the first {SETTLED} epochs left out. Change: over {BACK} epochs.\n",
        "| statistic | AUC | its change: AUC |",
        "|---|---|---|",
    ]
    names = measures(runs[0]) if runs else ()
    for name in names:
        values = [(run.robust.epoch, measures(run)[name]) for run in runs]
        changes = [(epoch, _change(curve)) for epoch, curve in values]
        lines.append(f"| {name} | {_area(values):.2f} | {_area(changes):.2f} |")
    return lines


def measures(run: Run) -> dict[str, Curve]:
    """What an epoch may be judged by, each (epochs,)."""
    table = run.epochs
    best = np.maximum.accumulate(np.nan_to_num(table["pgd_accuracy"]))
    train, probe = table["train_delta_energy_mean"], table["probe_delta_energy_mean"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "best PGD accuracy so far minus this epoch's": best - table["pgd_accuracy"],
            "PGD accuracy on training images minus on probe images": table["train_pgd_accuracy"]
            - table["pgd_accuracy"],
            "mean ΔE of training minus of probe": train - probe,
            "mean ΔE of training / of probe": train / probe,
            "ΔE spread of training / of probe": table["train_delta_energy_std"] / table["probe_delta_energy_std"],
        }


def _change(values: Curve) -> Curve:
    return np.concatenate([np.full(min(BACK, len(values)), np.nan), values[BACK:] - values[:-BACK]])


def _area(curves: Sequence[tuple[int | None, Curve]]) -> float:
    after = [values[max(epoch, SETTLED) :] for epoch, values in curves if epoch is not None]
    before = [values[SETTLED:epoch] for epoch, values in curves]
    return area(np.concatenate([*after, np.empty(0)]), np.concatenate([*before, np.empty(0)]))
