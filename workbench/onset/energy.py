"""Streaming detector of catastrophic overfitting from what training yields by itself: no probe, no extra attack."""

import math
from collections import deque

import numpy as np

from workbench.onset.flags import Onset, Row, before_and_after, compared, number, spread_agreement
from workbench.onset.labels import finite_median
from workbench.onset.rules import (
    COST_CLEAN,
    COST_EPOCHS,
    COST_LEAST,
    COST_SUM,
    COST_USUAL,
    ENERGY_BASE,
    ENERGY_BY_GAP,
    ENERGY_BY_SPREAD,
    ENERGY_FULL_GAP,
    GAP_ALLOWED,
    GAP_ALLOWED_STEP,
    GAP_SUM,
    GAP_SUM_STEP,
    JUMP_ALLOWED,
    MASKED_FGSM,
    REFERENCE_EPOCHS,
    ROUNDING,
)

NOTHING_RECORDED = "no epoch has ΔE and accuracy on x and x* in the training passes"
DEAD = "ΔE is the same for every sample: the attack moves nothing, or the network is dead"
INVERSION_ONLY = "training shows an attack that helps or stops hurting, not a silent failure; only a PGD probe can"


class EnergyDetector:
    """One-sided CUSUMs (Page 1954) of how far accuracy on x* exceeds that on x in training: the *inversion* rule.

    An attack cannot help the model that it attacks. Where training accuracy on x* passes that on x, the twins carry
    their label, which is what a single step learns in catastrophic overfitting (Kim et al. 2021; the abnormal examples
    of Lin et al. 2023). Per epoch S <- max(0, S + excess) and a flag at S >= GAP_SUM. The excess is the gap beyond
    GAP_ALLOWED or, if that is more, its rise over the median of the last healthy epochs beyond JUMP_ALLOWED, or how far
    the attack's cost (accuracy lost to it, as a share of the errors on x) lies below COST_LEAST, if it was COST_USUAL
    just before. Per step, the batch's accuracy on x* is compared with the last epoch's on x and what that had gained.

    Epochs and steps without a spread of ΔE (a dead network) or with less than MASKED_FGSM accuracy on x* (no robustness
    to mistrust) count as healthy. The growth of ΔE's spread moves the confidence.

    State: both sums, where they left 0, the last accuracies on x, the last costs and REFERENCE_EPOCHS healthy epochs.
    """

    def __init__(self) -> None:
        self.onset: Onset | None = None
        self._epochs_sum = 0.0
        self._steps_sum = 0.0
        self._since: int | None = None
        self._step_since: int | None = None
        self._suspected_step: int | None = None
        self._suspected_epoch: int | None = None
        self._clean = self._expected = float("nan")
        self._costs: deque[float] = deque(maxlen=COST_EPOCHS)
        self._healthy: deque[dict[str, float]] = deque(maxlen=REFERENCE_EPOCHS)
        self._healthy_epoch: int | None = None
        self._recorded = False
        self._alive = False

    @property
    def suspects(self) -> bool:
        """Whether an onset was found, or the steps since the last epoch look like one."""
        return self.onset is not None or self._suspected_step is not None

    @property
    def suspected_step(self) -> int | None:
        """The step at which the per-step sum left 0 for the suspicion that stands, None without one."""
        return self._suspected_step

    @property
    def doubt(self) -> str | None:
        """Why silence is no all-clear; None after a flag."""
        if self.onset is not None:
            return None
        if not self._recorded:
            return NOTHING_RECORDED
        return INVERSION_ONLY if self._alive else DEAD

    def step(self, row: Row) -> bool:
        """Take the next training step: a row of ``/step`` or a mapping with its names.

        Returns:
            Whether this step raises the suspicion (once).
        """
        accuracy = number(row, "adversarial_accuracy")
        gap = accuracy - self._expected
        if self.suspects or not math.isfinite(gap) or not _alive(row, "delta_energy_std"):
            return False
        if accuracy < MASKED_FGSM - ROUNDING:
            gap = min(gap, 0.0)
        self._steps_sum = max(0.0, self._steps_sum + gap - GAP_ALLOWED_STEP)
        if self._steps_sum == 0.0:
            self._step_since = None
            return False
        if self._step_since is None:
            self._step_since = int(row["step"])
        if self._steps_sum < GAP_SUM_STEP - ROUNDING:
            return False
        self._suspected_step, self._suspected_epoch = self._step_since, int(row["epoch"])
        return True

    def update(self, row: Row) -> Onset | None:
        """Take the next epoch; the onset if it is found with this epoch (once), else None.

        A suspicion of the steps becomes the flag with the epoch that it was raised in, if the epoch's own gap is above
        GAP_ALLOWED; otherwise it is dropped.
        """
        if self.onset is not None:
            return None
        robust, clean = number(row, "train_robust_accuracy"), number(row, "train_clean_accuracy")
        self._expected = clean + float(np.maximum(0.0, clean - self._clean))
        self._clean = clean
        gap = robust - clean
        if not np.isfinite(gap) or not np.isfinite(number(row, "train_delta_energy_std")):
            return None
        self._recorded = True
        if not _alive(row, "train_delta_energy_std"):
            return None
        self._alive = True
        excess = -GAP_ALLOWED
        if robust >= MASKED_FGSM - ROUNDING:
            excess = max(self._excess(gap), self._cheapness(robust, clean))
        self._epochs_sum = max(0.0, self._epochs_sum + excess)
        if self._epochs_sum == 0.0:
            self._since = None
            self._healthy.append(compared(row))
            self._healthy_epoch = int(row["epoch"])
        elif self._since is None:
            self._since = int(row["epoch"])
        if self._epochs_sum >= GAP_SUM - ROUNDING or (self._suspected_step is not None and excess > ROUNDING):
            self.onset = self._flag(row, gap)
        elif self._suspected_step is not None:
            self._suspected_step, self._steps_sum, self._step_since = None, 0.0, None
        self._costs.append(_cost(robust, clean))
        return self.onset

    def _excess(self, gap: float) -> float:
        """The gap beyond what is let pass, or its jump over the last healthy epochs beyond what is let pass of that."""
        full = len(self._healthy) == REFERENCE_EPOCHS
        return max(gap - GAP_ALLOWED, gap - self._level() - JUMP_ALLOWED if full else -np.inf)

    def _cheapness(self, robust: float, clean: float) -> float:
        """How far the attack's cost lies below what is let pass, in the unit of the gap: COST_SUM of it is GAP_SUM."""
        if max(self._costs, default=0.0) < COST_USUAL or clean >= COST_CLEAN:
            return -np.inf
        return (COST_LEAST - _cost(robust, clean)) * GAP_SUM / COST_SUM

    def _level(self) -> float:
        return finite_median([row["train_robust_accuracy"] - row["train_clean_accuracy"] for row in self._healthy])

    def _flag(self, row: Row, gap: float) -> Onset:
        assert self._since is not None
        evidence = before_and_after(self._healthy, [compared(row)])
        confidence = ENERGY_BASE + ENERGY_BY_GAP * float(np.clip(gap / ENERGY_FULL_GAP, -1.0, 1.0))
        confidence += ENERGY_BY_SPREAD * spread_agreement(evidence, "train")
        steps = {} if self._suspected_step is None else {"onset_step": float(self._suspected_step)}
        return Onset(
            kind="catastrophic",
            epoch=self._since if self._suspected_epoch is None else min(self._since, self._suspected_epoch),
            detected_epoch=int(row["epoch"]),
            confidence=float(np.clip(confidence, 0.0, 1.0)),
            rule="inversion",
            sentence=self._sentence(row, gap),
            last_healthy_epoch=self._healthy_epoch,
            evidence={
                "gap": gap,
                "gap_allowed": GAP_ALLOWED,
                "jump_allowed": JUMP_ALLOWED,
                "cost": _cost(number(row, "train_robust_accuracy"), number(row, "train_clean_accuracy")),
                "cost_least": COST_LEAST,
                "cost_before": max(self._costs, default=0.0),
                "cusum": self._epochs_sum,
                "cusum_threshold": GAP_SUM,
                **steps,
                **evidence,
            },
        )

    def _sentence(self, row: Row, gap: float) -> str:
        robust, clean = number(row, "train_robust_accuracy"), number(row, "train_clean_accuracy")
        if gap > GAP_ALLOWED:
            return (
                f"In training, accuracy on adversarial images ({robust:.1%}) exceeds accuracy on natural ones"
                f" ({clean:.1%}): the training attack helps the model, which has learnt the attack."
            )
        if self._excess(gap) < self._cheapness(robust, clean):
            return (
                f"In training, the attack no longer hurts: accuracy on adversarial images ({robust:.1%}) is close to"
                f" that on natural ones ({clean:.1%}), where it once added {max(self._costs):.0%} to the errors;"
                " the model has learnt the attack."
            )
        return (
            f"In training, accuracy on adversarial images ({robust:.1%}) jumped: it is {-gap:.1%} below accuracy on"
            f" natural ones, after {-self._level():.1%} in the last healthy epochs; the model is learning the attack."
        )


def _cost(robust: float, clean: float) -> float:
    """Accuracy lost to the attack, as a share of the errors on x; GAP_ALLOWED keeps it finite where there are none."""
    return (clean - robust) / (1.0 - clean + GAP_ALLOWED)


def _alive(row: Row, name: str) -> bool:
    """Whether ΔE has a spread; unknown counts as none."""
    return number(row, name) > ROUNDING
