"""The images of a folder as they appear, and how they are shown. Needs numpy and Pillow: import it late."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from textual.strip import Strip

from workbench.foreign import open_foreign
from workbench.tui.look.strips import (
    GAP,
    HEADED,
    SIDE,
    Tile,
    blank,
    capacity,
    columns_and_zoom,
    headings,
    named_rows,
    picture,
)

IMAGES = "images"
KEPT = 400
"""Images that are kept to be shown: the latest."""

LARGEST = 4096 * 4096
"""Pixels beyond which a file is not decoded."""


class Gallery:
    """Reads ``FOLDER/images/CLASS/NUMBER.png``. Call its methods in threads, one at a time."""

    def __init__(self, folder: Path, num: int, names: Sequence[str]) -> None:
        """Say what to look at; nothing is read yet.

        Args:
            folder: of the samples.
            num: how many images there will be.
            names: of their classes: image i is of class ``names[i % len(names)]``.
        """
        self._folder, self._num, self._names = folder, num, tuple(names)
        self._seen: set[str] = set()
        self._tiles: dict[int, Tile] = {}

    @property
    def ended(self) -> int:
        """Image files that have appeared."""
        return len(self._seen)

    @property
    def shown(self) -> int:
        """Images that can be shown."""
        return len(self._tiles)

    def look(self) -> bool:
        """Read what has appeared; whether there was anything."""
        fresh = {path: int(Path(path).stem) for path in set(_files(self._folder / IMAGES)) - self._seen}
        latest = sorted(fresh.items(), key=lambda one: one[1])[-KEPT:]  # none of the others would be shown
        for path, number in latest:
            tile = _decode(Path(path))
            if tile is not None and tile.shape == next(iter(self._tiles.values()), tile).shape:
                self._tiles[number] = tile
        self._seen.update(fresh)
        for number in list(self._tiles)[: max(0, len(self._tiles) - KEPT)]:
            del self._tiles[number]
        return bool(fresh)

    def strips(self, width: int, height: int, *, colour: bool, scrolls: bool) -> list[Strip]:
        """The images as lines of cells.

        All have their places, by number, while all fit. Otherwise it is the latest that fit, or with ``scrolls`` all
        that are kept.
        """
        if not self._tiles or width < 1:
            return []
        shape = next(iter(self._tiles.values())).shape
        side, num_classes = (shape[1], shape[2]), len(self._names)
        room = KEPT if scrolls else capacity(side, width, height, between=HEADED if num_classes > 1 else GAP)
        numbers = list(range(self._num)) if self._num <= room else sorted(list(self._tiles)[-room:])
        tiles = [self._tiles.get(number, blank(shape, colour=colour)) for number in numbers]
        if num_classes <= 1:
            return picture(tiles, *columns_and_zoom(len(tiles), side, width, height), width, colour=colour)
        columns, zoom = columns_and_zoom(len(tiles), side, width, height - 1, multiple=num_classes)
        if columns % num_classes == 0 and len(tiles) == self._num:
            over = headings(self._names, columns, shape[2] * zoom + GAP, width)
            return [over, *picture(tiles, columns, zoom, width, colour=colour)]
        columns, zoom = columns_and_zoom(len(tiles), side, width, height, between=HEADED)
        names = [self._names[number % num_classes] for number in numbers]
        return named_rows(tiles, names, columns, zoom, width, colour=colour)


def _files(folder: Path) -> list[str]:
    """Paths of the images that have their final names; none where there is no folder yet."""
    try:
        with os.scandir(folder) as classes:
            inside = [entry.path for entry in classes if entry.is_dir()]
        return [entry.path for where in inside for entry in os.scandir(where) if _is_image(entry.name)]
    except OSError:
        return []


def _is_image(name: str) -> bool:
    stem, _, suffix = name.partition(".")
    return suffix == "png" and stem.isascii() and stem.isdigit() and len(stem) < 12


def _decode(path: Path) -> Tile | None:
    """A file as a tile; None if it is not an image, or too large a one."""
    try:
        with os.fdopen(open_foreign(path), "rb") as file, Image.open(file) as image:
            if image.width * image.height > LARGEST:
                return None
            image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
            pixels = np.asarray(image.convert("L" if image.mode in ("L", "1") else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
