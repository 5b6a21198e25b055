"""Energies of chains over their steps, in braille dots, with what the stopping rule aims at."""

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.style import Style

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, plain, shorten
from workbench.tui.plots.braille import ACROSS, BRAILLE, DOTS, DOWN
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.frame import LEFT, draw_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from workbench.tui.generated.chains import Chains

SMALLEST = (LEFT + 12, 6)
"""Columns and rows below which nothing is drawn."""

HALF = 0.5 - 1e-6
"""Dots that a line only touches are not set."""

TITLES = ("E(x,y) of each chain over its steps, nats", "E(x,y) over steps, nats", "E(x,y) over steps", "E(x,y)")


class Axis(NamedTuple):
    """What a plot spans: energies in nats, and steps from 0 to ``last``."""

    low: float
    high: float
    last: int


def axis_of(several: "Sequence[Chains]", label: int | None) -> Axis | None:
    """What the energies of chains span, with the mean that chains of a class aim at; None where none is recorded."""
    import numpy as np

    known = [np.isfinite(chains.joint) for chains in several]
    if not any(each.any() for each in known):
        return None
    ends = [value for chains, each in zip(several, known, strict=True) for value in _ends(chains.joint[each])]
    for chains in several:
        mean = chains.target.means.get(label) if label is not None else None
        ends += [] if mean is None else [mean - chains.target.width, mean + chains.target.width]
    pad = 0.04 * (max(ends) - min(ends)) or 0.5
    last = max(int(np.flatnonzero(each.any(axis=0))[-1]) for each in known if each.any())
    return Axis(min(ends) - pad, max(ends) + pad, max(1, last))


def draw_trajectories(
    sheet: Cells, chains: "Chains", chosen: int | None, rows: int, *, axis: Axis | None = None, name: str = ""
) -> None:
    """Draw all chains thin, those of the chosen one's class brighter, itself on top with ○ and ●.

    Args:
        sheet: where.
        chains: whose energies.
        chosen: the place of one among them.
        rows: of the sheet that are used, the upper ones.
        axis: what the plot spans; None for what these chains do.
        name: what the title begins with.
    """
    import numpy as np

    left, right, bottom = LEFT, sheet.width - 1, rows - 2
    if sheet.width < SMALLEST[0] or rows < SMALLEST[1]:
        return
    draw_box(sheet.put, left, 0, right, bottom, *(f"{name}{title}" for title in TITLES))
    lines = chains.joint
    known = np.isfinite(lines)
    if not known.any():
        sheet.write(left + 2, 1, shorten("no energy is recorded", right - left - 3), style(palette.MUTED))
        return
    mine = chosen if chosen is not None and chosen < len(lines) else None
    label = int(chains.label[mine]) if mine is not None else _only(chains)
    mean = chains.target.means.get(label) if label is not None else None
    axis = axis or axis_of([chains], label)
    assert axis is not None
    low, high, last = axis
    width, height = right - left - 1, bottom - 1
    others = np.array([label is not None and int(one) != label for one in chains.label[: len(lines)]], dtype=bool)
    area = (left, width, height)
    _draw_lines(sheet, lines[others], style(palette.FAINT), area, axis)
    if mean is not None:
        _draw_target(sheet, left, right, height, (high - mean) / (high - low), chains.target.width / (high - low))
    _draw_lines(sheet, lines[~others], style(palette.TRAIN), area, axis)
    if mine is not None:
        _draw_lines(sheet, lines[mine : mine + 1], style(palette.CLEAN, bold=True), area, axis)
    if mine is not None:
        _mark_ends(sheet, lines[mine], left, last, (low, high), (width, height))
    _label(sheet, left, right, bottom, (low, high), last)


def _draw_lines(
    sheet: Cells,
    lines: "NDArray[np.float32]",
    look: Style,
    area: tuple[int, int, int],
    axis: Axis,
) -> None:
    (left, width, height), (low, high, last) = area, axis
    for y, x, char in characters(raster(lines, last, low, high, ACROSS * width, DOWN * height)):
        sheet.put(left + 1 + x, 1 + y, char, look)


