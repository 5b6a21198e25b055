"""What ``fit`` tells the outside, and what the outside may answer."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from trainers.spec import RolledBack, TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A callback's answer. Of itself: go on (``Answer.CONTINUE``). ``Answer.STOP`` is a Stop without a reason."""

    CONTINUE: ClassVar["Answer"]
    STOP: ClassVar["Answer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop(Answer):
    """End the run here, committed and resumable; ``reason`` goes into the log's event."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollback(Answer):
    """After an epoch: return to older weights and go on from there; not heeded after the last epoch.

    Attributes:
        checkpoint: an epoch of ``Notebook.kept``, or None for the weights that the run began with.
        changes: settings of TrainConfig to go on with; ``method`` and ``der_*`` only.
    """

    checkpoint: int | None
    changes: Mapping[str, Any]


Answer.CONTINUE = Answer()
Answer.STOP = Stop()


@dataclass(frozen=True, kw_only=True, slots=True)
class Notebook:
    """What a callback may do to a run.

    ``note(kind, epoch, sentence)`` writes an event to the log; ``keep(epoch)`` exempts an epoch's weights from pruning;
    ``kept()`` gives the epochs whose weights are there.
    """

    note: Callable[[str, int, str], None]
    keep: Callable[[int], None]
    kept: Callable[[], Collection[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartReport:
    """Training begins, or goes on.

    Attributes:
        config: the settings as given; ``rollbacks`` have changed some of them since. None in a loop that is not ours.
        train_attack: the attack that makes x* in training, None where there is none or it is unknown.
        adversarial: False where training is known to see natural images only.
        rows: epochs that lie behind a resumed run. An epoch that is trained again is not among them, even if the log
            holds it: it is reported when it is done.
        steps: the steps of those epochs, rows of STEP_DTYPE.
        events: everything in the log, an epoch that is trained again included.
        rollbacks: those that lie behind the run, in order.
        notebook: what may be done.
    """

    config: TrainConfig | None
    train_attack: str | None
    adversarial: bool
    rows: NDArray[Any]
    steps: NDArray[Any]
    events: NDArray[Any]
    notebook: Notebook
    rollbacks: tuple[RolledBack, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchReport:
    """A batch is done; ``latest`` gives (loss, adversarial accuracy, mean ΔE) and waits for the device."""

    epoch: int
    batch: int
    num_batches: int
    latest: Callable[[], tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochReport:
    """An epoch is committed; ``row`` is its row of the log's ``/epoch``, ``steps`` are its rows of STEP_DTYPE.

    The answer takes effect before the run's state moves on: after a kill in between, the epoch is trained and reported
    again with the same row, and the same answer must come.
    """

    row: np.void
    steps: NDArray[Any]
    notebook: Notebook


class EpochCallback(Protocol):
    """Watches the epochs of a run, in ``fit`` or in any loop that records its energies."""

    def on_start(self, report: StartReport) -> None:
        """Training begins, or goes on."""

    def on_epoch(self, report: EpochReport) -> Answer:
        """Answer after an epoch."""


class Callback(EpochCallback, Protocol):
    """Watches a run of ``fit``. All callbacks are asked, in order; one Stop is enough, and the first Rollback counts.

    A run that is told both goes back first and then stops.
    """

    def on_batch(self, report: BatchReport) -> Answer:
        """Answer after a batch."""
