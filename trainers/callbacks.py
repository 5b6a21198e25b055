"""What ``fit`` tells the outside, and what the outside may answer."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainers.spec import TrainConfig


class Answer(Enum):
    """A callback's answer: go on, or end the run here, committed and resumable."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchReport:
    """A batch is done; ``latest`` gives (loss, adversarial accuracy, mean ΔE) and waits for the device."""

    epoch: int
    batch: int
    num_batches: int
    latest: Callable[[], tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochReport:
    """An epoch is committed. ``row`` is its row of the log's ``/epoch``; ``note`` writes an event to the log."""

    row: np.void
    note: Callable[[str, int, str], None]
    """Called with kind, epoch and a plain sentence."""


class Callback(Protocol):
    """Watches a run. Callbacks are asked in order; one STOP is enough."""

    def on_start(self, config: TrainConfig, rows: NDArray[Any]) -> None:
        """Training begins; ``rows`` are the epochs that the log of a resumed run already holds."""

    def on_batch(self, report: BatchReport) -> Answer:
        """Answer after a batch."""

    def on_epoch(self, report: EpochReport) -> Answer:
        """Answer after an epoch."""
