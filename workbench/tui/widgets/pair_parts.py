"""The parts of the comparison of two folders: what differs, and the energies of one of them."""

from collections.abc import Sequence

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.generated.compared import Row
from workbench.tui.generated.pairs import Shown
from workbench.tui.generated.tiles import LETTERS
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import shorten
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.trajectories import axis_of, chain_words, draw_trajectories

LABEL = 13
"""Cells of what a row is about."""


class Differences(ScrollView, can_focus=False):
    """Rows of three columns, as many as there is room for; the rest by scrolling."""

    ALLOW_SELECT = False

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__(id="compare-rows")
        self.rows = tuple(rows)
        self.virtual_size = Size(0, len(rows))

    def copied(self) -> str:
        """All rows, separated by tabs."""
        return "\n".join("\t".join(row[:3]) for row in self.rows)

    def render_line(self, y: int) -> Strip:
        """One row, its last line a hint where more follow."""
        width, at = self.scrollable_content_region.width, y + self.scroll_offset.y
        sheet = Cells(width, 1)
        hidden = len(self.rows) - at
        if y == self.scrollable_content_region.height - 1 and hidden > 1:
            sheet.write(1, 0, f"… {hidden} more lines", style(palette.MUTED))
        elif at < len(self.rows):
            row = self.rows[at]
            half = (width - LABEL - 2) // 2
            sheet.write(1, 0, shorten(row.label, LABEL - 1), style(palette.MUTED))
            sheet.write(1 + LABEL, 0, shorten(row.one, half - 1), style(row.colour))
            sheet.write(1 + LABEL + half, 0, shorten(row.two, half), style(row.colour))
        return sheet.strips()[0].apply_style(self.rich_style)


class SideEnergies(Painted):
    """Energies of the chains of one folder, on the axes of both."""

    def __init__(self, side: int) -> None:
        super().__init__(id=f"compare-energies-{LETTERS[side].lower()}")
        self._side, self._shown = side, Shown()

    def show(self, shown: Shown) -> None:
        """Show others."""
        self._shown = shown
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """The plot, and below it the chosen chain in a line."""
        if self._shown.sides is None:
            return
        chains, place = self._shown.sides[self._side], self._shown.place
        axis, letter = axis_of(self._shown.sides, int(chains.label[place])), LETTERS[self._side]
        draw_trajectories(sheet, chains, place, sheet.height - 1, axis=axis, name=f"{letter}: ")
        words = f"{letter} {chain_words(chains, place, sheet.width - 4)}"
        sheet.write(1, sheet.height - 1, words, style(palette.CLEAN))
