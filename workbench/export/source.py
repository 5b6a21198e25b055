"""What is exported: an open log, and which part of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import SPLITS, EnergyLog


def _silent(sentence: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which part of a log.

    Attributes:
        splits: the sample sets (train, probe) whose histograms and per-sample tables are wanted.
        first: the first epoch.
        stop: the epoch before which to stop; None goes on to the end.
    """

    splits: tuple[str, ...] = SPLITS
    first: int = 0
    stop: int | None = None

    def epochs(self, committed: int) -> range:
        """The wanted ones of ``committed`` epochs."""
        return range(committed)[self.first : self.stop]

    def has(self, epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these epoch numbers are wanted."""
        inside: NDArray[np.bool_] = epochs >= self.first
        return inside if self.stop is None else inside & (epochs < self.stop)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An open log, the part of it that is wanted, and whom to tell how far it is.

    Everything is read as of the moment the log was opened: a run that goes on meanwhile does not tear the export.
    """

    log: EnergyLog
    selection: Selection
    say: Callable[[str], None] = _silent
