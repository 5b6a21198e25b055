"""The first line of the list of runs."""

from workbench.tui.look import palette
from workbench.tui.widgets.cells import Cells, Painted


class Title(Painted):
    """One line: where the runs are, how many, how they are chosen."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._text = ""

    def show(self, text: str) -> None:
        """Show another text."""
        if text != self._text:
            self._text = text
            self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line."""
        sheet.write(1, 0, self._text, palette.style(palette.TEXT, bold=True))
