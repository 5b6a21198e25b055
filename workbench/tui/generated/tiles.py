"""Chains as a grid of pictures, each under its name. Call it in a thread."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from workbench.sampling.chain import Reason
from workbench.tui.generated.chains import MOST_LINES, Chains
from workbench.tui.graphics.drawing import Drawing
from workbench.tui.graphics.drawing import draw as draw_image
from workbench.tui.graphics.terminal import Graphics
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.strips import GAP, blank, picture, thumbnail
from workbench.tui.look.text import plain, shorten

MANY, FEW = 24, 3
"""Images that should be seen at once, if there are so many: rather than enlarged ones; rather than whole ones."""

SIDES = (32, 24, 16, 12, 8)
MOST_ZOOM = 4

LETTERS = "AB"
"""Of folders that are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """How images are laid out.

    Attributes:
        side: pixels along the longer side of an image as it is shown.
        zoom: cells of a pixel.
        columns: images in a row.
        rows: rows that are seen.
        across: cells of a place, gap included.
        down: lines of a place, its name included.
    """

    side: int
    zoom: int
    columns: int
    rows: int
    across: int
    down: int

    @property
    def room(self) -> int:
        """Images that are seen."""
        return min(MOST_LINES, self.columns * self.rows)

    def at(self, x: int, y: int) -> int | None:
        """The place under a cell; None in a gap."""
        column, row = x // self.across, y // self.down
        inside = 0 <= column < self.columns and 0 <= row < self.rows and x % self.across < self.across - GAP
        return row * self.columns + column if inside else None


def plan(count: int, shape: tuple[int, int], width: int, height: int, *, together: int = 1) -> Grid:
    """The layout in which ``count`` images of (H, W) pixels are largest, and enough of them are seen.

    Images that belong ``together`` stand in one row, where any layout has so many columns.
    """
    longest = min(max(shape), SIDES[0])
    large = [_grid(shape, longest, zoom, width, height, together) for zoom in range(MOST_ZOOM, 0, -1)]
    small = [_grid(shape, side, 1, width, height, together) for side in SIDES if side < longest]
    for grids, wanted in ((large, MANY), ([large[-1], *small], FEW)):
        for grid in grids:
            if grid.columns * grid.rows >= min(count, wanted) and grid.columns >= together:
                return grid
    return ([*large, *small])[-1]


def draw(chains: Chains, grid: Grid, chosen: int | None, width: int, *, colour: bool, together: int = 1) -> list[Strip]:
    """The images; the one at the place ``chosen`` has its name reversed. A chain that diverged has no image.

    Of images that belong ``together`` each has its letter before its name, and they are chosen together.
    """
    several = len(set(chains.label.tolist())) > 1
    tiles = [thumbnail(image, grid.side) for image in chains.image]
    lines: list[Strip] = []
    for first in range(0, min(len(chains), grid.room), grid.columns):
        here = range(first, min(first + grid.columns, len(chains)))
        lines.append(
            Strip([part for at in here for part in _name(chains, at, grid, chosen, together, several=several)])
        )
        gone = blank(tiles[0].shape, colour=colour)
        row = [gone if chains.reason[i] == Reason.DIVERGED else tiles[i] for i in here]
        lines += picture(row, len(row), grid.zoom, width, colour=colour)
    return [strip.crop(0, width) for strip in lines]


def drawings(chains: Chains, grid: Grid, width: int, graphics: Graphics) -> tuple[Drawing, ...]:
    """The images as a terminal draws them itself, over those of ``draw``."""
    if grid.columns * grid.across - GAP > width:  # their half cells are averaged down
        return ()
    drawn = []
    for place in range(min(len(chains), grid.room)):
        row, column = divmod(place, grid.columns)
        if chains.reason[place] != Reason.DIVERGED:
            pixels = thumbnail(chains.image[place], grid.side).shape[1] * grid.zoom
            x, y = column * grid.across, row * grid.down + 1
            drawn.append(draw_image(chains.image[place], x, y, grid.across - GAP, pixels, graphics))
    return tuple(drawn)


def _grid(shape: tuple[int, int], side: int, zoom: int, width: int, height: int, together: int) -> Grid:
    shrunk = min(1.0, side / max(shape))
    pixels = [max(1, round(size * shrunk)) * zoom for size in shape]
    across, down = pixels[1] + GAP, -(-pixels[0] // 2) + 1
    columns = max(1, (width + GAP) // across)
    return Grid(
        side=side,
        zoom=zoom,
        columns=columns // together * together or columns,
        rows=max(1, height // down),
        across=across,
        down=down,
    )


def _name(chains: Chains, place: int, grid: Grid, chosen: int | None, together: int, *, several: bool) -> list[Segment]:
    """The number of a chain, with its class where there are several, over its image."""
    label = plain(chains.name(int(chains.label[place])), 40) if several else f"#{chains.number[place]}"
    label = f"{LETTERS[place % together]} {label}" if together > 1 else label
    is_chosen = chosen is not None and place // together == chosen // together
    label = f"▸{label}" if is_chosen else label
    word = shorten(label, grid.across - GAP)
    spare = grid.across - GAP - cell_len(word)
    look = style(palette.CURSOR, bold=True, reverse=True) if is_chosen else style(palette.MUTED)
    return [
        Segment(" " * (spare // 2)),
        Segment(word, look),
        Segment(" " * (spare - spare // 2 + GAP)),
    ]