def raster(
    lines: "NDArray[np.float32]", last: int, low: float, high: float, columns: int, rows: int
) -> "NDArray[np.bool_]":
    """Lines as dots.

    Args:
        lines: values at steps 0..T, NaN after the last, (n, T+1).
        last: the step at the right edge, at least 1.
        low: the value at the lower edge.
        high: the value at the upper edge, above ``low``.
        columns: of dots, at least 2.
        rows: of dots.

    Returns:
        Which dots are set, (rows, columns).
    """
    import numpy as np

    dots = np.zeros((rows, columns), dtype=bool)
    at = np.arange(columns) * (last / (columns - 1))
    before = np.minimum(at.astype(np.int64), lines.shape[1] - 1)
    after = np.minimum(before + 1, lines.shape[1] - 1)
    share = at - before
    grid = np.arange(rows)
    for line in lines:
        start, end = line[before], line[after]
        value = np.where(share == 0, start, start + (end - start) * share)
        y = (high - value) / (high - low) * (rows - 1)
        middle = (y[1:] + y[:-1]) / 2
        reach = np.stack([y, np.concatenate([y[:1], middle]), np.concatenate([middle, y[-1:]])])
        reach = np.where(np.isfinite(reach), reach, y)
        between = (grid[:, None] > reach.min(axis=0) - HALF) & (grid[:, None] < reach.max(axis=0) + HALF)
        dots |= between | (grid[:, None] == np.floor(y + 0.5))  # where y is NaN nothing holds
    return dots


def characters(dots: "NDArray[np.bool_]") -> list[tuple[int, int, str]]:
    """Row, column and braille character of every cell that has a dot."""
    import numpy as np

    rows, columns = dots.shape[0] // DOWN, dots.shape[1] // ACROSS
    cells = dots.reshape(rows, DOWN, columns, ACROSS).transpose(0, 2, 3, 1)
    bits = (cells * np.array(DOTS)).sum(axis=(2, 3))
    return [(int(y), int(x), chr(BRAILLE + int(bits[y, x]))) for y, x in np.argwhere(bits)]


def _ends(values: "NDArray[np.float32]") -> list[float]:
    return [float(values.min()), float(values.max())] if len(values) else []


def _only(chains: "Chains") -> int | None:
    labels = set(chains.label.tolist())
    return int(labels.pop()) if len(labels) == 1 else None


def _draw_target(sheet: Cells, left: int, right: int, height: int, share: float, width: float) -> None:
    """The class's mean as a dashed line, and the edges of the band dotted where they have rows of their own."""
    row = round(share * (height - 1))
    edges = {round((share - width) * (height - 1)), round((share + width) * (height - 1))} - {row}
    for x in range(left + 1, right):
        sheet.put(x, 1 + row, "╌", style(palette.WARNING))
        for edge in edges:
            sheet.put(x, 1 + edge, "┈", style(palette.WARNING))
    sheet.put(right, 1 + row, "Ē", style(palette.WARNING, bold=True))


def _mark_ends(
    sheet: Cells,
    line: "NDArray[np.float32]",
    left: int,
    last: int,
    bounds: tuple[float, float],
    size: tuple[int, int],
) -> None:
    import numpy as np

    known = np.flatnonzero(np.isfinite(line))
    low, high = bounds
    for step, mark in ((known[0], "○"), (known[-1], "●")) if len(known) else ():
        x = round(int(step) / last * (size[0] - 1))
        y = round((high - float(line[step])) / (high - low) * (size[1] - 1))
        sheet.put(left + 1 + x, 1 + y, mark, style(palette.CURSOR, bold=True))


def _label(sheet: Cells, left: int, right: int, bottom: int, bounds: tuple[float, float], last: int) -> None:
    low, high = bounds
    rows = bottom - 1
    for row in sorted({0, rows // 2, rows - 1}):
        value = high - row / max(1, rows - 1) * (high - low)
        sheet.write_right(left - 1, 1 + row, number(value), style(palette.MUTED))
        sheet.put(left, 1 + row, "┤", style(palette.FRAME))
    sheet.write(left + 1, bottom + 1, "0", style(palette.MUTED))
    sheet.write_right(right, bottom + 1, str(last), style(palette.MUTED))
    sheet.write_centred((left + right) // 2, bottom + 1, "step", style(palette.FAINT))


def chain_words(chains: "Chains", place: int, width: int) -> str:
    """A chain in a line: its class, where it stopped and why, its energy and its class's mean."""
    from workbench.tui.generated.words import ENDINGS

    label, step = int(chains.label[place]), int(chains.stop_step[place])
    energy = float(chains.joint[place, step]) if place < len(chains.joint) and step < chains.joint.shape[1] else None
    mean = chains.target.means.get(label)
    stop = ENDINGS[int(chains.reason[place])]
    where = f"({chains.first + place + 1} of {chains.total})"
    aim = "" if mean is None else f", Ē {number(mean)} ± {chains.target.width:g}"
    name = plain(chains.name(label), 24)
    head, energies = f"#{chains.number[place]} {where}", f"E {number(energy)}{aim}"
    words = (
        f"{head} of class {name}: {stop} at step {step}; {energies} nats",
        f"{head}: {stop} at step {step}; {energies}",
        f"{head} step {step}, {energies}",
    )
    return shorten(next((text for text in words if cell_len(text) <= width), words[-1]), width)
