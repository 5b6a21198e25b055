"""The epoch cursor: a ruler of all epochs with the onsets on it, and what the epoch's numbers are."""

from typing import TYPE_CHECKING

from textual.events import Click, MouseEvent, MouseMove
from textual.message import Message

from workbench.tui.facts.glance import Moment
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, percent
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import Put

if TYPE_CHECKING:
    from workbench.onset import Onset

FLAGS = {"catastrophic": ("▲", "CO", palette.CATASTROPHIC), "robust": ("◆", "RO", palette.ROBUST)}
"""Symbol, abbreviation and colour of each kind of onset, everywhere."""

READOUT = (
    ("clean", "clean_accuracy", percent, palette.CLEAN),
    ("FGSM", "fgsm_accuracy", percent, palette.FGSM),
    ("PGD", "pgd_accuracy", percent, palette.PGD),
    ("loss", "train_loss", number, palette.TEXT),
)


class EpochChosen(Message):
    """The user pointed at an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch


def draw_flags(put: Put, left: int, y: int, axis: EpochAxis, onsets: "tuple[Onset, ...]", epoch: int) -> None:
    """Draw each onset's symbol on row ``y``, reversed under the cursor, its abbreviation where there is room."""
    for onset in onsets:
        if not axis.holds(onset.epoch):
            continue
        symbol, short, colour = FLAGS[onset.kind]
        column = axis.column(onset.epoch)
        start = column + 1 if column + 1 + len(short) <= axis.width else column - len(short)
        put(
            left + column,
            y,
            symbol,
            style(colour, bold=True, reverse=axis.holds(epoch) and column == axis.column(epoch)),
        )
        for offset, char in enumerate(short):
            put(left + start + offset, y, char, style(colour, bold=True))


def mark_epochs(put: Put, left: int, y: int, axis: EpochAxis, onsets: "tuple[Onset, ...]", epoch: int) -> None:
    """Draw ticks, onsets and the cursor on the lower edge of a plot, row ``y``."""
    for column, _ in axis.ticks():
        put(left + column, y, "┬", style(palette.FRAME))
    if axis.holds(epoch):
        put(left + axis.column(epoch), y, "┻", style(palette.CURSOR, bold=True))
    draw_flags(put, left, y, axis, onsets, epoch)


def label_epochs(sheet: Cells, left: int, y: int, axis: EpochAxis, epoch: int) -> None:
    """Write the cursor's epoch on row ``y``, and the numbers of the ticks that leave it room."""
    sheet.write(1, y, "epoch", style(palette.FAINT))
    cursor = axis.column(epoch)
    for column, label in axis.ticks():
        if not axis.holds(epoch) or abs(column - cursor) > (len(label) + len(str(epoch))) // 2 + 1:
            sheet.write_centred(left + column, y, label, style(palette.MUTED))
    if axis.holds(epoch):
        sheet.write_centred(left + cursor, y, f" {epoch} ", style(palette.CURSOR, bold=True))


class Timeline(Painted):
    """Two lines: the ruler, on which a click or a drag sets the cursor, and the numbers of the epoch under it."""

    def __init__(self, moment: Moment, count: int) -> None:
        super().__init__(id="timeline")
        self._moment, self._count = moment, count
        self._onsets: tuple[Onset, ...] = ()

    def show(self, moment: Moment, count: int, onsets: "tuple[Onset, ...]") -> None:
        """Show the cursor at an epoch of ``count``, and the onsets."""
        self._moment, self._count, self._onsets = moment, count, onsets
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """The ruler, then the numbers."""
        if not self._count:
            sheet.write(1, 0, "no epoch is committed yet", style(palette.MUTED))
            return
        left, axis, epoch = self._left, self._axis(sheet.width), self._moment.epoch
        sheet.write(1, 0, f"epoch {epoch}", style(palette.CURSOR, bold=True))
        for column in range(axis.width):
            sheet.put(left + column, 0, "─", style(palette.FRAME))
        sheet.put(left + axis.column(epoch), 0, "┃", style(palette.CURSOR, bold=True))
        draw_flags(sheet.put, left, 0, axis, self._onsets, epoch)
        x = 1
        for name, column_name, show, colour in READOUT:
            x = _pair(sheet, x, name, show(self._moment.value(column_name)), colour)
        low, median, high = (number(self._moment.statistic(name)) for name in ("q05", "q50", "q95"))
        if x + len(f"median ΔE {median} nat  5–95 % {low} … {high}") > sheet.width:
            _pair(sheet, x, "ΔE 5/50/95 %", f"{low}/{median}/{high}", palette.BOX)
            return
        x = _pair(sheet, x, "median ΔE", f"{median} nat", palette.BOX)
        _pair(sheet, x, "5–95 %", f"{low} … {high}", palette.TEXT)

    def on_click(self, event: Click) -> None:
        """Put the cursor where the ruler was clicked."""
        self._point(event)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Drag the cursor along the ruler."""
        if event.button == 1:
            self._point(event)

    @property
    def _left(self) -> int:
        return 8 + len(str(max(self._count - 1, 0)))

    def _axis(self, width: int) -> EpochAxis:
        return EpochAxis(self._count, max(1, width - self._left - 1))

    def _point(self, event: MouseEvent) -> None:
        if self._count and event.y == 0:
            self.post_message(EpochChosen(self._axis(self.content_size.width).epoch(event.x - self._left)))


def _pair(sheet: Cells, x: int, name: str, value: str, colour: str) -> int:
    if x + len(name) + len(value) + 1 > sheet.width:
        return sheet.width
    x = sheet.write(x, 1, f"{name} ", style(palette.MUTED))
    return sheet.write(x, 1, value, style(colour)) + 2
