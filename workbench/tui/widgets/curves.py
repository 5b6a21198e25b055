"""A plot of lines over epochs with its labels. textual-plot is loaded when one is shown."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from workbench.tui.context import RunContext
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.plots.charts import ACCURACY, READING, Chart
from workbench.tui.plots.scene import Scene
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import LEFT
from workbench.tui.widgets.timeline import EpochChosen, label_epochs
from workbench.tui.widgets.upright import Label, row_of

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.plots.scales import Axis
    from workbench.tui.plots.series import Series
    from workbench.tui.widgets.plot import LinePlot


NAME = 6
"""Columns of a line's name."""


class Beside(Painted):
    """Labels beside a plot: the numbers of its upright axis, or the names of its lines."""

    def __init__(self, classes: str, *, align_right: bool) -> None:
        super().__init__(classes=classes)
        self._align_right = align_right
        self._labels: Callable[[int], list[Label]] = lambda height: []

    def show(self, labels: Callable[[int], list[Label]]) -> None:
        """Show the labels, the highest first, that a function gives for a height."""
        self._labels = labels
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One label a row, as near to its place as there is room."""
        labels = self._labels(sheet.height)
        rows = _apart([row_of(share, sheet.height) for share, _, _ in labels], sheet.height - 2)
        for row, (_, text, colour) in zip(rows, labels, strict=True):
            if self._align_right:
                sheet.write_right(sheet.width, row, text, style(colour))
            else:
                sheet.write(1, row, text, style(colour))


class Readings(Painted):
    """The values of all lines at one epoch, as a table that does not move with them."""

    def __init__(self) -> None:
        super().__init__(classes="names")
        self._lines: list[Series] = []
        self._scene: Scene | None = None

    def show(self, lines: "list[Series]", scene: Scene) -> None:
        """Show the values under the pointer, or under the cursor if it points nowhere."""
        self._lines, self._scene = lines, scene
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """The epoch, then a row for each line; edges of bands last, as far as there is room."""
        scene = self._scene
        if scene is None or not scene.view.num_epochs:
            return
        epoch = scene.epoch if scene.pointer is None else scene.pointer
        lines = self._lines[::-1]
        rows = [each for each in lines if not each.line.edge] + [each for each in lines if each.line.edge]
        top = 0 if sheet.height > len(rows) else -1
        raw_end = 1 + 2 + NAME + 1 + READING
        where, look = (f"epoch {epoch}", palette.CURSOR) if scene.pointer is None else (f"▸ {epoch}", palette.ACCENT)
        if top == 0:
            sheet.write(1, 0, where, style(look, bold=True))
            if scene.look.median > 1:
                sheet.write_right(raw_end + 1 + READING, 0, f"median {scene.look.median}", style(palette.MUTED))
        for y, each in enumerate(rows[: sheet.height - 1 - top], top + 1):
            known, chart = epoch < len(each.raw), scene.chart
            sheet.write(1, y, f"{each.line.marker} {each.line.name}", style(each.line.colour))
            faint = each.line.edge or each.smooth is not None
            value = chart.reading(float(each.raw[epoch]) if known else math.nan)
            sheet.write_right(raw_end, y, value, style(palette.MUTED if faint else palette.TEXT))
            if each.smooth is not None:
                value = chart.reading(float(each.smooth[epoch]) if known else math.nan)
                sheet.write_right(raw_end + 1 + READING, y, value, style(palette.TEXT))


class Below(Painted):
    """The numbers of the epochs under a plot."""

    def __init__(self) -> None:
        super().__init__(classes="below")
        self._shown: tuple[EpochAxis, int] | None = None

    def show(self, axis: EpochAxis, epoch: int) -> None:
        """Show the epochs of an axis with the cursor at ``epoch``."""
        if (axis, epoch) != self._shown:
            self._shown = axis, epoch
            self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line."""
        if self._shown is not None and self._shown[0].count:
            label_epochs(sheet, LEFT + 1, 0, *self._shown)


class Drawable(Message):
    """A plot has its size, or another one, and can be drawn."""


class Curves(Widget):
    """A plot of lines over epochs: textual-plot in the middle, labels around it. Empty until it is first shown."""

    def __init__(self, chart: Chart, *, id: str, readings: bool = False) -> None:
        """A plot; beside it stand the names of its lines, or with ``readings`` also their values."""
        super().__init__(id=id, classes="pane curves" + " -readings" * readings)
        self._chart = chart
        self._left = Beside("values", align_right=True)
        self._right = Readings() if readings else Beside("names", align_right=False)
        self._below = Below()
        self._plot: LinePlot | None = None
        self._loading = False
        self._labelled: tuple[Axis, Chart] | None = None
        self._scene: Scene | None = None

    @property
    def ready(self) -> bool:
        """Whether what was last to be shown is drawn."""
        return self._scene is None or self._labelled is not None

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        self.draw(Scene(view, epoch, self._chart))

    def draw(self, scene: Scene) -> None:
        """Show a scene."""
        self._scene = scene
        if self._plot is not None:
            self._draw(self._plot)
        elif not self._loading:
            self._loading = True
            self.call_after_refresh(self._load)

    def axis(self) -> EpochAxis | None:
        """The epochs over the columns of its box, once it is drawn."""
        return None if self._plot is None or self._scene is None else self._plot.axis()

    def column(self, screen_x: int) -> int | None:
        """The column of the box under a column of the screen."""
        return None if self._plot is None else screen_x - self._plot.region.x - 1

    def on_click(self, event: Click) -> None:
        """Put the cursor on the epoch that was clicked."""
        axis, column = self.axis(), self.column(event.screen_x)
        if axis is not None and column is not None and axis.count:
            self.post_message(EpochChosen(axis.epoch(column)))

    def on_resize(self) -> None:
        """Label the other size."""
        if self._plot is not None and self._scene is not None:
            self.call_after_refresh(self._redraw, self._plot)

    async def _load(self) -> None:
        from workbench.tui.widgets.plot import LinePlot

        plot = LinePlot()
        await self.mount(self._left, plot, self._right, self._below)
        self._plot = plot
        self.call_after_refresh(self._redraw, plot)

    def _redraw(self, plot: "LinePlot") -> None:
        self._draw(plot)
        self.post_message(Drawable())

    def _draw(self, plot: "LinePlot") -> None:
        scene = self._scene
        assert scene is not None
        plot.show(scene)
        upright, chart = plot.upright, scene.chart
        if self._labelled != (upright, chart):
            self._labelled = upright, chart
            self._left.show(
                lambda height: [(at, chart.label(value), palette.MUTED) for at, value in upright.ticks(height)[::-1]]
            )
        if isinstance(self._right, Readings):
            self._right.show(plot.series, scene)
        else:
            names = plot.names()
            self._right.show(lambda height: names)
        self._below.show(plot.axis(), scene.epoch)


def accuracy(context: RunContext) -> Curves:
    """Accuracies over epochs."""
    return Curves(ACCURACY, id="accuracy")


def _apart(wanted: list[int], last: int) -> list[int]:
    """Rows near the wanted ones (rising), one each, none below ``last``."""
    placed: list[int] = []
    for row in wanted:
        placed.append(max(row, placed[-1] + 1 if placed else 1))
    for index in range(len(placed) - 1, -1, -1):
        limit = last if index == len(placed) - 1 else placed[index + 1] - 1
        placed[index] = min(placed[index], limit)
    return placed
