"""Lines over epochs: the one wrapper over textual-plot. Imported when curves are first shown, not before."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import ComposeResult, RenderResult
from textual.containers import Grid
from textual.events import Click
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import PlotWidget
from textual_plot.plot_widget import Legend

from workbench.tui import palette
from workbench.tui.axes import EpochAxis
from workbench.tui.palette import style
from workbench.tui.source import View
from workbench.tui.widgets.curves import PAD, Chart, Label, Line, row_of, ticks
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.timeline import FLAGS, EpochChosen, mark_epochs

SMALLEST = (12, 4)
"""Columns and rows below which textual-plot cannot draw its box."""

LEAST, MOST = 1e-9, 1e30
"""Numbers beyond these are not plotted: a diverged loss, or a foreign file's."""


class WholeCanvas(Canvas):
    """A canvas whose rows all have a style, also those it has not drawn yet; without colours Textual asks for it."""

    def render_line(self, y: int) -> Strip:
        """A row; one that was not drawn yet is blank in the widget's style."""
        strip = super().render_line(y)
        return strip if strip.cell_length else Strip.blank(self.size.width, self.rich_style)


class BarePlot(PlotWidget, can_focus=False):
    """textual-plot without axes, margins or keys of its own, on canvases that can be filtered."""

    def compose(self) -> ComposeResult:
        """What textual-plot composes."""
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield WholeCanvas(1, 1, id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        """Leave the space around the box to the app's own labels."""
        self.margin_left = self.margin_top = self.margin_bottom = 0
        self.set_xticks([])
        self.set_yticks([])


class LinePlot(BarePlot, can_focus=False):
    """Lines over epochs with the cursor and the onsets; nothing else of the app knows textual-plot."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(allow_pan_and_zoom=False)
        self._chart = chart
        self._shown: tuple[View, int] | None = None
        self._lines: list[Line] = []
        self._top = 1.0

    def show(self, view: View, epoch: int) -> tuple[float, list[Label]]:
        """Show a view with the cursor at ``epoch``.

        Returns:
            The upper end of the upright axis, and the names of the lines at their last values, the highest first.
        """
        self._shown = (view, epoch)
        values = {line: view.table[line.column] for line in self._chart.lines}
        drawn = {line: column[drawable(column)] for line, column in values.items()}
        self._lines = [line for line, column in drawn.items() if (column.any() if line.unless_zero else column.size)]
        highest = max((float(drawn[line].max()) for line in self._lines), default=0.0)
        self._top = top = self._chart.top or (highest if highest > LEAST else 1.0)
        self.clear()
        self.set_xlimits(-0.5, max(view.num_epochs, 1) - 0.5)
        self.set_ylimits(-PAD * top, (1 + PAD) * top)
        for line in self._lines:
            for start, stop in unbroken(drawable(values[line])):
                epochs, shown = decimate(np.arange(start, stop), values[line][start:stop], 2 * max(self.size.width, 1))
                self.plot(epochs, shown, line_style=palette.colour(line.colour), hires_mode=HiResMode.BRAILLE)
        last = [(float(drawn[line][-1]) / top, f"{line.marker} {line.name}", line.colour) for line in self._lines]
        return top, sorted(last, reverse=True)

    def on_resize(self) -> None:
        """Choose points and ticks for the new size."""
        if self._shown is not None:
            self.show(*self._shown)

    def render(self) -> RenderResult:
        """Draw as textual-plot does, then the app's own frame, cursor and onsets over it."""
        if self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1] or self._shown is None:
            return ""
        result = super().render()
        canvas = self.query_one("#plot", Canvas)
        with canvas.batch_refresh():
            self._overlay(canvas, *self._shown)
        return result

    def on_click(self, event: Click) -> None:
        """Put the cursor on the epoch that was clicked."""
        count = self._shown[0].num_epochs if self._shown else 0
        if count:
            self.post_message(EpochChosen(EpochAxis(count, self.size.width - 2).epoch(event.x - 1)))

    def _overlay(self, canvas: Canvas, view: View, epoch: int) -> None:
        width, height = canvas.size.width, canvas.size.height

        def put(x: int, y: int, char: str, look: Style) -> None:
            canvas.set_pixel(x, y, char, str(look))

        def column(x: int, char: str, look: Style) -> None:
            for y in range(1, height - 1):
                if canvas.get_pixel(x, y)[0] == " ":
                    put(x, y, char, look)

        axis = EpochAxis(view.num_epochs, width - 2)
        draw_box(put, 0, 0, width - 1, height - 1, *self._chart.titles)
        for tick in ticks(self._top, height):
            put(0, row_of(tick / self._top, height), "┤", style(palette.FRAME))
        if not view.num_epochs:
            return
        column(1 + axis.column(epoch), "│", style(palette.FAINT))
        for onset in view.summary.onsets:
            column(1 + axis.column(onset.epoch), "┊", style(FLAGS[onset.kind][2]))
        mark_epochs(put, 1, height - 1, axis, view.summary.onsets, epoch)
        for line in self._lines:
            known = drawable(view.table[line.column])
            alone = [start for start, stop in unbroken(known) if stop - start == 1]
            for at in {*alone, epoch}:
                if known[at]:
                    row = row_of(view.value(line.column, at) / self._top, height)
                    put(1 + axis.column(at), row, line.marker, style(line.colour, bold=True))


def decimate(
    x: NDArray[np.int64], y: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The lowest and the highest point of each column, in order: what can be seen of a line.

    Args:
        x: rising positions, shape (P,).
        y: finite values, shape (P,).
        columns: columns that the line has, at least 1.

    Returns:
        At most 2 · columns of the positions, and their values.
    """
    if len(x) <= 2 * columns:
        return x, y
    bounds = np.arange(columns + 1) * len(x) // columns
    kept = {start + pick(y[start:stop]) for start, stop in pairwise(bounds) for pick in (np.argmin, np.argmax)}
    order = np.array(sorted(kept))
    return x[order], y[order]


def drawable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where there is a number that fits a plot; files may hold anything."""
    return np.isfinite(values) & (np.abs(values) < MOST)


def unbroken(present: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Starts and ends of the unbroken stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
