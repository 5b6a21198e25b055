"""Both detectors over one run, row by row or over a whole table."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workbench.onset.catastrophic import CatastrophicDetector
from workbench.onset.energy import EnergyDetector
from workbench.onset.flags import Kind, Onset, Row, number, plain_values
from workbench.onset.robust import RobustDetector

NO_ADVERSARY = "the run trained without an adversary, so there is no robustness to overfit"
EPOCHS_WITH_STEPS = 64
"""Epochs back for which the number of their first step is remembered."""


class OnsetDetector:
    """Catastrophic and robust overfitting of one run, epoch by epoch; sees only the past, in constant memory.

    Catastrophic overfitting is judged by the probe's accuracies where the epoch has them, and by the training ΔE and
    accuracies where it has not. What those say of an epoch that the probe has judged stays a ``suspicion``: the flag of
    the probe names it as evidence, and no flag is raised by it alone. Robust overfitting is never flagged after
    catastrophic overfitting or while the probe suspects that.
    """

    def __init__(self, *, train_attack: str | None = None, adversarial: bool = True) -> None:
        """Start a run.

        Args:
            train_attack: name of the training attack, such as "fgsm" or "pgd-10"; None where it is unknown.
            adversarial: False for a run known to have trained on natural images only; it is never flagged.
        """
        self._adversarial = adversarial
        self._energy = EnergyDetector()
        self._catastrophic = CatastrophicDetector()
        self._robust = RobustDetector(train_attack)
        self._onsets: dict[Kind, Onset] = {}
        self._first_steps: deque[tuple[int, int]] = deque(maxlen=EPOCHS_WITH_STEPS)
        self._steps_made = 0

    @property
    def onsets(self) -> tuple[Onset, ...]:
        """Flags raised so far, in the order in which they were raised."""
        return tuple(self._onsets.values())

    @property
    def suspicion(self) -> Onset | None:
        """What training ΔE and accuracies say of catastrophic overfitting, whether or not the probe agrees."""
        return self._energy.onset

    @property
    def doubts(self) -> Mapping[Kind, str]:
        """Why it cannot tell, by kind; kinds that it can tell are left out."""
        if not self._adversarial:
            return {"catastrophic": NO_ADVERSARY, "robust": NO_ADVERSARY}
        known = "catastrophic" in self._onsets
        doubts: dict[Kind, str | None] = {
            "catastrophic": None if known else self._catastrophic_doubt(),
            "robust": None if known else self._robust.doubt,
        }
        return {kind: doubt for kind, doubt in doubts.items() if doubt is not None}

    def _catastrophic_doubt(self) -> str | None:
        """Without a probe both reasons: why there is none, and what training alone could not have shown."""
        return None if self._catastrophic.doubt is None else f"{self._catastrophic.doubt}; {self._energy.doubt}"

    def update(self, row: Row, steps: Callable[[], NDArray[np.void]] | None = None) -> Onset | None:
        """Take the next epoch; the onset if one is found with this epoch, else None.

        Args:
            row: the epoch.
            steps: gives its training steps, rows of STEP_DTYPE. They are asked for, and judged, only where the epoch
                has no probe accuracies: a probe decides without them.
        """
        if not self._adversarial:
            return None
        row = plain_values(row)
        self._count_steps(row)
        if "catastrophic" in self._onsets:
            return None
        probed = is_probed(row)
        if steps is not None and not probed:
            for step in steps():
                self._energy.step(step)
        suspicion, seen = self._energy.update(row), self._catastrophic.update(row)
        if seen is not None:
            return self._raise(self._with_suspicion(seen))
        if suspicion is not None and not probed:
            return self._raise(suspicion)
        decayed = self._robust.update(row, hold=self._catastrophic.suspects)
        return None if decayed is None else self._raise(decayed)

    def _raise(self, onset: Onset) -> Onset:
        """The flag with the first step of its epoch, where it does not know a better one."""
        step = dict(self._first_steps).get(onset.epoch)
        if step is not None and "onset_step" not in onset.evidence:
            onset = replace(onset, evidence={**onset.evidence, "onset_step": float(step)})
        self._onsets[onset.kind] = onset
        return onset

    def _with_suspicion(self, seen: Onset) -> Onset:
        suspicion = self._energy.onset
        if suspicion is None:
            return seen
        said = {"inversion_epoch": suspicion.epoch, "inversion_detected_epoch": suspicion.detected_epoch}
        return replace(seen, evidence={**seen.evidence, **{name: float(value) for name, value in said.items()}})

    def _count_steps(self, row: Row) -> None:
        epoch, made = int(row["epoch"]), number(row, "last_step")
        if self._steps_made or epoch == 0:
            self._first_steps.append((epoch, self._steps_made))
        self._steps_made = int(made) if made > 0 else 0


def is_probed(row: Row) -> bool:
    """Whether the probe judges an epoch: it has FGSM and PGD accuracy."""
    return bool(np.isfinite(number(row, "fgsm_accuracy")) and np.isfinite(number(row, "pgd_accuracy")))


def detect(
    epochs: NDArray[np.void],
    *,
    train_attack: str | None = None,
    adversarial: bool = True,
    steps: NDArray[np.void] | None = None,
) -> tuple[Onset, ...]:
    """Run the streaming detectors over an epoch table.

    Args:
        epochs: rows of ``trainers.energylog`` EPOCH_DTYPE in order, shape (E,).
        train_attack: name of the training attack, such as "fgsm" or "pgd-10"; None where it is unknown.
        adversarial: False for a run known to have trained on natural images only.
        steps: rows of STEP_DTYPE in order, if the steps are to be judged too; padding is passed over.

    Returns:
        The flags in the order in which they were raised, at most one of each kind.
    """
    return run_detector(epochs, train_attack=train_attack, adversarial=adversarial, steps=steps).onsets


def run_detector(
    epochs: NDArray[np.void],
    *,
    train_attack: str | None = None,
    adversarial: bool = True,
    steps: NDArray[np.void] | None = None,
) -> OnsetDetector:
    """The detector after a whole epoch table: its flags and what it cannot tell. Arguments as for ``detect``."""
    detector = OnsetDetector(train_attack=train_attack, adversarial=adversarial)
    for row in epochs:
        detector.update(row, None if steps is None else partial(steps_of, steps, int(row["epoch"])))
    return detector


def steps_of(steps: NDArray[np.void], epoch: int) -> NDArray[np.void]:
    """The rows of one epoch; padding is passed over."""
    rows: NDArray[np.void] = steps[(steps["epoch"] == epoch) & (steps["step"] >= 0)]
    return rows
