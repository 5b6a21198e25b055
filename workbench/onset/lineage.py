"""The detectors along a run that may go back to older weights: they judge the epochs that led to the present ones."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workbench.onset.detect import OnsetDetector, is_probed
from workbench.onset.flags import Onset

Steps = Callable[[], NDArray[np.void]]
"""Gives the training steps of an epoch, rows of STEP_DTYPE; called only where they are needed."""


class Lineage:
    """Flags of a run, rollbacks included.

    After a rollback the detectors forget what was left behind and go on as if the run had come straight from the
    checkpoint; flags of epochs that were left behind stay on record as rolled back. For this the rows that led to the
    present epoch are kept, some hundred bytes each, and the steps of those that have no probe; nothing where a run is
    known never to go back.
    """

    def __init__(self, *, train_attack: str | None = None, adversarial: bool = True, goes_back: bool = True) -> None:
        """Start a run; ``goes_back`` is whether it may, the other arguments are those of ``OnsetDetector``."""
        self._goes_back = goes_back
        self._start = partial(OnsetDetector, train_attack=train_attack, adversarial=adversarial)
        self.detector = self._start()
        self._line: list[tuple[np.void, Steps | None]] = []
        self._flags: list[Onset] = []

    @property
    def flags(self) -> tuple[Onset, ...]:
        """All flags in the order in which they were raised; those that a rollback undid say so."""
        return tuple(self._flags)

    @property
    def rows(self) -> tuple[np.void, ...]:
        """The epochs that led to the present weights; empty for a run that never goes back."""
        return tuple(row for row, _ in self._line)

    def update(self, row: np.void, steps: Steps | None = None) -> Onset | None:
        """Take the next epoch and its steps; the onset if one is found with this epoch, else None."""
        if self._goes_back:
            self._line.append((row, None if is_probed(row) else steps))
        onset = self.detector.update(row, steps)
        if onset is not None:
            self._flags.append(onset)
        return onset

    def go_back(self, epoch: int, checkpoint: int | None) -> None:
        """After ``epoch`` the run returned to the weights of epoch ``checkpoint``, or of its start for None."""
        assert self._goes_back, "this run was not to go back"
        reached = -1 if checkpoint is None else checkpoint
        self._flags = [
            replace(flag, rolled_back=epoch) if flag.rolled_back is None and flag.detected_epoch > reached else flag
            for flag in self._flags
        ]
        self._line = [(row, steps) for row, steps in self._line if int(row["epoch"]) <= reached]
        self.detector = self._start()
        for row, steps in self._line:
            self.detector.update(row, steps)


def follow(
    rows: Iterable[np.void],
    *,
    returns: dict[int, int | None],
    steps_of: Callable[[int], NDArray[np.void]] | None = None,
    train_attack: str | None = None,
    adversarial: bool = True,
) -> Lineage:
    """The lineage after a whole table.

    Args:
        rows: rows of EPOCH_DTYPE in order.
        returns: the checkpoint of every rollback (None: the start), by the epoch after which it was made.
        steps_of: gives the steps of an epoch, rows of STEP_DTYPE; None where there are none.
        train_attack: name of the training attack, None where it is unknown.
        adversarial: False for a run known to have trained on natural images only.
    """
    lineage = Lineage(train_attack=train_attack, adversarial=adversarial, goes_back=bool(returns))
    for row in rows:
        epoch = int(row["epoch"])
        lineage.update(row, None if steps_of is None else partial(steps_of, epoch))
        if epoch in returns:
            lineage.go_back(epoch, returns[epoch])
    return lineage
