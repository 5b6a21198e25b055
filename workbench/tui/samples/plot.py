"""One sample's energies over epochs: ΔE in a box, E(x) and E(x*) in another, and when it was right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.events import Click

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, plain
from workbench.tui.plots.axes import DeltaAxis, EpochAxis
from workbench.tui.plots.braille import ACROSS, DOWN, Canvas
from workbench.tui.samples.columns import FLAG_LOOKS
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import LEFT, draw_box
from workbench.tui.widgets.timeline import EpochChosen, label_epochs, mark_epochs

if TYPE_CHECKING:
    from workbench.onset import Onset
    from workbench.tui.samples.trajectories import Trajectory

SIDE = 6
"""Columns right of the box, for names of lines."""

BELOW = 3
"""Rows under the boxes: epochs, and when the sample was right."""

LEAST_TWO = 15
"""Rows from which there are two boxes."""


class Line(NamedTuple):
    """A line of a plot: its name, its values by epoch, its colour; every so manyth dot is drawn."""

    name: str
    values: Sequence[float]
    colour: str
    every: int = 1


class Linear(NamedTuple):
    """An axis of even steps from ``low`` to ``high``."""

    low: float
    high: float

    def position(self, value: float) -> float:
        """Where a value lies, 0 at ``low``, 1 at ``high``."""
        return (value - self.low) / (self.high - self.low)


class TrajectoryPlot(Painted):
    """Painted with Braille dots; a click sets the epoch cursor."""

    def __init__(self) -> None:
        super().__init__(id="sample-trajectory")
        self._title = ""
        self._trajectory: Trajectory | None = None
        self._count = self._epoch = 0
        self._onsets: tuple[Onset, ...] = ()
        self._words = ""

    def show(
        self,
        title: str,
        trajectory: "Trajectory | None",
        *,
        count: int,
        epoch: int,
        onsets: "tuple[Onset, ...]",
        words: str = "",
    ) -> None:
        """Show a trajectory of a run of ``count`` epochs with the cursor at one; ``words`` where something is wrong."""
        self._title, self._trajectory, self._words = title, trajectory, words
        self._count, self._epoch, self._onsets = count, epoch, onsets
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Put the cursor on the epoch that was clicked."""
        axis = self._axis(self.content_size.width)
        if axis.count and axis.width > 0:
            self.post_message(EpochChosen(axis.epoch(event.x - LEFT - 1)))

    def paint(self, sheet: Cells) -> None:
        """Two boxes where there is room, else that of ΔE; the cursor through both."""
        kept = self._trajectory
        if sheet.width < LEFT + SIDE + 8 or sheet.height < 4 + BELOW:
            return
        rows = sheet.height - BELOW
        if kept is None or not self._count:
            draw_box(sheet.put, LEFT, 0, sheet.width - SIDE - 1, rows - 1, "one sample over epochs", "one sample")
            return
        from workbench.tui.samples.trajectories import delta_of

        rows_read = kept.rows[: self._count]
        done = int(rows_read["read"].sum())
        reading = f", {done}/{self._count} epochs read" if done < self._count and not self._words else ""
        lines = (Line("ΔE", delta_of(rows_read).tolist(), palette.BOX),)
        split = rows * 3 // 5 if rows >= LEAST_TWO else rows
        titles = (f"ΔE of {self._title}{reading}", f"ΔE of {self._title}", "ΔE")
        self._box(sheet, 0, split - 1, lines, titles, signed=True, last=split == rows)
        if split < rows:
            energies = (
                Line("E(x)", rows_read["energy"].tolist(), palette.CLEAN),
                Line("E(x*)", rows_read["energy_adv"].tolist(), palette.PGD, every=2),
            )
            self._box(sheet, split, rows - 1, energies, ("E(x) and E(x*)", "E"), signed=False, last=True)
        axis = self._axis(sheet.width)
        label_epochs(sheet, LEFT + 1, rows, axis, self._epoch)
        for y, (name, column) in enumerate((("x", "correct"), ("x*", "correct_adv")), rows + 1):
            self._paint_flags(sheet, y, name, rows_read[column].tolist(), axis)
        if self._words:
            sheet.write(LEFT + 2, 1, plain(self._words, sheet.width - LEFT - SIDE - 4), style(palette.CATASTROPHIC))

    def _axis(self, width: int) -> EpochAxis:
        return EpochAxis(self._count, max(1, width - LEFT - SIDE - 2))

    def _box(
        self,
        sheet: Cells,
        top: int,
        bottom: int,
        lines: Sequence[Line],
        titles: tuple[str, ...],
        *,
        signed: bool,
        last: bool,
    ) -> None:
        """A box with lines in it; the epochs' marks on its lower edge if it is the last one."""
        right, axis = sheet.width - SIDE - 1, self._axis(sheet.width)
        draw_box(sheet.put, LEFT, top, right, bottom, *titles)
        sheet.write(0, top, "nat", style(palette.FAINT))
        rows = bottom - top - 1
        for row in range(rows):
            sheet.put(LEFT + 1 + axis.column(self._epoch), top + 1 + row, "│", style(palette.CURSOR))
        scale = scale_of([value for line in lines for value in line.values], signed=signed)
        if scale is not None and rows >= 1:
            for cell, label in _ticks(scale, rows):
                sheet.put(LEFT, top + rows - cell, "┤", style(palette.FRAME))
                sheet.write_right(LEFT, top + rows - cell, label, style(palette.MUTED))
            taken: set[int] = set()
            below: Canvas | None = None
            for line in lines:
                below = self._draw(sheet, top + 1, rows, axis, line, scale, taken, below)
        if last:
            mark_epochs(sheet.put, LEFT + 1, bottom, axis, self._onsets, self._epoch)

    def _draw(
        self,
        sheet: Cells,
        top: int,
        rows: int,
        axis: EpochAxis,
        line: Line,
        scale: "DeltaAxis | Linear",
        taken: set[int],
        below: Canvas | None,
    ) -> Canvas:
        canvas, dots, before, row = Canvas(axis.width, rows), EpochAxis(axis.count, ACROSS * axis.width), None, None
        for epoch, value in enumerate(line.values):
            if value - value != 0:  # neither missing nor infinite
                before = None
                continue
            y = round((1 - scale.position(value)) * (DOWN * rows - 1))
            here = dots.column(epoch), y
            canvas.line(here if before is None else before, here, every=line.every)
            canvas.dot(*here)
            before, row = here, y // DOWN
        if below is not None:
            canvas.over(below)
        for x, y, char in canvas.cells():
            sheet.put(LEFT + 1 + x, top + y, char, style(line.colour))
        if row is not None:
            place = min(
                (each for each in range(rows) if each not in taken), key=lambda each: abs(each - row), default=0
            )
            taken.add(place)
            sheet.write(sheet.width - SIDE + 1, top + place, line.name, style(line.colour))
        return canvas

    def _paint_flags(self, sheet: Cells, y: int, name: str, flags: Sequence[int], axis: EpochAxis) -> None:
        """In each column whether the sample was right in all of its epochs, wrong in one, or not recorded."""
        sheet.write_right(LEFT, y, name, style(palette.MUTED))
        worst: dict[int, int] = {}
        for epoch, flag in enumerate(flags):
            if flag in FLAG_LOOKS:
                column = axis.column(epoch)
                worst[column] = min(flag, worst.get(column, flag))
        wide = axis.width // max(axis.count, 1)
        for column, flag in worst.items():
            symbol, colour = FLAG_LOOKS[flag]
            sheet.put(LEFT + 1 + column, y, symbol if wide > 1 or flag == 0 else "·", style(colour))


def scale_of(values: Sequence[float], *, signed: bool) -> "DeltaAxis | Linear | None":
    """An axis that holds all values, and 0 if they are signed; None where there is none."""
    finite = [value for value in values if value - value == 0]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    if signed:
        low, high = min(low, 0.0), max(high, 0.0)
    least = 1e-6 * max(1.0, abs(low), abs(high))
    if high - low < least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    return DeltaAxis(low, high) if signed else Linear(low, high)


def _ticks(scale: "DeltaAxis | Linear", rows: int) -> list[tuple[int, str]]:
    if isinstance(scale, DeltaAxis):
        return scale.ticks(rows, spacing=2)
    ends = [(rows - 1, number(scale.high)), (0, number(scale.low))]
    return ends[: min(rows, 2)]
