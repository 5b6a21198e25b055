"""textual-plot without what the app does itself, on canvases that keep a drawing under what moves over it."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Grid
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Region, Size
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import PlotWidget
from textual_plot.plot_widget import Legend

from workbench.tui.plots.braille import BRAILLE, DOTS

Scalar = float | np.floating[Any]

Cell = tuple[str, str]
"""A character and its style, as the canvas holds them."""

Place = tuple[int, int]
"""Column and row."""


class LayeredCanvas(Canvas):
    """A canvas with cells laid over its drawing.

    Lines take long to draw, a cursor does not: what is laid over them can be changed without drawing them again, and
    only the columns in which anything changed are sent to the terminal. All rows have a style, also those it has not
    drawn yet: without colours Textual asks for it.
    """

    def __init__(self, width: int, height: int, *, id: str) -> None:
        """An empty canvas."""
        self._over: dict[Place, Cell] = {}
        self._under: dict[Place, Cell] = {}
        self._look: Style | None = None
        super().__init__(width, height, id=id)

    def reset(self, size: Size | None = None, refresh: bool = True) -> None:
        """Begin the drawing anew; nothing lies over it."""
        self._over, self._under, self._look = {}, {}, None
        super().reset(size, refresh)

    @property
    def rich_style(self) -> Style:
        """The widget's style, found once for all rows of a frame."""
        if self._look is None:
            self._look = super().rich_style
        return self._look

    def drawn(self, x: int, y: int) -> Cell:
        """A cell of the drawing, whatever lies over it."""
        return self._under.get((x, y)) or self.get_pixel(x, y)

    def set_hires_pixels(
        self, coordinates: Iterable[tuple[Scalar, Scalar]], hires_mode: HiResMode | None = None, style: str = "white"
    ) -> None:
        """Set Braille dots as the canvas does, in less than half the time; most of a plot's time goes there."""
        if (hires_mode or self.default_hires_mode) is not HiResMode.BRAILLE:
            super().set_hires_pixels(coordinates, hires_mode, style)
            return
        width, height = self._canvas_size
        cells: dict[Place, int] = {}
        for x, y in coordinates:
            if 0 <= x < width and 0 <= y < height:
                across, down = int(x * 2), int(y * 4)
                place = across >> 1, down >> 2
                cells[place] = cells.get(place, 0) | DOTS[across & 1][down & 3]
        for (x, y), dots in cells.items():
            self._buffer[y][x], self._styles[y][x] = chr(BRAILLE + dots), style
        self.refresh()

    def lay(self, cells: Mapping[Place, tuple[str, Style]]) -> None:
        """Lay other cells over the drawing, instead of those that lie there."""
        width, height = self._canvas_size
        over = {
            (x, y): (char, str(look)) for (x, y), (char, look) in cells.items() if 0 <= x < width and 0 <= y < height
        }
        changed = {x for (x, _), _ in self._over.items() ^ over.items()}
        under = {place: self.drawn(*place) for place in over}
        for places in (self._under, over):
            for (x, y), (char, look) in places.items():
                self._buffer[y][x], self._styles[y][x] = char, look
        self._over, self._under, self._look = over, under, None
        if changed:
            self.refresh(*(Region(start, 0, stop - start, height) for start, stop in _runs(changed)))

    def render_line(self, y: int) -> Strip:
        """A row; one that was not drawn yet is blank in the widget's style."""
        strip = super().render_line(y)
        return strip if strip.cell_length else Strip.blank(self.size.width, self.rich_style)


class BarePlot(PlotWidget, can_focus=False):
    """textual-plot without axes, margins, keys or mouse of its own, on canvases that can be filtered."""

    def compose(self) -> ComposeResult:
        """What textual-plot composes."""
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield LayeredCanvas(1, 1, id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        """Leave the space around the box to the app's own labels."""
        self.margin_left = self.margin_top = self.margin_bottom = 0
        self.set_xticks([])
        self.set_yticks([])

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Leave the wheel to whoever holds the plot."""
        event.prevent_default()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Leave the wheel to whoever holds the plot."""
        event.prevent_default()

    @property
    def canvas(self) -> LayeredCanvas:
        """What the lines are drawn on."""
        return self.query_one("#plot", LayeredCanvas)


def _runs(columns: Iterable[int]) -> list[tuple[int, int]]:
    """Starts and ends of neighbouring columns."""
    runs: list[tuple[int, int]] = []
    for column in sorted(columns):
        if runs and runs[-1][1] == column:
            runs[-1] = (runs[-1][0], column + 1)
        else:
            runs.append((column, column + 1))
    return runs
