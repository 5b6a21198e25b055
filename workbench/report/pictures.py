"""Images as pictures: a grid of them, signed ones in colour, PNG files, and half-cell characters for a terminal."""

import io
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

from trainers.errors import WorkbenchError
from workbench.report.files import write_picture

CHANNELS = (1, 3)
"""Channels that can be shown: grey and RGB."""

RAMP = " .:-=+*#%@"
"""Luminance without colours, dark to bright as on a dark terminal."""

_NEGATIVE, _ZERO, _POSITIVE = (33, 102, 172), (247, 247, 247), (178, 96, 10)
"""Blue, near-white, brown: told apart by every kind of colour vision."""


def signed(images: NDArray[Any], limit: float | None = None) -> NDArray[np.uint8]:
    """Signed images, such as components, to pictures in which zero looks the same everywhere.

    Grey ones become blue (negative) over near-white (0) to brown (positive); RGB ones are laid around mid-grey, channel
    by channel.

    Args:
        images: (N, C, H, W), C of 1 or 3.
        limit: what has the full colour; None for the largest absolute value of each image by itself.

    Returns:
        (N, 3, H, W).

    Raises:
        WorkbenchError: another shape.
    """
    _check_shape(images)
    num = len(images)
    largest = np.abs(images).reshape(num, -1).max(axis=1, initial=0.0).reshape(num, 1, 1, 1)
    largest = largest if limit is None else np.full_like(largest, limit)
    share = np.clip(images / np.where(largest > 0, largest, 1.0), -1.0, 1.0)
    if images.shape[1] == 3:
        levels = 127.5 + 127.5 * share
    else:
        zero, negative, positive = (np.array(colour).reshape(3, 1, 1) for colour in (_ZERO, _NEGATIVE, _POSITIVE))
        levels = zero + np.abs(share) * (np.where(share < 0, negative, positive) - zero)
    pictures: NDArray[np.uint8] = np.rint(levels).astype(np.uint8)
    return pictures


def grid(images: NDArray[np.uint8], columns: int, *, zoom: int = 1, gap: int = 1, background: int = 255) -> Image.Image:
    """Images side by side, row after row.

    Args:
        images: (N, C, H, W), C of 1 (the picture is grey) or 3.
        columns: images in a row, at least 1; fewer images make one shorter row.
        zoom: every pixel becomes zoom × zoom pixels.
        gap: pixels between images, after zooming.
        background: level 0..255 of the gaps and of places without an image.

    Returns:
        A picture of mode "L" or "RGB".

    Raises:
        WorkbenchError: no images, another shape or type, or columns or zoom under 1.
    """
    _check_shape(images)
    if images.dtype != np.uint8:
        raise WorkbenchError(f"a grid is made of images of 8 bits, not {images.dtype}")
    if not len(images) or columns < 1 or zoom < 1 or gap < 0:
        raise WorkbenchError(f"cannot lay {len(images)} images out in {columns} columns, zoom {zoom}, gap {gap}")
    num, channels, height, width = images.shape
    columns = min(columns, num)
    rows = -(-num // columns)
    cell_height, cell_width = height * zoom + gap, width * zoom + gap
    canvas = np.full((rows * cell_height - gap, columns * cell_width - gap, channels), background, dtype=np.uint8)
    zoomed = images.repeat(zoom, axis=2).repeat(zoom, axis=3).transpose(0, 2, 3, 1)
    for number, image in enumerate(zoomed):
        top, left = number // columns * cell_height, number % columns * cell_width
        canvas[top : top + height * zoom, left : left + width * zoom] = image
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)


def half_cells(image: Image.Image, columns: int, *, colour: bool) -> Text:
    """A picture as characters: with colours two pixels a cell (▀, its colour over its background).

    Args:
        image: any picture.
        columns: most characters in a line. A wider picture is averaged down; a narrower one is enlarged by the largest
            whole factor that fits.
        colour: whether the terminal has colours; otherwise brightness is told by the characters of ``RAMP``.

    Returns:
        Text of as many lines as the picture needs, without a line break at the end.

    Raises:
        WorkbenchError: columns under 1.
    """
    if columns < 1:
        raise WorkbenchError(f"a picture needs at least one column, not {columns}")
    pixels = np.asarray(_fitted(image, columns))
    line = _coloured_line if colour else _ramp_line
    lines = [line(pixels[top : top + 2]) for top in range(0, len(pixels), 2)]
    return Text("\n", no_wrap=True, overflow="ignore", end="").join(lines)


def save_png(path: Path, image: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all; folders are made.

    Raises:
        WorkbenchError: it cannot be written.
    """
    content = io.BytesIO()
    image.save(content, format="PNG", optimize=True)
    write_picture(path, content.getvalue())


def _check_shape(images: NDArray[Any]) -> None:
    if images.ndim != 4 or images.shape[1] not in CHANNELS:
        raise WorkbenchError(f"images to show have shape (N, 1 or 3, H, W), not {images.shape}")


def _fitted(image: Image.Image, columns: int) -> Image.Image:
    """The picture in RGB, no wider than ``columns``."""
    image = image.convert("RGB")
    if image.width <= columns:
        factor = columns // image.width
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    height = max(1, round(image.height * columns / image.width))
    return image.resize((columns, height), Image.Resampling.BOX)


def _coloured_line(pair: NDArray[np.uint8]) -> Text:
    """One line of cells from one or two rows of pixels (1 or 2, W, 3); neighbours of one style become one stretch."""
    line = Text()
    cells = [tuple(map(tuple, cell)) for cell in pair.transpose(1, 0, 2).tolist()]
    for style, stretch in groupby(cells):
        line.append("▀" * len(list(stretch)), _style(*style))
    return line


@lru_cache(maxsize=65536)
def _style(upper: tuple[int, int, int], lower: tuple[int, int, int] | None = None) -> Style:
    background = None if lower is None else Color.from_rgb(*lower)
    return Style(color=Color.from_rgb(*upper), bgcolor=background)


def _ramp_line(pair: NDArray[np.uint8]) -> Text:
    """One line of characters by the mean luminance (ITU-R BT.601) of one or two rows of pixels."""
    luminance = pair.mean(axis=0) @ np.array([0.299, 0.587, 0.114])
    level = (luminance / 256.0 * len(RAMP)).astype(int)
    return Text("".join(RAMP[i] for i in level))
