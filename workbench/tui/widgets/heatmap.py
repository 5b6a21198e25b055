"""ΔE over all epochs: one column per epoch, brighter where more samples lie."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.events import Click

from workbench.tui.context import RunContext
from workbench.tui.keys.heatmap import HEATMAP_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look import palette
from workbench.tui.look.palette import LEVELS, heat, shade, style
from workbench.tui.look.text import percent
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import LEFT, RIGHT, draw_box, plot_titles
from workbench.tui.widgets.ridge import paint_ridges, ridges_in
from workbench.tui.widgets.timeline import EpochChosen, label_epochs, mark_epochs

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.plots.heat import Heat


class HeatMap(Painted, can_focus=True):
    """The stored histograms of all epochs, ΔE upwards, with the median as a line; two ΔE steps to a cell."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(HEATMAP_KEYS)

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="heatmap", classes="pane")
        self._ridges = False
        self._view: View | None = None
        self._epoch = 0
        self._heat: tuple[View, tuple[EpochAxis, int], Heat] | None = None

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        self._view, self._epoch = view, epoch
        self.repaint()

    def action_ridges(self) -> None:
        """Show ridges, or the heat map again."""
        self._ridges = not self._ridges
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Put the cursor on the epoch that was clicked."""
        if self._ridges and self._view is not None:
            ridges = ridges_in(self._view, self._epoch, self.content_size.height)
            if ridges:
                self.post_message(EpochChosen(min(ridges, key=lambda ridge: abs(ridge[1] - event.y))[0]))
            return
        axis = EpochAxis(self._view.num_epochs if self._view else 0, self.content_size.width - LEFT - RIGHT - 2)
        if axis.count and axis.width > 0:
            self.post_message(EpochChosen(axis.epoch(event.x - LEFT - 1)))

    def paint(self, sheet: Cells) -> None:
        """The picture in a box, onsets on its lower edge, the epochs under it, the scale on its right."""
        view = self._view
        if view is None or sheet.width < LEFT + RIGHT + 8 or sheet.height < 6:
            return
        if self._ridges and view.num_epochs and view.counts.any():
            paint_ridges(sheet, view, self._epoch)
            return
        left, right, bottom = LEFT, sheet.width - RIGHT - 1, sheet.height - 2
        draw_box(sheet.put, left, 0, right, bottom, *plot_titles(view.split, view.attack, "all epochs"))
        if not view.num_epochs or not view.counts.any():
            words = "no ΔE recorded" if view.num_epochs else "no epoch is committed yet"
            sheet.write_centred((left + right) // 2, bottom // 2, words, style(palette.MUTED))
            return
        rows, axis, colours = bottom - 1, EpochAxis(view.num_epochs, right - left - 1), pictures_in_colour(self.app)
        heat = self._heat_of(view, axis, 2 * rows)
        picture = _Picture(sheet, left + 1, heat, colours)
        picture.paint()
        for column, median in enumerate(heat.medians):
            if median is not None:
                picture.mark(column, rows - 1 - median // 2, "─")
        for row in range(rows):
            picture.mark(axis.column(self._epoch), row, "│")
        for cell, label in view.axis.ticks(rows, spacing=2):
            sheet.put(left, rows - cell, "┤", style(palette.FRAME))
            sheet.write_right(left, rows - cell, label, style(palette.MUTED))
        sheet.write(0, 0, "ΔE nat", style(palette.FAINT))
        _scale(sheet, right + 2, rows, heat.most, colours=colours)
        mark_epochs(sheet.put, left + 1, bottom, axis, view.summary.onsets, self._epoch)
        label_epochs(sheet, left + 1, bottom + 1, axis, self._epoch)

    def _heat_of(self, view: "View", axis: EpochAxis, steps: int) -> "Heat":
        """The picture's numbers, kept while only the cursor moves."""
        known = self._heat
        if known is None or known[0].counts is not view.counts or known[1] != (axis, steps):
            from workbench.tui.plots.heat import heat_of

            self._heat = known = view, (axis, steps), heat_of(view, axis, steps)
        return known[2]


@dataclass(frozen=True, slots=True)
class _Picture:
    """The picture on the sheet, from column ``left`` and row 1 on; in colours, or in shades of one."""

    sheet: Cells
    left: int
    heat: "Heat"
    colours: bool

    def paint(self) -> None:
        levels = self.heat.levels.tolist()
        for row, (above, below) in enumerate(zip(levels[::2], levels[1::2], strict=True)):
            for column, (upper, lower) in enumerate(zip(above, below, strict=True)):
                self.sheet.put(self.left + column, row + 1, *self._cell(upper, lower))

    def _cell(self, upper: int, lower: int) -> tuple[str, Style]:
        if not self.colours:
            return shade(max(upper, lower)), style(palette.TEXT)
        if upper == lower:
            return " ", style(None, heat(lower))
        return "▀", style(heat(upper), heat(lower))

    def mark(self, column: int, row: int, char: str) -> None:
        """Draw a line's character over a cell, legible on the cell's own colour."""
        level = int(self.heat.levels[2 * row : 2 * row + 2, column].max())
        ink = palette.BACKGROUND if level > LEVELS * 2 // 3 else palette.CURSOR
        look = style(ink, heat(level)) if self.colours else style(palette.CURSOR, bold=True)
        self.sheet.put(self.left + column, row + 1, char, look)


def _scale(sheet: Cells, x: int, rows: int, most: float, *, colours: bool) -> None:
    """The colours and what they stand for, most at the top."""
    length = min(rows - 2, 8)
    if length < 2:
        return
    sheet.write(x, 1, percent(most), style(palette.MUTED))
    for step in range(length):
        level = round((LEVELS - 1) * (length - step) / length)
        text, look = ("██", style(heat(level))) if colours else (shade(level) * 2, style(palette.TEXT))
        sheet.write(x, 2 + step, text, look)
    sheet.write(x, 2 + length, "0%", style(palette.MUTED))
    if length + 4 < rows:
        sheet.write(x, 4 + length, "─ median", style(palette.MUTED))
