"""Planes of a landscape as characters: two points a cell with colours, a ramp of characters without."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from workbench.landscape import Landscape
from workbench.report.pictures import RAMP, grid, half_cells
from workbench.report.text import nats, plain, visible

MOST_SHOWN = 6
"""Planes that are shown, the first ones."""

_ACROSS, _GAP, _LEAST, _MOST = 3, 2, 9, 41
_LOW_TO_HIGH = np.array(
    [(0, 34, 78), (59, 73, 107), (124, 123, 120), (187, 173, 107), (255, 233, 69)], dtype=np.float64
)
"""Dark blue to yellow: brightness grows evenly, for every kind of colour vision."""
_UNKNOWN = (90, 90, 90)
_NATURAL, _ADVERSARIAL = "O", "X"


def scale_of(planes: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """The ends of one colour scale for several planes: their range but for half a percent at either end."""
    values = np.concatenate([plane.ravel() for plane in planes])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = (float(end) for end in np.quantile(values, (0.005, 0.995)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def rises(landscape: Landscape, num: int = MOST_SHOWN) -> NDArray[np.float64]:
    """E − E(x) of the first planes, (n, G, G) in nats."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = landscape.energy[:num].astype(np.float64) - landscape.natural[:num, None, None]
    return found


def plane_name(landscape: Landscape, row: int) -> str:
    """A sample by its index and class."""
    return f"{landscape.index[row]} ({landscape.facts.class_names[landscape.label[row]]})"


def heat_map(landscape: Landscape, width: int, *, colour: bool) -> Text:
    """The first planes, three in a row.

    Args:
        landscape: what was measured.
        width: columns of the terminal.
        colour: whether it has colours.
    """
    planes = rises(landscape)
    across = max(1, min(_ACROSS, len(planes), (width + _GAP) // (_LEAST + _GAP)))
    side = max(1, min((width + _GAP) // across - _GAP, landscape.facts.grid, _MOST))
    side -= 1 - side % 2  # so that x is in the middle
    low, high = scale_of(list(planes))
    tiles = _tiles(planes, side, low, high)
    lines: list[Text] = []
    for first in range(0, len(planes), across):
        rows = range(first, min(first + across, len(planes)))
        names = [visible(plane_name(landscape, row))[:side].ljust(side + _GAP) for row in rows]
        lines.append(Text("".join(names).rstrip(), no_wrap=True, overflow="ignore"))
        picture = grid(tiles[rows.start : rows.stop], across, gap=_GAP, background=0)
        cells = half_cells(picture, picture.width, colour=colour)
        _mark(cells, [float(landscape.position[row]) / landscape.facts.reach for row in rows], side, picture.width)
        lines += [cells, Text()]
    return Text("\n").join(lines)


def map_legend(landscape: Landscape, *, colour: bool) -> Text:
    """How to read a heat map."""
    low, high = scale_of(list(rises(landscape)))
    ends = f"{nats(low)} … {nats(high)}"
    shades = f"dark to bright {ends}" if colour else f"'{RAMP[0]}' to '{RAMP[-1]}' {ends}"
    return plain(
        f"E − E(x) in nats, one scale: {shades}. {_NATURAL} is x, {_ADVERSARIAL} is x*; right is x* − x, up is the"
        f" random direction, to {landscape.facts.reach:g}ε either way."
    )


def _tiles(planes: NDArray[np.float64], side: int, low: float, high: float) -> NDArray[np.uint8]:
    """Planes as pictures (n, 3, side, side), b upwards; of a finer grid the nearest points are taken."""
    places = np.rint(np.linspace(0, planes.shape[-1] - 1, side)).astype(int)
    taken = planes[:, places[::-1]][:, :, places]
    share = np.clip((np.nan_to_num(taken, nan=low, posinf=high, neginf=low) - low) / (high - low), 0.0, 1.0)
    stops = np.linspace(0, 1, len(_LOW_TO_HIGH))
    channels = [np.interp(share, stops, _LOW_TO_HIGH[:, channel]) for channel in range(3)]
    unknown = ~np.isfinite(taken)
    colours = [np.where(unknown, grey, channel) for grey, channel in zip(_UNKNOWN, channels, strict=True)]
    pictures: NDArray[np.uint8] = np.rint(np.stack(colours, axis=1)).astype(np.uint8)
    return pictures


def _mark(cells: Text, positions: Sequence[float], side: int, width: int) -> None:
    """Write x, in the middle of each plane, and x*, whose a is given as a share of the reach, over the cells."""
    characters = list(cells.plain)
    line = side // 2 // 2
    for number, position in enumerate(positions):
        left = number * (side + _GAP)
        for mark, share in ((_NATURAL, 0.0), (_ADVERSARIAL, position)):
            column = round((share + 1) / 2 * (side - 1))
            if not 0 <= column < side:
                continue
            offset = line * (width + 1) + left + column
            characters[offset] = mark
            cells.stylize("bold white on black", offset, offset + 1)
    cells.plain = "".join(characters)
