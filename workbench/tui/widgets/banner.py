"""Two lines above every pane while not all of the log can be read."""

from workbench.tui.facts.trouble import Trouble
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import clock_time, counted, plain
from workbench.tui.widgets.cells import Cells, Painted


class Banner(Painted):
    """Since when, what is shown nonetheless, and why; hidden where there is no trouble."""

    def __init__(self) -> None:
        super().__init__(id="banner")
        self.display = False
        self._trouble: Trouble | None = None
        self._num_epochs = 0

    def show(self, trouble: Trouble | None, num_epochs: int) -> None:
        """Say what the trouble is.

        Args:
            trouble: None where there is none.
            num_epochs: of the run as it is shown.
        """
        if (trouble, num_epochs) != (self._trouble, self._num_epochs):
            self._trouble, self._num_epochs = trouble, num_epochs
            self.display = trouble is not None
            self.repaint()

    def paint(self, sheet: Cells) -> None:
        """What is so, and why."""
        if self._trouble is None:
            return
        epochs = counted(self._num_epochs, "epoch")
        if self._trouble.whole:
            words = f"✗ log unreadable since {clock_time(self._trouble.since)} · shown: {epochs}, as read before"
        else:
            words = f"✗ log damaged in part, seen {clock_time(self._trouble.since)} · the rest is shown and followed"
        sheet.write(1, 0, words, style(palette.CATASTROPHIC, bold=True))
        sheet.write(1, 1, plain(self._trouble.what), style(palette.CATASTROPHIC))
