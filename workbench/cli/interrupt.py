"""Ctrl-C as a polite question: the first one ends the run after its batch, the second one ends the process."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from trainers.callbacks import Answer, BatchReport, EpochReport, StartReport

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


Handler = Callable[[int, FrameType | None], None]


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """Give SIGINT, SIGTERM and SIGHUP (a lost connection) to a handler inside, but those that are ignored (nohup)."""
    wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    former = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)


class StopOnSignal:
    """A callback that answers STOP once SIGINT, SIGTERM or SIGHUP (a lost connection) has come."""

    def __init__(self) -> None:
        """Nothing has come yet; ``watching`` installs the handlers."""
        self.received: int | None = None

    def watching(self) -> AbstractContextManager[None]:
        """Handle the signals inside; after the first one, the next interrupts."""
        return handling(self._receive)

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
