"""The looks in which every screen is pictured: two sizes, dark, light and without colours.

A test of a screen is ``@every_look`` and calls ``pictured``; after a change that is meant, run it with
``--snapshot-update``, and look at the pictures.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from workbench.tui.look.themes import DARK, LIGHT, Palette


class Look(NamedTuple):
    """A terminal: columns and rows, theme, and whether it has colours."""

    size: tuple[int, int]
    theme: Palette
    colours: bool = True


SIZES = {"80x24": (80, 24), "160x48": (160, 48)}
LOOKS = {
    f"{size}-{name}": Look(SIZES[size], theme, colours)
    for size in SIZES
    for name, theme, colours in (("dark", DARK, True), ("light", LIGHT, True), ("no-color", DARK, False))
}

SnapCompare = Callable[..., bool]

every_look = pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
