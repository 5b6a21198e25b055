"""Both detectors over one run, row by row or over a whole table."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.onset.catastrophic import CatastrophicDetector
from workbench.onset.flags import Kind, Onset, Row
from workbench.onset.robust import RobustDetector

NO_ADVERSARY = "the run trained without an adversary, so there is no robustness to overfit"


class OnsetDetector:
    """Catastrophic and robust overfitting of one run, epoch by epoch; sees only the past, in constant memory.

    Robust overfitting is never flagged after catastrophic overfitting or while that is suspected.
    """

    def __init__(self, *, train_attack: str | None = None, adversarial: bool = True) -> None:
        """Start a run.

        Args:
            train_attack: name of the training attack, such as "fgsm" or "pgd-10"; None where it is unknown.
            adversarial: False for a run known to have trained on natural images only; it is never flagged.
        """
        self._adversarial = adversarial
        self._catastrophic = CatastrophicDetector()
        self._robust = RobustDetector(train_attack)

    @property
    def onsets(self) -> tuple[Onset, ...]:
        """Flags raised so far, in the order in which they were raised."""
        found = [onset for onset in (self._robust.onset, self._catastrophic.onset) if onset is not None]
        return tuple(sorted(found, key=lambda onset: onset.detected_epoch))

    @property
    def doubts(self) -> Mapping[Kind, str]:
        """Why it cannot tell, by kind; kinds that it can tell are left out."""
        if not self._adversarial:
            return {"catastrophic": NO_ADVERSARY, "robust": NO_ADVERSARY}
        doubts: dict[Kind, str | None] = {
            "catastrophic": self._catastrophic.doubt,
            "robust": None if self._catastrophic.onset is not None else self._robust.doubt,
        }
        return {kind: doubt for kind, doubt in doubts.items() if doubt is not None}

    def update(self, row: Row) -> Onset | None:
        """Take the next epoch; the onset if one is found with this epoch, else None."""
        if not self._adversarial:
            return None
        found = self._catastrophic.update(row)
        if self._catastrophic.onset is not None:
            return found
        return self._robust.update(row, hold=self._catastrophic.suspects)


def detect(epochs: NDArray[np.void], *, train_attack: str | None = None, adversarial: bool = True) -> tuple[Onset, ...]:
    """Run the streaming detectors over an epoch table.

    Args:
        epochs: rows of ``trainers.energylog`` EPOCH_DTYPE in order, shape (E,).
        train_attack: name of the training attack, such as "fgsm" or "pgd-10"; None where it is unknown.
        adversarial: False for a run known to have trained on natural images only.

    Returns:
        The flags in the order in which they were raised, at most one of each kind.
    """
    return run_detector(epochs, train_attack=train_attack, adversarial=adversarial).onsets


def run_detector(
    epochs: NDArray[np.void], *, train_attack: str | None = None, adversarial: bool = True
) -> OnsetDetector:
    """The detector after a whole epoch table: its flags and what it cannot tell. Arguments as for ``detect``."""
    detector = OnsetDetector(train_attack=train_attack, adversarial=adversarial)
    for row in epochs:
        detector.update(row)
    return detector
