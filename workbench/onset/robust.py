"""Streaming detector of robust overfitting over the epoch table."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workbench.onset.flags import Onset, Row, before_and_after, compared, number, spread_agreement
from workbench.onset.labels import finite_median
from workbench.onset.rules import (
    CUSUM_DEVIATIONS,
    CUSUM_FLOOR,
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
    """A one-sided CUSUM (Page 1954) of what held-out PGD accuracy has lost against the best median of 5 epochs.

    S <- max(0, S + best - accuracy - k) with every evaluated epoch, S = 0 at a new best. k is half of the smallest
    decay to be found: DECAY, or NOISE_FACTOR standard deviations of one evaluation where those are more (estimated from
    the last NOISE_EPOCHS differences of neighbours). The flag is raised at S >= max(CUSUM_FLOOR, CUSUM_DEVIATIONS
    standard deviations) while the median lies MARGIN under the best and training accuracy has risen by RISE since it.
    A small decay that persists is found as surely as a large one, which a bound on the decay itself finds late.

    Training accuracy is ``train_pgd_accuracy``: the probe's attack on training data, in evaluation mode. Where that is
    missing and the training attack is PGD, ``train_robust_accuracy`` of the training passes stands in, and the flag
    says so. An epoch without PGD accuracy is passed over. State: the last 5 epochs, the window of the best median, the
    differences and S.
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
        self._cusum = 0.0
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
            self._best, self._cusum = now, 0.0
        best = self._best.median("pgd_accuracy")
        decay = best - now.median("pgd_accuracy")
        if decay < MARGIN - ROUNDING:
            self._below = None
        elif self._below is None:
            self._below = now
        reference = max(DECAY, NOISE_FACTOR * self._noise()) / 2.0
        threshold = max(CUSUM_FLOOR, CUSUM_DEVIATIONS * self._noise())
        self._cusum = max(0.0, self._cusum + best - accuracy - reference)
        if self._cusum >= threshold - ROUNDING and decay >= MARGIN - ROUNDING and not hold:
            limits = {"cusum": self._cusum, "cusum_reference": reference, "cusum_threshold": threshold}
            self.onset = self._decided(self._best, now, decay, limits)
        return self.onset

    def _noise(self) -> float:
        """Standard deviation of one evaluation, from the median difference of neighbours (normal noise)."""
        return finite_median(self._differences) * _DEVIATIONS_PER_MEDIAN_DIFFERENCE

    def _decided(self, best: _Window, now: _Window, decay: float, limits: Mapping[str, float]) -> Onset | None:
        rises = {column: now.median(column) - best.median(column) for column in self._columns}
        column = next((column for column in self._columns if np.isfinite(rises[column])), None)
        if column is None or rises[column] < RISE - ROUNDING:
            return None
        assert self._below is not None
        rise = rises[column]
        evidence = before_and_after(best.rows, now.rows)
        confidence = ROBUST_BASE + ROBUST_BY_DECAY * float(np.clip(decay / DECAY - 1.0, -1.0, 1.0))
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
                **limits,
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
