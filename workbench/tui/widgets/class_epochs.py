"""The picture class by epoch in the pane of classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style

from workbench.tui.look import palette
from workbench.tui.look.palette import LEVELS, heat, shade, style
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.class_rows import Places
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.timeline import label_epochs, mark_epochs

if TYPE_CHECKING:
    from workbench.onset import Onset

SCALE = 8
"""Cells of the legend's scale at most."""


def axis_of(where: Places, count: int) -> EpochAxis:
    """The epochs over the columns inside the box."""
    assert where.map is not None
    return EpochAxis(count, where.map[1] - where.map[0] - 1)


def paint_frame(sheet: Cells, where: Places, titles: Sequence[str], ends: tuple[str, str], *, colours: bool) -> int:
    """The box with its title, and the scale: in its upper edge, or two rows below it where that has no room.

    Returns:
        The column before which the row below is free.
    """
    assert where.map is not None
    left, right = where.map
    draw_box(sheet.put, left, 0, right, where.bottom, *titles)
    words = len(ends[0]) + len(ends[1]) + 4
    room = right - left - 3 - len(titles[0]) - 2 - words
    cells, y = (min(SCALE, room), 0) if room >= 4 else (max(2, min(SCALE, right - left - words)), where.bottom + 2)
    start = right - words - cells
    x = sheet.write(start, y, f" {ends[0]} ", style(palette.MUTED))
    for cell in range(cells):
        level = 1 + round((LEVELS - 2) * cell / max(cells - 1, 1))
        sheet.put(x + cell, y, *_cell(level, colours=colours))
    sheet.write(x + cells, y, f" {ends[1]} ", style(palette.MUTED))
    return start if y else sheet.width


def paint_epochs(
    sheet: Cells,
    where: Places,
    levels: Sequence[Sequence[int]],
    axis: EpochAxis,
    epoch: int,
    onsets: "tuple[Onset, ...]",
    *,
    colours: bool,
) -> None:
    """A band per class; the cursor as a line over all, epochs and onsets on the lower edge."""
    assert where.map is not None
    left, cursor = where.map[0] + 1, axis.column(epoch)
    for row, line in enumerate(levels):
        for column, level in enumerate(line):
            char, look = _cell(level, colours=colours)
            for y in range(1 + row * where.lines, 1 + (row + 1) * where.lines):
                sheet.put(left + column, y, char, look)
            if column == cursor:
                ink = palette.BACKGROUND if level > LEVELS * 2 // 3 else palette.CURSOR
                over = style(ink, heat(level)) if colours and level > 0 else style(palette.CURSOR, bold=True)
                for y in range(1 + row * where.lines, 1 + (row + 1) * where.lines):
                    sheet.put(left + column, y, "│", over)
    mark_epochs(sheet.put, left, where.bottom, axis, onsets, epoch)
    label_epochs(sheet, left, where.bottom + 1, axis, epoch)


def _cell(level: int, *, colours: bool) -> tuple[str, Style]:
    """A level's character: blank where nothing is read yet, a dot where nothing is recorded."""
    if level <= 0:
        return "·" if level == -1 else " ", style(palette.FAINT)
    return (" ", style(None, heat(level))) if colours else (shade(level), style(palette.TEXT))
