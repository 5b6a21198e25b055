"""Colours by what they stand for, and the styles made of them in the theme that is in use.

Hues of the built-in themes are Okabe and Ito's, which people with any colour vision tell apart. No colour carries
meaning alone: every series also has its marker and its name, every flag its symbol.
"""

import math
from functools import lru_cache
from itertools import pairwise

from rich.color import Color
from rich.style import Style

from workbench.tui.look.themes import DARK, Palette

BACKGROUND = "background"
SURFACE = "surface"
TEXT = "text"
MUTED = "muted"
FAINT = "faint"
FRAME = "frame"
GOOD = "good"
WARNING = "warning"
CURSOR = "cursor"
ACCENT = "accent"

CLEAN = "clean"
FGSM = "fgsm"
PGD = "pgd"
TRAIN = "train"
CATASTROPHIC = "catastrophic"
ROBUST = "robust"

BARS = "bars"
GHOST = "ghost"
BOX = "box"

SERIES = ("series1", "series2", "series3", "series4", "series5", "series6", "series7")
"""Things of one kind that are told apart, such as runs or classes."""

LEVELS = 32
"""Steps of the heat map's scale."""

SHADES = " ░▒▓█"
"""The same scale where there are no colours."""

_in_use = DARK


def use(theme: Palette) -> None:
    """Make every style from now on of this theme's colours; what was painted before must be painted anew."""
    global _in_use  # noqa: PLW0603 - one terminal has one theme
    _in_use = theme
    style.cache_clear()
    faded.cache_clear()
    heat.cache_clear()


def in_use() -> Palette:
    """The theme in use."""
    return _in_use


def colour(name: str) -> str:
    """What a name of this module stands for in the theme in use, as ``#rrggbb``; other colours as they are."""
    return _in_use.colours.get(name, name)


@lru_cache(maxsize=64)
def faded(name: str) -> str:
    """A colour halfway to the background, as ``#rrggbb``: what stands behind a line of that colour."""
    return blend(colour(BACKGROUND), colour(name), 0.45)


@lru_cache(maxsize=4096)
def style(
    color: str | None = None, background: str | None = None, *, bold: bool = False, reverse: bool = False
) -> Style:
    """A style of the theme in use, made once."""
    return Style(
        color=None if color is None else colour(color),
        bgcolor=None if background is None else colour(background),
        bold=bold or None,
        reverse=reverse or None,
    )


@lru_cache(maxsize=LEVELS)
def heat(level: int) -> str:
    """The colour of a level of the heat map, 0 (nothing: the background) to LEVELS - 1; lightness is monotonic."""
    if level <= 0:
        return colour(BACKGROUND)
    at = (level - 1) / (LEVELS - 2)
    for (low, start), (high, end) in pairwise(_in_use.scale):
        if at <= high:
            return blend(start, end, (at - low) / (high - low))
    return _in_use.scale[-1][1]


def shade(level: int) -> str:
    """The character of a level of the heat map where there are no colours."""
    return SHADES[math.ceil(level * (len(SHADES) - 1) / (LEVELS - 1))]


def blend(start: str, end: str, share: float) -> str:
    """The colour between two of ``#rrggbb``: the first at 0, the second at 1."""
    pair = zip(Color.parse(start).get_truecolor(), Color.parse(end).get_truecolor(), strict=True)
    red, green, blue = (round(a + (b - a) * share) for a, b in pair)
    return f"#{red:02x}{green:02x}{blue:02x}"
