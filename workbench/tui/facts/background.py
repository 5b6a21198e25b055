"""Work that a widget does bit by bit in a thread while it is seen."""

import time
from collections.abc import Callable

from textual.widget import Widget
from textual.worker import get_current_worker

from workbench.tui.look.text import plain

PAUSE = 0.25
"""Least pause in seconds between two repaints over data that keep coming."""

Step = Callable[[], bool | None]
"""Does the piece of work that is wanted most. True: to be shown now; False: that can wait; None: nothing is left."""


class Background:
    """Calls ``step`` in a thread, again and again until nothing is left, and ``news`` on the event loop.

    The thread ends when the widget is hidden or removed; ``wake`` starts it again. What is wanted most is asked anew
    before each piece, so that a cursor that moves on never waits for what it has left.

    Attributes:
        problem: why the work was given up until the next ``wake``, None where it was not.
    """

    def __init__(self, widget: Widget, step: Step, news: Callable[[], None]) -> None:
        """Nothing starts before ``wake``.

        Args:
            widget: whose work this is.
            step: called in the thread; tells what it expects to fail, so that whatever it raises is a surprise.
            news: called on the event loop after what should be seen.
        """
        self._widget, self._step, self._news = widget, step, news
        self._awake = self._again = False
        self._told = ""
        self.problem: str | None = None

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
        worker, shown, problem = get_current_worker(), time.monotonic(), None
        try:
            while not worker.is_cancelled and self._widget.display and (pressing := self._step()) is not None:
                if pressing or time.monotonic() - shown >= PAUSE:
                    self._widget.call_later(self._news)
                    shown = time.monotonic()
        except Exception as error:  # noqa: BLE001 - a file that nobody thought of should cost one pane, not the session
            problem = plain(f"{type(error).__name__}: {error}", 300)
        self._widget.call_later(self._rest, problem)

    def _rest(self, problem: str | None) -> None:
        """All is done, unless more came while the thread ended; or given up, and said once."""
        self.problem = problem
        if problem is None:
            self._awake, self._told = False, ""
            self._news()
            if self._again:
                self.wake()
            return
        self._news()  # may call ``wake``, which must not begin the same again and again
        self._awake = self._again = False
        if problem != self._told:
            self._told = problem
            self._widget.notify(f"This pane cannot be read: {problem}", severity="error", timeout=10, markup=False)
