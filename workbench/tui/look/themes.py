"""The built-in themes: what colour each name of the palette has."""

from collections.abc import Mapping
from typing import NamedTuple

Stop = tuple[float, str]


class Palette(NamedTuple):
    """A theme.

    Attributes:
        name: as users choose it.
        dark: whether its background is dark.
        colours: ``#rrggbb`` of every name in ``palette``.
        scale: the heat map from few to many: places in [0, 1], rising, and their colours.
    """

    name: str
    dark: bool
    colours: Mapping[str, str]
    scale: tuple[Stop, ...]


DARK = Palette(
    name="dark",
    dark=True,
    colours={
        "background": "#0d1117",
        "surface": "#161b22",
        "text": "#d7dde5",
        "muted": "#8b96a5",
        "faint": "#606c7b",
        "frame": "#566271",
        "good": "#2fbf8f",
        "warning": "#e69f00",
        "cursor": "#f5f8fc",
        "accent": "#56b4e9",
        "clean": "#56b4e9",
        "fgsm": "#e69f00",
        "pgd": "#2fbf8f",
        "train": "#9aa7b8",
        "catastrophic": "#ff6e4a",
        "robust": "#e08cc0",
        "bars": "#4fa3d9",
        "ghost": "#33424f",
        "box": "#f0e442",
        "series1": "#56b4e9",
        "series2": "#e69f00",
        "series3": "#2fbf8f",
        "series4": "#e08cc0",
        "series5": "#f0e442",
        "series6": "#ff6e4a",
        "series7": "#76828f",
    },
    scale=(
        (0.00, "#1f1147"),
        (0.12, "#3b2a76"),
        (0.25, "#3b528b"),
        (0.40, "#2c728e"),
        (0.55, "#21918c"),
        (0.70, "#28ae80"),
        (0.82, "#5ec962"),
        (0.92, "#addc30"),
        (1.00, "#fde725"),
    ),
)

LIGHT = Palette(
    name="light",
    dark=False,
    colours={
        "background": "#fbfbf8",
        "surface": "#eeeee8",
        "text": "#1f2328",
        "muted": "#59636e",
        "faint": "#7f8892",
        "frame": "#8a929a",
        "good": "#00785a",
        "warning": "#8b5d00",
        "cursor": "#000000",
        "accent": "#0969b5",
        "clean": "#0969b5",
        "fgsm": "#a35f00",
        "pgd": "#007a5a",
        "train": "#66717d",
        "catastrophic": "#c43c0c",
        "robust": "#a8487f",
        "bars": "#3f8fc9",
        "ghost": "#cdd6de",
        "box": "#846800",
        "series1": "#0969b5",
        "series2": "#a35f00",
        "series3": "#007a5a",
        "series4": "#a8487f",
        "series5": "#6b5400",
        "series6": "#7a1500",
        "series7": "#3d4650",
    },
    scale=(
        (0.00, "#e3edc8"),
        (0.15, "#c3e0a8"),
        (0.30, "#8fcf97"),
        (0.45, "#55b795"),
        (0.60, "#2f9a96"),
        (0.75, "#2f7690"),
        (0.88, "#3b4f86"),
        (1.00, "#3b1f6b"),
    ),
)

SIXTEEN = Palette(
    name="sixteen",
    dark=True,
    colours={
        "background": "#000000",
        "surface": "#000000",
        "text": "#ffffff",
        "muted": "#aaaaaa",
        "faint": "#aaaaaa",
        "frame": "#aaaaaa",
        "good": "#55ff55",
        "warning": "#ffff55",
        "cursor": "#ffffff",
        "accent": "#55ffff",
        "clean": "#55ffff",
        "fgsm": "#ffff55",
        "pgd": "#00aa00",
        "train": "#aaaaaa",
        "catastrophic": "#ff5555",
        "robust": "#ff55ff",
        "bars": "#5555ff",
        "ghost": "#555555",
        "box": "#ffff55",
        "series1": "#55ffff",
        "series2": "#ffff55",
        "series3": "#00aa00",
        "series4": "#ff55ff",
        "series5": "#ffffff",
        "series6": "#ff5555",
        "series7": "#aaaaaa",
    },
    scale=((0.0, "#0000aa"), (0.3, "#00aaaa"), (0.6, "#00aa00"), (0.85, "#ffff55"), (1.0, "#ffffff")),
)
"""Exactly the sixteen colours that every terminal has, so that none is rounded to another."""

THEMES = {theme.name: theme for theme in (DARK, LIGHT, SIXTEEN)}
