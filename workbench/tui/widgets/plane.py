"""How densities of points in the plane are painted: in half cells, with the diagonal, ticks and marginals."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.style import Style

from workbench.tui.look import palette
from workbench.tui.look.palette import LEVELS, heat, shade, style
from workbench.tui.plots.braille import ACROSS, BRAILLE, DOTS, DOWN
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.frame import LEFT, draw_box
from workbench.tui.widgets.histogram import EIGHTHS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.analysis.density import Density, Range

HUES = (palette.SERIES[0], palette.SERIES[1])
"""Of natural and adversarial samples, where a picture shows both."""

MARKS = (" ·oO●", " '×xX", "%")
"""The same without colours, from few to many; the last where there is as much of one as of the other."""

ALIKE = 0.5
"""From this ratio of the weaker to the stronger on, a cell shows both."""

SATURATED = 0.99
"""Share of the non-empty cells that are not brighter than the top of the scale."""

BESIDE = 5
"""Columns of a marginal histogram on the right."""

PARTS = " ▏▎▍▌▋▊▉█"


class Frame(NamedTuple):
    """Where a picture stands: the columns and rows of its box (inclusive), and what is around it.

    Attributes:
        clouds: how many densities it shows.
        beside: columns of each marginal right of it, 0 for none; each has a row above it then.
    """

    left: int
    top: int
    right: int
    bottom: int
    clouds: int
    beside: int

    @property
    def shape(self) -> tuple[int, int]:
        """Half rows and columns inside."""
        return 2 * max(self.bottom - self.top - 1, 0), max(self.right - self.left - 1, 0)


def frame_of(left: int, width: int, height: int, clouds: int, above: int) -> Frame:
    """The frame of a picture on ``width`` columns from ``left`` on and ``height`` rows, its labels included.

    Args:
        left: its first column.
        width: its columns.
        height: its rows.
        clouds: how many densities it shows.
        above: rows for marginals above it, where there is room for them, the same for all pictures side by side.
    """
    beside = BESIDE if width >= 56 and height >= 14 else 0
    top = above if beside else 0
    return Frame(left + LEFT, top, left + width - 2 - clouds * beside, height - 2, clouds, beside)


def paint_frame(
    sheet: Cells, frame: Frame, titles: Sequence[str], names: tuple[str, str], x_range: "Range", y_range: "Range"
) -> None:
    """The box with round numbers on both axes, and what they are."""
    draw_box(sheet.put, frame.left, frame.top, frame.right, frame.bottom, *titles)
    rows, columns = frame.shape[0] // 2, frame.shape[1]
    sheet.write(max(frame.left - LEFT, 0), frame.bottom + 1, f"{names[0]} →", style(palette.FAINT))
    for value, label in round_ticks(*x_range, max(2, columns // 10)):
        x = frame.left + 1 + min(int(_place(value, x_range) * columns), columns - 1)
        sheet.put(x, frame.bottom, "┬", style(palette.FRAME))
        if x - cell_len(label) // 2 > frame.left - LEFT + cell_len(names[0]) + 3:
            sheet.write_centred(x, frame.bottom + 1, label, style(palette.MUTED))
    for value, label in round_ticks(*y_range, max(2, rows // (2 if rows < 24 else 3))):
        y = frame.bottom - 1 - min(int(_place(value, y_range) * rows), rows - 1)
        if y > frame.top + 1:  # the name of the axis stands in the first row
            sheet.put(frame.left, y, "┤", style(palette.FRAME))
            sheet.write_right(frame.left, y, label, style(palette.MUTED))
    sheet.write_right(frame.left, frame.top + 1, f"{names[1]} ↑"[:LEFT], style(palette.FAINT))


def paint_densities(
    sheet: Cells, frame: Frame, densities: "Sequence[Density]", *, colours: bool
) -> "NDArray[np.int64]":
    """One density in the colours of the heat map, or two in a hue each.

    Returns:
        The strongest level of each cell, shape (rows, columns); 0 where nothing is.
    """
    import numpy as np

    halves = np.stack([levels_of(each) for each in densities], axis=-1)  # (half rows, columns, clouds)
    upper, lower = halves[::2], halves[1::2]
    strongest: NDArray[np.int64] = np.maximum(upper, lower).max(axis=-1)
    filled = np.nonzero(strongest)
    for row, column, above, below in zip(
        *(each.tolist() for each in (*filled, upper[filled], lower[filled])), strict=True
    ):
        cell = _cell(tuple(above), tuple(below)) if colours else _plain_cell(list(map(max, above, below)))
        sheet.put(frame.left + 1 + column, frame.top + 1 + row, *cell)
    return strongest


def paint_diagonal(
    sheet: Cells, frame: Frame, x_range: "Range", y_range: "Range", strongest: "NDArray[np.int64]", *, colours: bool
) -> None:
    """Where both energies are the same: a dotted line, legible on what lies under it."""
    rows, columns = frame.shape[0] // 2, frame.shape[1]
    dots: dict[tuple[int, int], int] = {}
    for dot in range(ACROSS * columns):
        value = x_range[0] + (x_range[1] - x_range[0]) * (dot + 0.5) / (ACROSS * columns)
        place = 1 - _place(value, y_range)
        if 0 <= place < 1:
            at = int(place * DOWN * rows)
            cell = (dot // ACROSS, at // DOWN)
            dots[cell] = dots.get(cell, 0) | DOTS[dot % ACROSS][at % DOWN]
    for (column, row), bits in dots.items():
        level = int(strongest[row, column])
        ink = palette.BACKGROUND if level > LEVELS * 2 // 3 else palette.CURSOR if level else palette.MUTED
        one = colours and frame.clouds == 1 and level > 0
        look = style(ink, heat(level)) if one else style(palette.CURSOR if level else palette.MUTED)
        if frame.clouds == 1 or not level:
            sheet.put(frame.left + 1 + column, frame.top + 1 + row, chr(BRAILLE + bits), look)


def paint_marginals(sheet: Cells, frame: Frame, densities: "Sequence[Density]") -> None:
    """A histogram of each cloud over the box and one right of it, each as high as its own highest bar."""
    if not frame.beside:
        return
    for place, each in enumerate(densities):
        look = style(HUES[place] if frame.clouds > 1 else palette.BARS)
        for column, size in enumerate(_bars(each.counts.sum(axis=0), 8)):
            sheet.put(frame.left + 1 + column, frame.top - frame.clouds + place, EIGHTHS[size], look)
        left = frame.right + 1 + place * frame.beside
        rows = each.counts.sum(axis=1).reshape(-1, 2).sum(axis=1)
        for row, size in enumerate(_bars(rows, 8 * (frame.beside - 1))):
            full, part = divmod(size, 8)
            sheet.write(left, frame.top + 1 + row, "█" * full + PARTS[part].strip(), look)


def levels_of(each: "Density") -> "NDArray[np.int64]":
    """Levels from 0 (nothing) to LEVELS - 1; they grow with the square root of the count, so that thin tails show."""
    import numpy as np

    filled = each.counts[each.counts > 0]
    most = max(float(np.quantile(filled, SATURATED)), 1.0) if filled.size else 1.0
    levels: NDArray[np.int64] = np.ceil(np.sqrt((each.counts / most).clip(0, 1)) * (LEVELS - 1)).astype(np.int64)
    return levels


def round_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round values from ``low`` to ``high``, about ``most`` of them, and their labels."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return []
    rough = 0.7 * (high - low) / max(most, 1)
    power = math.floor(math.log10(rough))
    step = next(size * 10.0**power for size in (1, 2, 5, 10) if size * 10.0**power >= rough)
    first = math.ceil(low / step - 1e-9)
    count = min(math.floor((high - low) / step + 1e-9) + 1, 100)
    values = [(first + place) * step for place in range(count) if (first + place) * step <= high * (1 + 1e-9) + 1e-12]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(value, f"{value + 0.0:.{digits}f}" if abs(value) < 1e5 else f"{value:.1e}") for value in values]


def _place(value: float, bounds: "Range") -> float:
    """Where a value lies, 0 at the lower end, 1 at the upper."""
    return (value - bounds[0]) / (bounds[1] - bounds[0])


def _bars(counts: "NDArray[np.int64]", size: int) -> list[int]:
    """The heights of bars out of ``size``: the highest full, none that holds anything empty."""
    return [-(-count * size // max(int(counts.max()), 1)) for count in counts.tolist()]


def _cell(upper: tuple[int, ...], lower: tuple[int, ...]) -> tuple[str, Style]:
    """Two half cells in colours, each with a level per cloud."""
    theme = palette.in_use().name
    above, below = _tint(theme, *upper), _tint(theme, *lower)
    return (" ", style(None, above)) if above == below else ("▀", style(above, below))


@lru_cache(maxsize=2 * LEVELS * LEVELS)
def _tint(theme: str, first: int, second: int | None = None) -> str:
    """The colour of one level, or of two: of the stronger cloud's hue, of both hues where they are alike."""
    del theme  # only part of what the colour depends on
    if second is None:
        return heat(first)
    weak, strong = sorted((first, second))
    if not strong:
        return palette.colour(palette.BACKGROUND)
    share = second / (first + second)
    share = share if weak >= ALIKE * strong else round(share)
    hue = palette.blend(palette.colour(HUES[0]), palette.colour(HUES[1]), share)
    return palette.blend(palette.colour(palette.BACKGROUND), hue, 0.25 + 0.75 * strong / (LEVELS - 1))


def _plain_cell(levels: Sequence[int]) -> tuple[str, Style]:
    """A cell without colours."""
    if len(levels) == 1:
        return shade(levels[0]), style(palette.TEXT)
    weak, strong = sorted(levels)
    if weak >= ALIKE * strong:
        return MARKS[2], style(palette.TEXT)
    marks = MARKS[levels.index(strong)]
    return marks[math.ceil(strong * (len(marks) - 1) / (LEVELS - 1))], style(palette.TEXT)
