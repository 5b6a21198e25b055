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
class Notebook:
    """What a callback may do to a run.

    ``note(kind, epoch, sentence)`` writes an event to the log; ``keep(epoch)`` exempts an epoch's weights from pruning.
    """

    note: Callable[[str, int, str], None]
    keep: Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartReport:
    """Training begins. ``rows`` and ``events`` are those that the log of a resumed run already holds."""

    config: TrainConfig
    rows: NDArray[Any]
    events: NDArray[Any]
    notebook: Notebook


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchReport:
    """A batch is done; ``latest`` gives (loss, adversarial accuracy, mean ΔE) and waits for the device."""

    epoch: int
    batch: int
    num_batches: int
    latest: Callable[[], tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochReport:
    """An epoch is committed; ``row`` is its row of the log's ``/epoch``."""

    row: np.void
    notebook: Notebook


class Callback(Protocol):
    """Watches a run. All callbacks are asked, in order; one STOP is enough."""

    def on_start(self, report: StartReport) -> None:
        """Training begins, or goes on."""

    def on_batch(self, report: BatchReport) -> Answer:
        """Answer after a batch."""

    def on_epoch(self, report: EpochReport) -> Answer:
        """Answer after an epoch."""
