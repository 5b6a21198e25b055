"""Themes of the user's own: a built-in one, and the colours that differ."""

import re

from trainers.errors import WorkbenchError
from workbench.tui.look.themes import THEMES, Palette, Stop

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def parse_themes(value: object) -> dict[str, Palette]:
    """The themes of ``[themes.NAME]``.

    Raises:
        WorkbenchError: an unknown name, or something that is no colour.
    """
    if not isinstance(value, dict):
        raise WorkbenchError("themes is a table: [themes.NAME]")
    return {name: _parse(name, colours) for name, colours in value.items()}


def _parse(name: str, value: object) -> Palette:
    where = f"themes.{name}"
    if not _NAME.fullmatch(name) or name in (*THEMES, "auto"):
        raise WorkbenchError(f"{where}: a theme of your own has another name, of a-z, 0-9 and -")
    if not isinstance(value, dict):
        raise WorkbenchError(f"{where} is a table of colours")
    base = value.get("base", "dark")
    if base not in THEMES:
        raise WorkbenchError(f"{where}.base: {base!r} is not known; there are {', '.join(THEMES)}")
    colours, scale = dict(THEMES[base].colours), THEMES[base].scale
    for key, text in value.items():
        if key == "scale":
            scale = _scale(where, text)
        elif key in colours:
            colours[key] = _colour(f"{where}.{key}", text)
        elif key != "base":
            raise WorkbenchError(f"{where}: {key!r} is no colour; there are {', '.join(colours)} and scale")
    return Palette(name=name, dark=_is_dark(colours["background"]), colours=colours, scale=scale)


def _scale(where: str, value: object) -> tuple[Stop, ...]:
    if not isinstance(value, list) or not 2 <= len(value) <= 32:
        raise WorkbenchError(f"{where}.scale is a list of 2 to 32 colours, from few samples to many")
    return tuple((at / (len(value) - 1), _colour(f"{where}.scale", text)) for at, text in enumerate(value))


def _colour(where: str, value: object) -> str:
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise WorkbenchError(f"{where}: {value!r} is no colour; write #rrggbb")
    return value.lower()


def _is_dark(colour: str) -> bool:
    return sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) < 3 * 128
