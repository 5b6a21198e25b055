"""ΔE over epochs as ridges: a histogram an epoch, one below the other, each to its own height."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.plots.axes import DeltaAxis
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.frame import LEFT, draw_box, plot_titles
from workbench.tui.widgets.histogram import EIGHTHS
from workbench.tui.widgets.timeline import FLAGS

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

SPACING = 2
"""Rows of a ridge; one in a low terminal."""

GAP = 0.25
"""Of a row, between the highest bar of a ridge and the foot of the one above it."""


def ridge_epochs(count: int, special: Sequence[int], height: int) -> list[tuple[int, int]]:
    """Which epochs have a ridge, and the row of the foot of each: evenly spaced ones, and special ones instead.

    Args:
        count: epochs of the run.
        special: epochs that have a ridge whatever the spacing, the most important first.
        height: rows of the widget.
    """
    rows = height - 3
    spacing = SPACING if rows >= 16 else 1
    shown = min(count, rows // spacing)
    if shown <= 0:
        return []
    epochs = [round(place * (count - 1) / max(shown - 1, 1)) for place in range(shown)]
    ordinary = set(range(shown))
    for epoch in dict.fromkeys(special):
        if ordinary and 0 <= epoch < count:
            place = min(ordinary, key=lambda place: (abs(epochs[place] - epoch), place))
            epochs[place] = epoch
            ordinary.discard(place)
    return [(epoch, rows - spacing * (shown - 1 - place)) for place, epoch in enumerate(sorted(epochs))]


def ridges_in(view: "View", epoch: int, height: int) -> list[tuple[int, int]]:
    """The ridges of a view: the epoch under the cursor, the onsets, and what fits between."""
    return ridge_epochs(view.num_epochs, [epoch, *(onset.epoch for onset in view.summary.onsets)], height)


def paint_ridges(sheet: Cells, view: "View", epoch: int) -> None:
    """Ridges in a box, the latest at the bottom; their epochs on the left, onsets by their symbols, ΔE below."""
    from workbench.tui.plots.heat import ridges_of

    left, right, bottom = LEFT, sheet.width - 2, sheet.height - 2
    draw_box(sheet.put, left, 0, right, bottom, *plot_titles(view.split, view.attack, "each epoch to its own height"))
    ridges = ridges_in(view, epoch, sheet.height)
    columns = right - left - 1
    spacing = ridges[1][1] - ridges[0][1] if len(ridges) > 1 else SPACING
    heights = ridges_of(view, [each for each, _ in ridges], columns)
    _zero(sheet, left + 1, bottom, view.axis, columns)
    onsets = {onset.epoch: onset for onset in view.summary.onsets}
    for (each, foot), shape in zip(ridges, heights, strict=True):
        onset = onsets.get(each)
        ink = FLAGS[onset.kind][2] if onset is not None else palette.CURSOR if each == epoch else palette.BARS
        _ridge(sheet, left + 1, foot, [height * (spacing - GAP) for height in shape], ink)
        words = f"{FLAGS[onset.kind][0]} {each}" if onset is not None else f"{each}"
        sheet.write_right(left, foot, words, style(ink if ink != palette.BARS else palette.MUTED, bold=each == epoch))
    for column, label in view.axis.ticks(columns):
        sheet.put(left + 1 + column, bottom, "┬", style(palette.FRAME))
        sheet.write_centred(left + 1 + column, bottom + 1, label, style(palette.MUTED))
    sheet.write(0, bottom + 1, "ΔE nat", style(palette.FAINT))
    sheet.write(0, 0, "epoch", style(palette.FAINT))


def _ridge(sheet: Cells, left: int, foot: int, heights: list[float], ink: str) -> None:
    """One ridge; heights in rows."""
    for column, height in enumerate(heights):
        full = math.ceil(height * 8 - 1e-9)
        for row in range(-(-full // 8)):
            sheet.put(left + column, foot - row, EIGHTHS[min(full - 8 * row, 8)], style(ink))


def _zero(sheet: Cells, left: int, bottom: int, axis: DeltaAxis, columns: int) -> None:
    if axis.low < 0 < axis.high:
        for y in range(1, bottom):
            sheet.put(left + axis.cell(0.0, columns), y, "┊", style(palette.FAINT))
