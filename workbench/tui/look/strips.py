"""Pictures and text as lines for a ``Picture``. Needs numpy and Pillow: import it late, and call it in a thread."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from workbench.report.pictures import grid, half_cells
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import plain, shorten

Tile = NDArray[np.uint8]
"""An image (C, H, W), C of 1 or 3."""

SIDE = 32
"""Pixels along the longer side that an image is shown with at most; larger ones are averaged down."""

GAP = 1
HEADED = 3
"""Pixels that a row needs beyond its images: between rows, and under a line of names."""

_CONSOLE = Console()


def line(text: str, width: int, colour: str = palette.TEXT, *, bold: bool = False) -> Strip:
    """A line of plain text, cut to the width."""
    return Strip([Segment(shorten(plain(text), width), style(colour, bold=bold))])


def thumbnail(tile: Tile, side: int = SIDE) -> Tile:
    """A tile with at most ``side`` pixels along its longer side."""
    height, width = tile.shape[1:]
    if max(height, width) <= side:
        return tile
    small = max(1, round(width * side / max(height, width))), max(1, round(height * side / max(height, width)))
    channels = [Image.fromarray(channel).resize(small, Image.Resampling.BOX) for channel in tile]
    return np.stack([np.asarray(channel) for channel in channels])


def columns_and_zoom(
    count: int, shape: tuple[int, int], width: int, height: int, *, between: int = GAP, multiple: int = 1
) -> tuple[int, int]:
    """How to lay images out so that all are seen and as large as can be; at zoom 1 they may need more lines.

    Args:
        count: how many images.
        shape: pixels of one, (H, W).
        width: cells, a pixel each.
        height: lines, two pixels each.
        between: pixels that a row needs beyond its images.
        multiple: images in a row are a multiple of this where it fits, so that classes stand below each other.

    Returns:
        Images in a row, and zoom.
    """
    for zoom in range(16, 0, -1):
        columns = min(count, (width + GAP) // (shape[1] * zoom + GAP))
        columns = columns // multiple * multiple or columns
        if columns and -(-count // columns) * (shape[0] * zoom + between) - GAP <= 2 * height:
            return columns, zoom
    columns = max(1, min(count, (width + GAP) // (shape[1] + GAP)))
    return columns // multiple * multiple or columns, 1


def capacity(shape: tuple[int, int], width: int, height: int, *, between: int = GAP) -> int:
    """How many images of (H, W) pixels fit an area of cells at zoom 1, at least one."""
    return max(1, (width + GAP) // (shape[1] + GAP)) * max(1, (2 * height + GAP) // (shape[0] + between))


def blank(shape: tuple[int, ...], *, colour: bool) -> Tile:
    """A place without an image."""
    return np.full(shape, _gap(colour=colour), dtype=np.uint8)


def picture(tiles: Sequence[Tile], columns: int, zoom: int, width: int, *, colour: bool) -> list[Strip]:
    """Images side by side in half cells (without ``colour`` in characters of one luminance each), a strip a line."""
    if not tiles or width < 1:
        return []
    whole = grid(np.stack(tiles), columns, zoom=zoom, gap=GAP, background=_gap(colour=colour))
    text = half_cells(whole, min(width, whole.width), colour=colour)
    return [Strip([*row.render(_CONSOLE)]) for row in text.split("\n")]


def named_rows(
    tiles: Sequence[Tile], names: Sequence[str], columns: int, zoom: int, width: int, *, colour: bool
) -> list[Strip]:
    """Images in rows, each row under the names of its images."""
    lines = []
    for first in range(0, len(tiles), columns):
        row, words = tiles[first : first + columns], names[first : first + columns]
        lines += [headings(words, len(row), tiles[0].shape[2] * zoom + GAP, width)]
        lines += picture(row, columns, zoom, width, colour=colour)
    return lines


def headings(names: Sequence[str], columns: int, cell: int, width: int) -> Strip:
    """Names over the columns of a picture, each cut to the ``cell`` columns of its own; they repeat."""
    words = [shorten(plain(names[column % len(names)]), cell - 1) for column in range(columns)]
    return line("".join(_centred(word, cell) for word in words).rstrip(), width, palette.MUTED)


def _centred(word: str, cell: int) -> str:
    spare = cell - 1 - cell_len(word)
    return " " * (spare // 2) + word + " " * (cell - cell_len(word) - spare // 2)


def _gap(*, colour: bool) -> int:
    """Grey level of the gaps between images: the background of a dialogue; without colours what leaves cells empty."""
    if not colour:
        return 0
    return round(sum(Color.parse(palette.colour(palette.SURFACE)).get_truecolor()) / 3)
