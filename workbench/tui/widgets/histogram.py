"""ΔE of the samples at one epoch: bars, the epoch before as a ghost, a box of quantiles."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from workbench.tui.facts.glance import Moment
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, percent
from workbench.tui.plots.axes import DeltaAxis
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import LEFT, draw_box, plot_titles

EIGHTHS = " ▁▂▃▄▅▆▇█"
STATISTICS = (("5 %", "q05"), ("25 %", "q25"), ("median", "q50"), ("75 %", "q75"), ("95 %", "q95"))
MOMENTS = (("mean", "mean"), ("std", "std"))


MOST_BARS = 72
"""More bars than these show noise, not shape, for a thousand samples or so."""

LEAST_SHARE = 0.0005
"""The least share that a percentage with one decimal shows."""


class Histogram(Painted):
    """The ΔE histogram of the epoch under the cursor. Needs no numpy, so that it can be the first thing painted."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(id="histogram", classes="pane")
        self._moment = moment
        self._ghost = True

    def show(self, moment: Moment) -> None:
        """Show another epoch."""
        self._moment = moment
        self.repaint()

    def toggle_ghost(self) -> None:
        """Show or hide the epoch before."""
        self._ghost = not self._ghost
        self.repaint()

    def keep(self) -> dict[str, object]:
        """Whether the epoch before is shown."""
        return {"ghost": self._ghost}

    def restore(self, kept: Mapping[str, object]) -> None:
        """Show the epoch before, or not, as it was left."""
        if kept.get("ghost") is (not self._ghost):
            self.toggle_ghost()

    def paint(self, sheet: Cells) -> None:
        """Bars in a box; under it the quantile box, the axis and, where there is room, the numbers."""
        if sheet.width < LEFT + 8 or sheet.height < 6:
            return
        moment = self._moment
        tall = sheet.height >= 12
        left, right, bottom = LEFT, sheet.width - 2, sheet.height - (6 if tall else 4)
        when = f"epoch {moment.epoch}" if moment.row else "no epoch yet"
        draw_box(sheet.put, left, 0, right, bottom, *plot_titles(moment.split, moment.attack, when))
        if not any(moment.shares):
            words = f"no ΔE recorded in epoch {moment.epoch}" if moment.row else "no epoch is committed yet"
            sheet.write_centred((left + right) // 2, bottom // 2, words, style(palette.MUTED))
            return
        columns, axis = right - left - 1, DeltaAxis(moment.low, moment.high)
        shares = bars(moment.shares, columns)
        before = bars(moment.before if self._ghost else (), columns)
        top = max(*shares, *before)
        _zero_line(sheet, left + 1, bottom, axis, columns)
        _draw_bars(sheet, left + 1, bottom, [share / top for share in shares], [share / top for share in before])
        _heights(sheet, top, bottom)
        self._legend(sheet, right, ghost=any(before))
        self._quantiles(sheet, left + 1, bottom + 1, axis, columns)
        for column, label in axis.ticks(columns):
            sheet.put(left + 1 + column, bottom, "┬", style(palette.FRAME))
            sheet.write_centred(left + 1 + column, bottom + 2, label, style(palette.MUTED))
        _outside(sheet, left, right, bottom, moment.outside)
        sheet.write(1, bottom + 1, "ΔE nat", style(palette.FAINT))
        self._numbers(sheet, bottom + (4 if tall else 3))

    def _legend(self, sheet: Cells, right: int, *, ghost: bool) -> None:
        epoch = self._moment.epoch
        if not ghost or right - LEFT < 48:
            return
        x = right - 2 - len(f"█ {epoch}  █ {epoch - 1}")
        x = sheet.write(x, 1, "█ ", style(palette.BARS))
        x = sheet.write(x, 1, f"{epoch}  ", style(palette.TEXT))
        x = sheet.write(x, 1, "█ ", style(palette.GHOST))
        sheet.write(x, 1, f"{epoch - 1}", style(palette.MUTED))

    def _quantiles(self, sheet: Cells, left: int, y: int, axis: DeltaAxis, columns: int) -> None:
        """A box plot: whiskers to 5 and 95 %, a bar over the middle half, the median."""
        values = [self._moment.statistic(name) for _, name in STATISTICS]
        if not all(math.isfinite(value) for value in values):
            return
        low, lower, median, upper, high = (left + axis.cell(value, columns) for value in values)
        for x in range(low, high + 1):
            sheet.put(x, y, "━" if lower <= x <= upper else "─", style(palette.BOX))
        sheet.put(low, y, "├", style(palette.BOX))
        sheet.put(high, y, "┤", style(palette.BOX))
        sheet.put(median, y, "◆", style(palette.CURSOR, bold=True))

    def _numbers(self, sheet: Cells, y: int) -> None:
        x = 1
        for label, name in (*STATISTICS, *MOMENTS):
            value = number(self._moment.statistic(name))
            if x + len(label) + len(value) + 1 > sheet.width:
                x, y = 1, y + 1
            x = sheet.write(x, y, f"{label} ", style(palette.MUTED))
            x = sheet.write(x, y, value, style(palette.BOX if label == "median" else palette.TEXT)) + 2


def joined(shares: Sequence[float], columns: int) -> list[float]:
    """Shares per fine step as shares per column, by fractional overlap; 0 everywhere where there are none."""
    if not shares:
        return [0.0] * columns
    totals = [0.0, *accumulate(shares), sum(shares)]
    below = []
    for column in range(columns + 1):
        step, part = divmod(column * len(shares) / columns, 1)
        below.append(totals[int(step)] + part * (totals[int(step) + 1] - totals[int(step)]))
    return [end - start for start, end in pairwise(below)]


def bars(shares: Sequence[float], columns: int) -> list[float]:
    """Shares per bar, once for each of a bar's columns; bars are as wide as leaves no more of them than can be told."""
    count = math.ceil(columns / (1 + columns // MOST_BARS))
    heights = joined(shares, count)
    return [heights[column * count // columns] for column in range(columns)]


def _draw_bars(sheet: Cells, left: int, bottom: int, heights: list[float], ghosts: list[float]) -> None:
    """Bars from 0 to 1 (the box's height) in eighths of a cell, ghosts behind them."""
    rows = bottom - 1
    for column, (height, ghost) in enumerate(zip(heights, ghosts, strict=True)):
        full, shadow = math.ceil(height * rows * 8 - 1e-9), math.ceil(ghost * rows * 8 - 1e-9)
        for row in range(rows):
            filled, behind = full - 8 * row, shadow - 8 * row
            x, y = left + column, bottom - 1 - row
            if filled >= 8:
                sheet.put(x, y, "█", style(palette.BARS))
            elif filled > 0:
                sheet.put(x, y, EIGHTHS[filled], style(palette.BARS, palette.GHOST if behind >= 8 else None))
            elif behind > 0:
                sheet.put(x, y, EIGHTHS[min(behind, 8)], style(palette.GHOST))
            else:
                break


def _heights(sheet: Cells, top: float, bottom: int) -> None:
    """The upright axis: share of the samples per bar."""
    sheet.write_right(LEFT, 1, percent(top), style(palette.MUTED))
    if bottom >= 4:
        sheet.write_right(LEFT, bottom - 1, "0%", style(palette.MUTED))
    if bottom >= 5:
        sheet.write_right(LEFT, 2, "share", style(palette.FAINT))


def _outside(sheet: Cells, left: int, right: int, y: int, shares: Sequence[float]) -> None:
    """How many samples lie beyond the ends of the axis, where that rounds to more than nothing."""
    below, above = shares
    if below >= LEAST_SHARE:
        sheet.write(left + 1, y, f"◂{percent(below)} ", style(palette.MUTED))
    if above >= LEAST_SHARE:
        sheet.write_right(right, y, f" {percent(above)}▸", style(palette.MUTED))


def _zero_line(sheet: Cells, left: int, bottom: int, axis: DeltaAxis, columns: int) -> None:
    if axis.low < 0 < axis.high:
        for y in range(1, bottom):
            sheet.put(left + axis.cell(0.0, columns), y, "┊", style(palette.FAINT))
