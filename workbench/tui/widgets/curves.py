"""Accuracies and loss over epochs, each with a legend at the lines' ends. textual-plot is loaded when one is shown."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from textual.widget import Widget

from workbench.tui import palette
from workbench.tui.axes import EpochAxis
from workbench.tui.context import RunContext
from workbench.tui.palette import style
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import LEFT, RIGHT
from workbench.tui.widgets.timeline import label_epochs

if TYPE_CHECKING:
    from workbench.tui.source import View
    from workbench.tui.widgets.plot import LinePlot


class Line(NamedTuple):
    """A column of the epoch table as a line: name, column, marker, colour; perhaps left out where it is all zero."""

    name: str
    column: str
    marker: str
    colour: str
    unless_zero: bool = False


class Chart(NamedTuple):
    """What one plot over epochs shows.

    Attributes:
        name: the widget's id.
        titles: words in the frame's upper edge, longest first; the first that fits is taken.
        lines: the lines, the most important last.
        top: upper end of the upright axis; None for the highest value.
        label: format of the numbers on it.
    """

    name: str
    titles: tuple[str, ...]
    lines: tuple[Line, ...]
    top: float | None
    label: str


ACCURACY = Chart(
    name="accuracy",
    titles=(
        "accuracy on the probe set (train: training passes under attack)",
        "accuracy on the probe set",
        "accuracy",
    ),
    lines=(
        Line("train", "train_robust_accuracy", "+", palette.TRAIN),
        Line("clean", "clean_accuracy", "●", palette.CLEAN),
        Line("FGSM", "fgsm_accuracy", "▲", palette.FGSM),
        Line("PGD", "pgd_accuracy", "■", palette.PGD),
    ),
    top=1.0,
    label="{:.0%}",
)
LOSS = Chart(
    name="loss",
    titles=("training loss, nat", "loss, nat"),
    lines=(
        Line("reg.", "train_regularizer", "◆", palette.ROBUST, unless_zero=True),
        Line("loss", "train_loss", "●", palette.TEXT),
    ),
    top=None,
    label="{:.3g}",
)


PAD = 0.03
"""Share of the height that is left free above and below the lines."""

Label = tuple[float, str, str]
"""Where on the upright axis, from 0 to 1, what, and in which colour."""


def row_of(share: float, height: int) -> int:
    """The row of a plot ``height`` rows high, edges included, at a share of its axis; as textual-plot draws lines."""
    padded = (share + PAD) / (1 + 2 * PAD)
    return min(max(1, math.floor(height - 1 - padded * (height - 2))), height - 2)


def ticks(top: float, height: int) -> list[float]:
    """Round values from 0 to ``top``, two or more, about one in four rows at the most."""
    rough = top / max(2, height // 4)
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [size * power for size in (1, 2, 5, 10) if size * power <= top]
    step = next((step for step in steps if step >= rough * (1 - 1e-9)), steps[-1])
    return [step * index for index in range(int(top / step + 1e-9) + 1)]


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


class Below(Painted):
    """The numbers of the epochs under a plot."""

    def __init__(self) -> None:
        super().__init__(classes="below")
        self._count, self._epoch = 0, 0

    def show(self, count: int, epoch: int) -> None:
        """Show ``count`` epochs with the cursor at ``epoch``."""
        self._count, self._epoch = count, epoch
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line."""
        if self._count:
            label_epochs(sheet, LEFT + 1, 0, EpochAxis(self._count, sheet.width - LEFT - RIGHT - 2), self._epoch)


class Curves(Widget):
    """A plot of lines over epochs: textual-plot in the middle, labels around it. Empty until it is first shown."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(id=chart.name, classes="pane curves")
        self._chart = chart
        self._left, self._right = Beside("values", align_right=True), Beside("names", align_right=False)
        self._below = Below()
        self._plot: LinePlot | None = None
        self._loading = False
        self._shown: tuple[View, int] | None = None

    @property
    def ready(self) -> bool:
        """Whether what was last to be shown is drawn."""
        return self._shown is None or self._plot is not None

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        self._shown = (view, epoch)
        if self._plot is not None:
            self._draw(self._plot)
        elif not self._loading:
            self._loading = True
            self.call_after_refresh(self._load)

    async def _load(self) -> None:
        from workbench.tui.widgets.plot import LinePlot

        plot = LinePlot(self._chart)
        await self.mount(self._left, plot, self._right, self._below)
        self._plot = plot
        self._draw(plot)

    def _draw(self, plot: "LinePlot") -> None:
        assert self._shown is not None
        view, epoch = self._shown
        top, names = plot.show(view, epoch)
        label = self._chart.label.format
        self._left.show(lambda height: [(at / top, label(at), palette.MUTED) for at in reversed(ticks(top, height))])
        self._right.show(lambda height: names)
        self._below.show(view.num_epochs, epoch)


def accuracy(context: RunContext) -> Curves:
    """Accuracies over epochs."""
    return Curves(ACCURACY)


def loss(context: RunContext) -> Curves:
    """Loss over epochs."""
    return Curves(LOSS)


def _apart(wanted: list[int], last: int) -> list[int]:
    """Rows near the wanted ones (rising), one each, none below ``last``."""
    placed: list[int] = []
    for row in wanted:
        placed.append(max(row, placed[-1] + 1 if placed else 1))
    for index in range(len(placed) - 1, -1, -1):
        limit = last if index == len(placed) - 1 else placed[index + 1] - 1
        placed[index] = min(placed[index], limit)
    return placed
