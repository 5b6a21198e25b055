"""Streaming detector of robust overfitting over the epoch table."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from workbench.onset.flags import Onset, Row, before_and_after, compared, number, spread_agreement
from workbench.onset.labels import finite_median
from workbench.onset.rules import (
    DECAY,
    MARGIN,
    MEDIAN_EPOCHS,
    NOISE_EPOCHS,
    NOISE_FACTOR,
    RISE,
    ROBUST_BASE,
    ROBUST_BY_DECAY,
    ROBUST_BY_RISE,
    ROBUST_BY_SPREAD,
    ROUNDING,
)

SAME_ATTACK = "train_pgd_accuracy"
TRAINING_PASSES = "train_robust_accuracy"
_DEVIATIONS_PER_MEDIAN_DIFFERENCE = 1.4826 / 2.0**0.5


@dataclass(frozen=True, slots=True)
class _Window:
    """The last 5 evaluated epochs; the median stands for the middle one."""

    epochs: tuple[int, ...]
    rows: tuple[dict[str, float], ...]

    def median(self, column: str) -> float:
        return finite_median([row[column] for row in self.rows])

    @property
    def centre(self) -> int:
        return self.epochs[MEDIAN_EPOCHS // 2]

    @property
    def before_centre(self) -> int:
        return self.epochs[MEDIAN_EPOCHS // 2 - 1]


class RobustDetector:
    """The rule of the label on trailing medians: what is known at the end of the last 5 epochs.

    One thing is stricter than the label, which sees how the run ends: the decay must also exceed NOISE_FACTOR times the
    standard deviation of a single evaluation, estimated from the last NOISE_EPOCHS differences of neighbours.

    Training accuracy is ``train_pgd_accuracy``: the probe's attack on training data, in evaluation mode. Where that is
    missing and the training attack is PGD, ``train_robust_accuracy`` of the training passes stands in, and the flag
    says so. An epoch without PGD accuracy is passed over. State: the last 5 epochs, the window of the best median and
    the differences.
    """

    def __init__(self, train_attack: str | None = None) -> None:
        """Start a run.

        Args:
            train_attack: name of the attack that made the training passes, such as "pgd-10"; None without one.
        """
        self.onset: Onset | None = None
        multi_step = train_attack is not None and train_attack.startswith("pgd")
        self._columns = (SAME_ATTACK, TRAINING_PASSES) if multi_step else (SAME_ATTACK,)
        self._epochs: deque[int] = deque(maxlen=MEDIAN_EPOCHS)
        self._rows: deque[dict[str, float]] = deque(maxlen=MEDIAN_EPOCHS)
        self._accuracy = float("nan")
        self._differences: deque[float] = deque(maxlen=NOISE_EPOCHS)
        self._best: _Window | None = None
        self._below: _Window | None = None
        self._comparable = False

    @property
    def doubt(self) -> str | None:
        """Why the detector cannot tell, None where it can."""
        if self._best is None:
            return f"fewer than {MEDIAN_EPOCHS} epochs have PGD accuracy"
        if not self._comparable:
            return "robust accuracy on training data was not measured with a multi-step attack"
        return None

    def update(self, row: Row, *, hold: bool = False) -> Onset | None:
        """Take the next epoch; the onset if it is found with this epoch (once), else None.

        Args:
            row: the epoch.
            hold: catastrophic overfitting is suspected: take the epoch into account, raise no flag.
        """
        accuracy = number(row, "pgd_accuracy")
        if self.onset is not None or np.isnan(accuracy):
            return None
        self._differences.append(abs(accuracy - self._accuracy))
        self._accuracy = accuracy
        self._epochs.append(int(row["epoch"]))
        self._rows.append(compared(row))
        if len(self._rows) < MEDIAN_EPOCHS:
            return None
        now = _Window(tuple(self._epochs), tuple(self._rows))
        self._comparable = self._comparable or any(np.isfinite(now.median(column)) for column in self._columns)
        if self._best is None or now.median("pgd_accuracy") > self._best.median("pgd_accuracy"):
            self._best = now
        decay = self._best.median("pgd_accuracy") - now.median("pgd_accuracy")
        if decay < MARGIN - ROUNDING:
            self._below = None
        elif self._below is None:
            self._below = now
        threshold = max(DECAY, NOISE_FACTOR * self._noise())
        if decay >= threshold - ROUNDING and not hold:
            self.onset = self._decided(self._best, now, decay, threshold)
        return self.onset

    def _noise(self) -> float:
        """Standard deviation of one evaluation, from the median difference of neighbours (normal noise)."""
        return finite_median(self._differences) * _DEVIATIONS_PER_MEDIAN_DIFFERENCE

    def _decided(self, best: _Window, now: _Window, decay: float, threshold: float) -> Onset | None:
        rises = {column: now.median(column) - best.median(column) for column in self._columns}
        column = next((column for column in self._columns if np.isfinite(rises[column])), None)
        if column is None or rises[column] < RISE - ROUNDING:
            return None
        assert self._below is not None
        rise = rises[column]
        evidence = before_and_after(best.rows, now.rows)
        confidence = ROBUST_BASE + ROBUST_BY_DECAY * min(decay / DECAY - 1.0, 1.0)
        confidence += ROBUST_BY_RISE * min((rise / RISE - 1.0) / 4.0, 1.0)
        confidence += ROBUST_BY_SPREAD * spread_agreement(evidence, "probe")
        return Onset(
            kind="robust",
            epoch=self._below.centre,
            detected_epoch=now.epochs[-1],
            confidence=float(np.clip(confidence, 0.0, 1.0)),
            rule="decay",
            sentence=_sentence(best, now, column),
            last_healthy_epoch=self._below.before_centre,
            evidence={
                "decay_threshold": threshold,
                "rise_threshold": RISE,
                "margin": MARGIN,
                "median_epochs": float(MEDIAN_EPOCHS),
                "best_epoch": float(best.centre),
                "decay": decay,
                "rise": rise,
                **evidence,
            },
        )


def _sentence(best: _Window, now: _Window, column: str) -> str:
    whose = {
        SAME_ATTACK: "the same attack on training data",
        TRAINING_PASSES: "the training passes, which use PGD in training mode,",
    }[column]
    return (
        f"Held-out PGD accuracy decayed from {best.median('pgd_accuracy'):.1%} (around epoch {best.centre}) to"
        f" {now.median('pgd_accuracy'):.1%} (medians of {MEDIAN_EPOCHS} epochs) while accuracy under {whose} rose from"
        f" {best.median(column):.1%} to {now.median(column):.1%}."
    )
