"""Ctrl-C as a polite question: the first one ends the run after its batch, the second one ends the process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trainers.callbacks import Answer, BatchReport, EpochReport, StartReport

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopOnSignal:
    """A callback that answers STOP once SIGINT, SIGTERM or SIGHUP (a lost connection) has come."""

    def __init__(self) -> None:
        """Nothing has come yet; ``watching`` installs the handlers."""
        self.received: int | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Handle the signals inside, but those that are ignored (nohup); after the first one, the next interrupts."""
        wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        former = {number: signal.signal(number, self._receive) for number in wanted}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for other in SIGNALS:
            if signal.getsignal(other) is not signal.SIG_IGN:
                signal.signal(other, signal.default_int_handler)

    def on_start(self, report: StartReport) -> None:
        """Nothing to do."""

    def on_batch(self, report: BatchReport) -> Answer:
        """STOP if a signal has come."""
        return Answer.CONTINUE if self.received is None else Answer.STOP

    def on_epoch(self, report: EpochReport) -> Answer:
        """STOP if a signal has come."""
        return Answer.CONTINUE if self.received is None else Answer.STOP
