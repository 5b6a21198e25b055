"""CO from statistics of the training samples: rules made on development runs on digits, and what they do on the others.

Each rule is a logistic regression over epochs (from the label's epoch on, against healthy runs and all up to two epochs
before a label) of a few statistics, chosen on the development runs. A run is flagged at the first epoch at which the
median of its last three scores passes a bound. The bound is the one that a single healthy development run passes when
its kind of run (its seed) is left out of the fit. For all other runs the fit is that on the digits development runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from roc import FIRST, relative
from runs import Curve, Run, share, spread
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

SMOOTH = 3
CORRELATION = "rank correlation of the losses on x and on x*"
LOWER = "share with E(x*) < E(x)"
RULES: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "gain of the losses' rank correlation": ((CORRELATION, True),),
    "and of the share with E(x*) < E(x)": ((CORRELATION, True), (LOWER, True)),
    "five statistics": (
        (CORRELATION, True),
        (CORRELATION, False),
        (LOWER, True),
        ("share of the rightly classified that fall", True),
        ("training accuracy on x* minus on x", False),
    ),
}
"""Statistics by rule; True: its gain over the run's own first epochs."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A run with its smoothed scores by epoch."""

    run: Run
    scores: Curve

    def flagged(self, bound: float) -> int | None:
        """The first epoch that passes."""
        passing = np.flatnonzero(self.scores > bound)
        return int(passing[0]) if passing.size else None


def table_of_rules(runs: Sequence[Run]) -> list[str]:
    """Markdown: recall, false alarms and delay of each rule, cross-validated on development runs and held out."""
    runs = [run for run in runs if run.attack and run.catastrophic.answer != "cannot tell"]
    known = [run for run in runs if run.split == "development" and run.data == "digits"]
    others = [run for run in runs if run.split == "held-out" or run.data == "folder"]
    lines = [
        "\n## CO from statistics of the training samples, by rules made on the development runs on digits\n",
        *__doc__.split("\n\n", 1)[1].strip().split("\n"),
        "\n| rule | judged on | recall | false alarms | delay in epochs: median (least–most) |",
        "|---" * 5 + "|",
    ]
    for name, statistics in RULES.items():
        by_kind = _cross_validated(known, statistics, lambda run: run.kind)
        by_seed = _cross_validated(known, statistics, lambda run: run.name.rpartition("-s")[2])
        bound = _bound(by_kind)
        model = _fitted(known, statistics)
        unseen = [Scored(run=run, scores=_scores(model, run, statistics)) for run in others]
        for what, scored, limit in (
            ("development, its kind left out", by_kind, bound),
            ("development, its seed left out", by_seed, _bound(by_seed)),
            ("held-out", [each for each in unseen if each.run.data == "digits"], bound),
            ("folder, both splits", [each for each in unseen if each.run.data == "folder"], bound),
        ):
            if scored:
                lines.append(f"| {name} | {what} | {' | '.join(_cells(scored, limit))} |")
    return lines


def _cross_validated(
    runs: Sequence[Run], statistics: Sequence[tuple[str, bool]], group: Callable[[Run], str]
) -> list[Scored]:
    scored = []
    for left_out in sorted({group(run) for run in runs}):
        model = _fitted([run for run in runs if group(run) != left_out], statistics)
        scored += [Scored(run=r, scores=_scores(model, r, statistics)) for r in runs if group(r) == left_out]
    return scored


def _fitted(runs: Sequence[Run], statistics: Sequence[tuple[str, bool]]) -> Pipeline:
    rows, answers = [], []
    for run in runs:
        table, epoch = _table(run, statistics), run.catastrophic.epoch
        for number in range(FIRST.stop, len(table)):
            if epoch is None or number >= epoch or number <= epoch - 2:
                rows.append(table[number])
                answers.append(epoch is not None and number >= epoch)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, class_weight="balanced", max_iter=1000))
    return model.fit(np.array(rows), np.array(answers))


def _table(run: Run, statistics: Sequence[tuple[str, bool]]) -> NDArray[np.float64]:
    columns = [relative(run.statistics[name]) if gained else run.statistics[name] for name, gained in statistics]
    return np.nan_to_num(np.stack(columns, axis=1))


def _scores(model: Pipeline, run: Run, statistics: Sequence[tuple[str, bool]]) -> Curve:
    raw = model.decision_function(_table(run, statistics))
    scores = np.array([np.median(raw[max(0, number - SMOOTH + 1) : number + 1]) for number in range(len(raw))])
    scores[: FIRST.stop] = -np.inf
    return scores


def _bound(scored: Sequence[Scored]) -> float:
    """The second highest of the healthy runs' highest scores."""
    healthy = sorted(float(each.scores.max()) for each in scored if each.run.catastrophic.epoch is None)
    return healthy[-2] if len(healthy) > 1 else float("inf")


def _cells(scored: Sequence[Scored], bound: float) -> list[str]:
    told = [(each.run.catastrophic.epoch, each.flagged(bound)) for each in scored]
    return [
        share([flag is not None for epoch, flag in told if epoch is not None]),
        share([flag is not None for epoch, flag in told if epoch is None]),
        spread([flag - epoch for epoch, flag in told if epoch is not None and flag is not None]),
    ]
