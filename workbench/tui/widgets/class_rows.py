"""How the pane of classes is laid out and painted: a line a class, quantiles on the left, all epochs on the right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.style import Style

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import MISSING, number
from workbench.tui.plots.axes import DeltaAxis
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.histogram import EIGHTHS, joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.tui.facts.class_table import Detail

NAME = 12
"""Most cells of a class's name."""

TALLEST = 4
"""Most lines of a class, where there is room for more than all classes."""


class Head(NamedTuple):
    """A column of numbers: its name, and how wide it is."""

    name: str
    width: int


HEADS = {
    "samples": Head("n", 7),
    "median": Head("median", 8),
    "change": Head("change", 8),
    "accuracy_adv": Head("adv", 6),
    "accuracy": Head("nat", 6),
}


class Plan(NamedTuple):
    """What a width has room for: numbers left of the quantiles and right of them, and the share of the epochs."""

    columns: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    map_share: float


PLANS = (
    Plan(100, ("samples",), ("median", "change", "accuracy_adv", "accuracy"), 0.55),
    Plan(76, (), ("median", "change", "accuracy_adv"), 0.5),
    Plan(58, (), ("median", "accuracy_adv"), 0.5),
    Plan(36, (), ("median",), 0.0),
    Plan(0, (), (), 0.0),
)
"""The roomiest first."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands: columns (inclusive) of the two boxes and of the numbers' ends, and rows.

    Attributes:
        name: cells of the classes' names.
        box: left and right edge of the quantiles' box.
        map: the same of the picture over epochs; None where there is none.
        ends: column after each number, by its key in HEADS.
        bottom: row of the lower edges.
        lines: lines of a class.
    """

    name: int
    box: tuple[int, int]
    map: tuple[int, int] | None
    ends: dict[str, int]
    bottom: int
    lines: int

    @property
    def visible(self) -> int:
        """Classes that fit."""
        return max(0, (self.bottom - 1) // self.lines)


def places(width: int, height: int, names: Sequence[int], count: int) -> Places | None:
    """Where everything stands on a sheet; None where there is no room for anything.

    Args:
        width: of the sheet.
        height: of the sheet.
        names: cells of the classes' names.
        count: how many classes there are.
    """
    room = height - 4  # the edges of the box, the labels below it, and the line on the class that is chosen
    if width < 24 or room < 1:
        return None
    lines = max(1, min(TALLEST, room // max(count, 1)))
    plan = next(plan for plan in PLANS if width >= plan.columns)
    name, x, ends = min(NAME, max([5, *names])), 2, {}
    x += name
    for key in plan.before:
        x += HEADS[key].width
        ends[key] = x
    left = x + 1
    numbers = sum(HEADS[key].width for key in plan.after)
    spare = width - left - numbers - 2
    inner_map = int((spare - 3) * plan.map_share)
    right = left + 1 + spare - (inner_map + 3 if inner_map else 0)
    x = right
    for key in plan.after:
        x += HEADS[key].width
        ends[key] = x
    return Places(
        name=name,
        box=(left, right),
        map=(x + 2, x + 3 + inner_map) if inner_map else None,
        ends=ends,
        bottom=1 + lines * min(max(count, 1), room // lines),
        lines=lines,
    )


def paint_box(sheet: Cells, where: Places, axis: DeltaAxis, titles: Sequence[str]) -> None:
    """The empty box of the quantiles, with ΔE's axis under it and a line at 0."""
    left, right = where.box
    draw_box(sheet.put, left, 0, right, where.bottom, *titles)
    columns = right - left - 1
    if axis.low < 0 < axis.high:
        for y in range(1, where.bottom):
            sheet.put(left + 1 + axis.cell(0.0, columns), y, "┊", style(palette.FAINT))
    for column, label in axis.ticks(columns):
        sheet.put(left + 1 + column, where.bottom, "┬", style(palette.FRAME))
        sheet.write_centred(left + 1 + column, where.bottom + 1, label, style(palette.MUTED))


def paint_unit(sheet: Cells, where: Places) -> None:
    """The unit of the left axis."""
    sheet.write(1, where.bottom + 1, "ΔE nat", style(palette.FAINT))


def paint_heads(sheet: Cells, where: Places, order: str) -> None:
    """Names over the columns; the one that the classes are ordered by is marked."""
    sheet.write(2, 0, "class▾" if order == "class" else "class", _head(order == "class"))
    for key, end in where.ends.items():
        sheet.write_right(end, 0, HEADS[key].name + ("▾" if key == order else ""), _head(key == order))


def paint_numbers(sheet: Cells, where: Places, y: int, numbers: dict[str, str], *, chosen: bool) -> None:
    """The numbers of one class."""
    for key, end in where.ends.items():
        faint = key in ("samples", "change")
        sheet.write_right(
            end, y, numbers.get(key, MISSING), style(palette.MUTED if faint else palette.TEXT, bold=chosen)
        )


def paint_quantiles(
    sheet: Cells, where: Places, y: int, axis: DeltaAxis, quantiles: Sequence[float], before: float
) -> None:
    """A box plot from 5 to 95 %, and the median of the epoch before."""
    left, columns = where.box[0] + 1, where.box[1] - where.box[0] - 1
    if math.isfinite(before):
        sheet.put(left + axis.cell(before, columns), y, "◇", style(palette.MUTED))
    if not all(map(math.isfinite, quantiles)):
        return
    low, lower, median, upper, high = (left + axis.cell(value, columns) for value in quantiles)
    old = left + axis.cell(before, columns) if math.isfinite(before) else -1
    for x in range(low, high + 1):
        if x != old:
            sheet.put(x, y, "━" if lower <= x <= upper else "─", style(palette.BOX))
    sheet.put(low, y, "├", style(palette.BOX))
    sheet.put(high, y, "┤", style(palette.BOX))
    sheet.put(median, y, "◆", style(palette.CURSOR, bold=True))


def paint_spread(sheet: Cells, where: Places, y: int, rows: int, heights: Sequence[float]) -> None:
    """A histogram of ``rows`` rows from ``y`` down; heights from 0 to 1, one per column."""
    for column, height in enumerate(heights):
        full = math.ceil(height * rows * 8 - 1e-9)
        for row in range(rows):
            filled = full - 8 * row
            if filled > 0:
                sheet.put(where.box[0] + 1 + column, y + rows - 1 - row, EIGHTHS[min(filled, 8)], style(palette.BARS))


def heights_of(detail: "Detail", order: "NDArray[np.intp]", columns: int) -> list[list[float]]:
    """Heights of the histograms of some classes, the highest of all bars 1."""
    counts = detail.counts[order].astype(float)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    bars = [joined(row, columns) for row in shares.tolist()]
    top = max((max(row, default=0.0) for row in bars), default=0.0) or 1.0
    return [[value / top for value in row] for row in bars]


def signed(value: float) -> str:
    """A change with its sign; to a thousandth where it is small, so that it never takes more room."""
    if not math.isfinite(value) or abs(value) >= 0.1:
        return f"+{number(value)}" if value > 0 else number(value)
    return f"{value:+.3f}"


def _head(chosen: bool) -> Style:
    return style(palette.ACCENT if chosen else palette.MUTED, bold=chosen)
