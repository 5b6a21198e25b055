"""Images with all their pixels, made ready for a terminal. Needs numpy and Pillow; call it in a thread."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.tui.graphics import kitty
from workbench.tui.graphics.terminal import Graphics, Language


class Drawing(NamedTuple):
    """An image over cells of a sheet that show it in half cells.

    Attributes:
        x: its first column on the sheet.
        y: its first line.
        width: columns.
        height: lines.
        data: in the terminal's language.
    """

    x: int
    y: int
    width: int
    height: int
    data: str


def draw(tile: NDArray[np.uint8], x: int, y: int, width: int, pixels: int, graphics: Graphics) -> Drawing:
    """An image for the cells that its half cells take; pixels are averaged, or enlarged with sharp edges.

    Args:
        tile: (C, H, W), C of 1 or 3.
        x: its first column.
        y: its first line.
        width: columns.
        pixels: half cells along its height.
        graphics: how the terminal draws.
    """
    across, down = graphics.cell
    image = Image.fromarray(tile[0] if len(tile) == 1 else np.moveaxis(tile, 0, -1))
    image = image.resize((width * across, max(1, pixels * down // 2)), Image.Resampling.BOX)
    return Drawing(x, y, width, -(-pixels // 2), _ENCODERS[graphics.language](image))


def _sixel(image: Image.Image) -> str:
    from workbench.tui.graphics import sixel

    return sixel.encode(image)


_ENCODERS: Mapping[Language, Callable[[Image.Image], str]] = {"kitty": kitty.encode, "sixel": _sixel}
