"""Ctrl-C as a polite question: the first one ends the run after its batch, the second one ends the process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from numpy.typing import NDArray

from trainers.callbacks import Answer, BatchReport, EpochReport
from trainers.spec import TrainConfig

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopOnSignal:
    """A callback that answers STOP once SIGINT or SIGTERM has come."""

    def __init__(self) -> None:
        """Nothing has come yet; ``watching`` installs the handlers."""
        self.received: int | None = None

    @property
    def exit_code(self) -> int:
        """128 + the signal, as a shell reports it: 130 after Ctrl-C."""
        assert self.received is not None
        return 128 + self.received

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Handle the signals inside; after the first one, the next has its usual effect."""
        former = {number: signal.signal(number, self._receive) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for other in SIGNALS:
            signal.signal(other, signal.default_int_handler)

    def on_start(self, config: TrainConfig, rows: NDArray[Any]) -> None:
        """Nothing to do."""

    def on_batch(self, report: BatchReport) -> Answer:
        """STOP if a signal has come."""
        return Answer.CONTINUE if self.received is None else Answer.STOP

    def on_epoch(self, report: EpochReport) -> Answer:
        """STOP if a signal has come."""
        return Answer.CONTINUE if self.received is None else Answer.STOP
