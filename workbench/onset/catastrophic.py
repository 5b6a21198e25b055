"""Streaming detector of catastrophic overfitting over the epoch table."""

from collections import deque

import numpy as np

from workbench.onset.flags import Onset, Row, before_and_after, compared, number, spread_agreement
from workbench.onset.rules import (
    CATASTROPHIC_BASE,
    CATASTROPHIC_BY_LOSS,
    CATASTROPHIC_BY_SPREAD,
    COLLAPSE_DROP,
    COLLAPSE_GAP,
    COLLAPSE_SHARE,
    MASKED_EPOCHS,
    MASKED_FGSM,
    MASKED_GAP,
    MASKED_SHARE,
    REFERENCE_EPOCHS,
    is_collapsed,
    is_masked,
)

_THRESHOLDS = {
    "collapse": {"collapse_share": COLLAPSE_SHARE, "collapse_drop": COLLAPSE_DROP, "collapse_gap": COLLAPSE_GAP},
    "masked": {
        "masked_share": MASKED_SHARE,
        "masked_fgsm": MASKED_FGSM,
        "masked_gap": MASKED_GAP,
        "masked_epochs": float(MASKED_EPOCHS),
    },
}


class CatastrophicDetector:
    """The two rules of the label, each applied as soon as it can hold: *collapse* at its epoch, *masked* at its third.

    An epoch that lacks FGSM or PGD accuracy is not judged. State: the best PGD accuracy so far, the running masked
    streak and REFERENCE_EPOCHS healthy epochs.
    """

    def __init__(self) -> None:
        self.onset: Onset | None = None
        self._evaluated = False
        self._best_pgd = float("nan")
        self._best_epoch: int | None = None
        self._healthy_epoch: int | None = None
        self._healthy: deque[dict[str, float]] = deque(maxlen=REFERENCE_EPOCHS)
        self._streak: list[int] = []

    @property
    def suspects(self) -> bool:
        """Whether an onset was found or a masked streak is running."""
        return self.onset is not None or bool(self._streak)

    @property
    def doubt(self) -> str | None:
        """Why the detector cannot tell, None where it can."""
        return "no epoch has both FGSM and PGD probe accuracy" if not self._evaluated else None

    def update(self, row: Row) -> Onset | None:
        """Take the next epoch; the onset if it is found with this epoch (once), else None."""
        epoch, fgsm, pgd = int(row["epoch"]), number(row, "fgsm_accuracy"), number(row, "pgd_accuracy")
        if self.onset is not None or np.isnan(pgd):
            return None
        if not np.isnan(fgsm):
            self._judge(row, epoch, fgsm, pgd)
        if self._best_epoch is None or pgd > self._best_pgd:
            self._best_pgd, self._best_epoch = pgd, epoch
        return self.onset

    def _judge(self, row: Row, epoch: int, fgsm: float, pgd: float) -> None:
        self._evaluated = True
        masked = bool(is_masked(fgsm, pgd))
        self._streak = [*self._streak, epoch] if masked else []
        if is_collapsed(fgsm, pgd, self._best_pgd):
            self.onset = self._collapse(row, self._streak[0] if masked else epoch)
        elif len(self._streak) == MASKED_EPOCHS:
            self.onset = self._masked(row)
        elif not masked:
            self._healthy.append(compared(row))
            self._healthy_epoch = epoch

    def _collapse(self, row: Row, epoch: int) -> Onset:
        fgsm, pgd = number(row, "fgsm_accuracy"), number(row, "pgd_accuracy")
        sentence = (
            f"PGD accuracy fell from {self._best_pgd:.1%} (epoch {self._best_epoch}) to {pgd:.1%} while FGSM accuracy"
            f" is {fgsm:.1%}: what is left of robustness holds against a single step only."
        )
        return self._flag(row, rule="collapse", epoch=epoch, lost=1.0 - pgd / self._best_pgd, sentence=sentence)

    def _masked(self, row: Row) -> Onset:
        fgsm, pgd = number(row, "fgsm_accuracy"), number(row, "pgd_accuracy")
        sentence = (
            f"For {MASKED_EPOCHS} evaluated epochs in a row PGD accuracy ({pgd:.1%}) has been at most half of FGSM"
            f" accuracy ({fgsm:.1%}): what looks like robustness holds against a single step only."
        )
        return self._flag(row, rule="masked", epoch=self._streak[0], lost=1.0 - pgd / fgsm, sentence=sentence)

    def _flag(self, row: Row, *, rule: str, epoch: int, lost: float, sentence: str) -> Onset:
        evidence = before_and_after(self._healthy, [compared(row)])
        split = "train" if "train_delta_energy_std_after" in evidence else "probe"
        confidence = CATASTROPHIC_BASE + CATASTROPHIC_BY_LOSS * (2.0 * lost - 1.0)
        confidence += CATASTROPHIC_BY_SPREAD * spread_agreement(evidence, split)
        return Onset(
            kind="catastrophic",
            epoch=epoch,
            detected_epoch=int(row["epoch"]),
            confidence=float(np.clip(confidence, 0.0, 1.0)),
            rule=rule,
            sentence=sentence,
            last_healthy_epoch=self._healthy_epoch,
            evidence={**_THRESHOLDS[rule], **self._best(), **evidence},
        )

    def _best(self) -> dict[str, float]:
        if self._best_epoch is None:
            return {}
        return {"best_pgd_accuracy": self._best_pgd, "best_epoch": float(self._best_epoch)}
