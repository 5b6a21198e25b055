"""Work that a widget does bit by bit in a thread while it is seen."""

import time
from collections.abc import Callable

from textual.widget import Widget
from textual.worker import get_current_worker

PAUSE = 0.25
"""Least pause in seconds between two repaints over data that keep coming."""

Step = Callable[[], bool | None]
"""Does the piece of work that is wanted most. True: to be shown now; False: that can wait; None: nothing is left."""


class Background:
    """Calls ``step`` in a thread, again and again until nothing is left, and ``news`` on the event loop.

    The thread ends when the widget is hidden or removed; ``wake`` starts it again. What is wanted most is asked anew
    before each piece, so that a cursor that moves on never waits for what it has left.
    """

    def __init__(self, widget: Widget, step: Step, news: Callable[[], None]) -> None:
        """Nothing starts before ``wake``.

        Args:
            widget: whose work this is.
            step: called in the thread; raises nothing.
            news: called on the event loop after what should be seen.
        """
        self._widget, self._step, self._news = widget, step, news
        self._awake = self._again = False

    @property
    def idle(self) -> bool:
        """Whether everything is done."""
        return not self._awake

    def wake(self) -> None:
        """There may be work."""
        if self._awake:
            self._again = True
        else:
            self._awake, self._again = True, False
            self._widget.run_worker(self._work, thread=True, group="background")

    def _work(self) -> None:
        """In the thread."""
        worker, shown = get_current_worker(), time.monotonic()
        while not worker.is_cancelled and self._widget.display and (pressing := self._step()) is not None:
            if pressing or time.monotonic() - shown >= PAUSE:
                self._widget.call_later(self._news)
                shown = time.monotonic()
        self._widget.call_later(self._rest)

    def _rest(self) -> None:
        """All is done, unless more came while the thread ended."""
        self._awake = False
        self._news()
        if self._again:
            self.wake()
