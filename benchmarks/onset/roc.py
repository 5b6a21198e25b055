"""What single statistics of the training samples can tell: areas under the curve, and recall at one false alarm."""

from collections.abc import Sequence

import numpy as np
from runs import Curve, Run, area

SETTLED = 3
"""Epochs at the start that are not judged."""
FIRST = slice(2, 6)
"""A run's own first epochs, whose median is taken off where a statistic is said to be relative to them."""


def relative(values: Curve) -> Curve:
    """What a statistic has gained over the run's own first epochs; nothing is known until those are over."""
    gained = np.array(values - np.nanmedian(values[FIRST]))
    gained[: FIRST.stop] = np.nan
    return gained


def table_of_statistics(runs: Sequence[Run]) -> list[str]:
    """Markdown: each statistic's area under the ROC curve over epochs, and recall over runs at one false alarm."""
    runs = [run for run in runs if run.attack and run.split == "development"]
    lines = [
        "\n## What one statistic of the training samples tells of CO (development runs with an adversary)\n",
        "AUC over epochs: from the label's epoch on, against healthy runs and all up to two epochs before a label; the",
        f"first {SETTLED} epochs left out; below 0.5 the statistic falls. Recall: runs in which it ever passes the",
        "bound that one healthy run passes, each statistic in its better direction. Gain: the same for what it has",
        f"gained over the median of its own epochs {FIRST.start} to {FIRST.stop - 1}, from epoch {FIRST.stop} on.\n",
        "| statistic | digits: AUC | recall | gain on digits: AUC | recall | folder: AUC | recall |",
        "|---" * 7 + "|",
    ]
    columns = (("digits", _unchanged), ("digits", relative), ("folder", _unchanged))
    for name in runs[0].statistics if runs else ():
        cells = []
        for data, change in columns:
            curves = [
                (run.catastrophic.epoch, change(run.statistics[name])[SETTLED:]) for run in runs if run.data == data
            ]
            auc = _area(curves)
            hits, total = _recall([(epoch, values if auc >= 0.5 else -values) for epoch, values in curves])
            cells += [f"{auc:.2f}", f"{hits}/{total}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _unchanged(values: Curve) -> Curve:
    return values


def _area(curves: Sequence[tuple[int | None, Curve]]) -> float:
    after, before = [np.empty(0)], [np.empty(0)]
    for epoch, values in curves:
        since = len(values) if epoch is None else max(epoch - SETTLED, 0)
        after.append(values[since:])
        before.append(values if epoch is None else values[: max(since - 2, 0)])
    return area(np.concatenate(after), np.concatenate(before))


def _recall(curves: Sequence[tuple[int | None, Curve]]) -> tuple[int, int]:
    most = [(float(np.nanmax(values, initial=-np.inf)), epoch is None) for epoch, values in curves]
    healthy = sorted(value for value, is_healthy in most if is_healthy)
    bound = healthy[-2] if len(healthy) > 1 else np.inf
    return sum(value > bound for value, is_healthy in most if not is_healthy), len(most) - len(healthy)
