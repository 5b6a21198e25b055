"""Colours, for a dark background. Hues are Okabe and Ito's, which people with any colour vision tell apart.

No colour carries meaning alone: every series also has its marker and its name, every flag its symbol.
"""

from functools import lru_cache
from itertools import pairwise

from rich.color import Color
from rich.style import Style

BACKGROUND = "#0d1117"
SURFACE = "#161b22"
TEXT = "#d7dde5"
MUTED = "#8b96a5"
FAINT = "#465160"
FRAME = "#303946"
GOOD = "#2fbf8f"
WARNING = "#e69f00"
CURSOR = "#f5f8fc"
ACCENT = "#56b4e9"

CLEAN = "#56b4e9"
FGSM = "#e69f00"
PGD = "#2fbf8f"
TRAIN = "#9aa7b8"
CATASTROPHIC = "#ff6e4a"
ROBUST = "#e08cc0"

BARS = "#4fa3d9"
GHOST = "#33424f"
BOX = "#f0e442"

LEVELS = 32
"""Steps of the heat map's scale."""

_VIRIDIS = (
    (0.00, "#1f1147"),
    (0.12, "#3b2a76"),
    (0.25, "#3b528b"),
    (0.40, "#2c728e"),
    (0.55, "#21918c"),
    (0.70, "#28ae80"),
    (0.82, "#5ec962"),
    (0.92, "#addc30"),
    (1.00, "#fde725"),
)
SHADES = " ░▒▓█"
"""The same scale where there are no colours."""


@lru_cache(maxsize=4096)
def style(
    color: str | None = None, background: str | None = None, *, bold: bool = False, reverse: bool = False
) -> Style:
    """A style, made once."""
    return Style(color=color, bgcolor=background, bold=bold or None, reverse=reverse or None)


@lru_cache(maxsize=LEVELS)
def heat(level: int) -> str:
    """The colour of a level of the heat map, 0 (nothing: the background) to LEVELS - 1; lightness rises throughout."""
    if level <= 0:
        return BACKGROUND
    at = (level - 1) / (LEVELS - 2)
    for (low, start), (high, end) in pairwise(_VIRIDIS):
        if at <= high:
            return _blend(start, end, (at - low) / (high - low))
    return _VIRIDIS[-1][1]


def _blend(start: str, end: str, share: float) -> str:
    pair = zip(Color.parse(start).get_truecolor(), Color.parse(end).get_truecolor(), strict=True)
    red, green, blue = (round(a + (b - a) * share) for a, b in pair)
    return f"#{red:02x}{green:02x}{blue:02x}"
