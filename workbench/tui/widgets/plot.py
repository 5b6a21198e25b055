"""Lines over epochs on textual-plot. Imported when curves are first shown, not before."""

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import RenderResult
from textual_hires_canvas import HiResMode

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import shorten
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.plots.charts import Line
from workbench.tui.plots.scales import LINEAR, Axis
from workbench.tui.plots.scene import Scene
from workbench.tui.plots.series import Series, axis_of, decimate, series_of, unbroken
from workbench.tui.plots.window import Window
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.layers import BarePlot, Place
from workbench.tui.widgets.timeline import FLAGS, mark_epochs
from workbench.tui.widgets.upright import PAD, Label, row_of

SMALLEST = (12, 4)
"""Columns and rows below which textual-plot cannot draw its box."""

ROOM_FOR_STEPS = 3
"""Columns an epoch needs for what happens within it to be seen."""


class LinePlot(BarePlot, can_focus=False):
    """Lines over epochs with the cursor and the onsets."""

    def __init__(self) -> None:
        super().__init__(allow_pan_and_zoom=False)
        self._scene: Scene | None = None
        self._drawn_for: tuple[object, ...] = ()
        self.series: list[Series] = []
        self._marked: list[tuple[Line, NDArray[np.float64], set[int]]] = []
        self.upright = Axis(LINEAR, 0.0, 1.0)

    def show(self, scene: Scene) -> None:
        """Show a scene; the lines are drawn again only if they are others."""
        before, self._scene = self._scene, scene
        if before is None or not scene.draws_as(before) or self._drawn_for != (self.size, palette.in_use()):
            self._draw(scene)
        elif not self._needs_rerender:
            self._dress(scene)

    def on_resize(self) -> None:
        """Choose points and ticks for the new size."""
        if self._scene is not None:
            self._draw(self._scene)

    def render(self) -> RenderResult:
        """Draw as textual-plot does, then the app's own frame, and lay cursor and onsets over it."""
        if self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1] or self._scene is None:
            return ""
        anew = self._needs_rerender
        result = super().render()
        if anew:
            self._frame(self._scene)
            self._dress(self._scene)
        return result

    def axis(self) -> EpochAxis:
        """The epochs over the columns inside the box."""
        window = Window(0, 0) if self._scene is None else self._scene.window
        return EpochAxis(window.count, max(1, self.size.width - 2), window.first)

    def names(self) -> list[Label]:
        """The names of the lines at their last values, the highest first."""
        labels = []
        for line, shares, _ in self._marked:
            known = shares[np.isfinite(shares)]
            labels.append((float(known[-1]) if known.size else 0.0, f"{line.marker} {line.name}", line.colour))
        return sorted(labels, reverse=True)

    def _draw(self, scene: Scene) -> None:
        """Give the lines to textual-plot, and have it draw them now if it knows its size."""
        self._drawn_for = (self.size, palette.in_use())
        window = scene.window
        self.series = series_of(scene.view.table, scene.chart, scene.look.median)
        self.upright = axis_of(self.series, scene.chart, scene.look, window)
        self.clear()
        self.set_xlimits(window.first - 0.5, window.first + max(window.count, 1) - 0.5)
        self.set_ylimits(-PAD, 1 + PAD)
        for each in self.series:
            self._trace(scene, each.line)
        for each in self.series:
            if each.line.edge or each.smooth is not None:
                self._line(window, each.raw, palette.faded(each.line.colour))
        self._marked = []
        for each in self.series:
            if not each.line.edge:
                values = each.raw if each.smooth is None else each.smooth
                self._line(window, values, palette.colour(each.line.colour))
                shares = self.upright.shares(values)
                alone = {start for start, stop in unbroken(np.isfinite(shares)) if stop - start == 1}
                self._marked.append((each.line, shares, alone))
        if not self._needs_canvas_resize and self.size.width >= SMALLEST[0]:
            self.render()

    def _line(self, window: Window, values: NDArray[np.float64], colour: str) -> None:
        """One line, with a neighbour beyond each end of the window, so that it runs to the box."""
        start, stop = max(0, window.first - 1), min(len(values), window.stop + 1)
        self._points(np.arange(start, stop, dtype=np.float64), values[start:stop], colour)

    def _trace(self, scene: Scene, line: Line) -> None:
        """What a line is from step to step, behind all lines."""
        if scene.trace is not None and line.steps is not None and shows_steps(self.axis()):
            self._points(scene.trace.positions, scene.trace.values[line.steps], palette.faded(line.colour))

    def _points(self, positions: NDArray[np.float64], values: NDArray[np.float64], colour: str) -> None:
        shares = self.upright.shares(values)
        for start, stop in unbroken(np.isfinite(shares)):
            x, y = decimate(positions[start:stop], shares[start:stop], 2 * max(self.size.width, 1))
            self.plot(x, y, line_style=colour, hires_mode=HiResMode.BRAILLE)

    def _frame(self, scene: Scene) -> None:
        """What stands still over the lines: box, title, ticks and onsets."""
        canvas, axis = self.canvas, self.axis()
        width, height = canvas.size.width, canvas.size.height

        def put(x: int, y: int, char: str, look: Style) -> None:
            canvas.set_pixel(x, y, char, str(look))

        with canvas.batch_refresh():
            draw_box(put, 0, 0, width - 1, height - 1, *scene.titles(with_steps=self._has_steps(scene)))
            if not scene.view.num_epochs:
                words = shorten("no epoch is committed yet", max(0, width - 4))
                for offset, char in enumerate(words):
                    put((width - len(words)) // 2 + offset, height // 2, char, style(palette.MUTED))
            for share, _ in self.upright.ticks(height):
                put(0, row_of(share, height), "┤", style(palette.FRAME))
            for onset in scene.view.summary.onsets:
                if axis.holds(onset.epoch):
                    x = 1 + axis.column(onset.epoch)
                    for y in range(1, height - 1):
                        if canvas.get_pixel(x, y)[0] == " ":
                            put(x, y, "┊", style(FLAGS[onset.kind][2]))

    def _has_steps(self, scene: Scene) -> bool:
        """Whether any line is seen from step to step."""
        names = [each.line.steps for each in self.series if each.line.steps is not None]
        known = scene.trace is not None and any(np.isfinite(scene.trace.values[name]).any() for name in names)
        return known and shows_steps(self.axis())

    def _dress(self, scene: Scene) -> None:
        """What moves over the lines: selection, pointer, cursor and their markers."""
        canvas, axis = self.canvas, self.axis()
        height = canvas.size.height
        cells: dict[Place, tuple[str, Style]] = {}

        def put(x: int, y: int, char: str, look: Style) -> None:
            cells[x, y] = char, look

        def column(epoch: int, char: str, look: Style) -> None:
            x = 1 + axis.column(epoch)
            for y in range(1, height - 1):
                if canvas.drawn(x, y)[0] == " ":
                    put(x, y, char, look)

        if scene.view.num_epochs:
            self._select(scene, axis, cells)
            if axis.holds(scene.epoch):
                column(scene.epoch, "│", style(palette.FAINT))
            if scene.pointer is not None and axis.holds(scene.pointer):
                column(scene.pointer, "╎", style(palette.ACCENT))
            mark_epochs(put, 1, height - 1, axis, scene.view.summary.onsets, scene.epoch)
            for line, shares, alone in self._marked:
                for epoch in {
                    *alone,
                    scene.window.stop - 1,
                    scene.epoch,
                    *([] if scene.pointer is None else [scene.pointer]),
                }:
                    if axis.holds(epoch) and epoch < len(shares) and np.isfinite(shares[epoch]):
                        place = 1 + axis.column(epoch), row_of(float(shares[epoch]), height)
                        put(*place, line.marker, style(line.colour, bold=True))
        canvas.lay(cells)

    def _select(self, scene: Scene, axis: EpochAxis, cells: dict[Place, tuple[str, Style]]) -> None:
        if scene.selection is None:
            return
        first, last = sorted(scene.selection)
        for x in range(1 + axis.column(first), 2 + axis.column(last)):
            for y in range(1, self.canvas.size.height - 1):
                char, look = self.canvas.drawn(x, y)
                cells[x, y] = char, Style.parse(look) + style(None, palette.GHOST)


def shows_steps(axis: EpochAxis) -> bool:
    """Whether epochs are wide enough for what happens within them."""
    return axis.count * ROOM_FOR_STEPS <= axis.width
