"""The settings file: where it is and what it says. Nothing is loaded for a file that is not there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from trainers.errors import WorkbenchError
from workbench.tui.look.themes import THEMES, Palette

CONFIG_VARIABLE = "WORKBENCH_CONFIG"
LARGEST = 1_000_000
"""Bytes that a settings file may have."""

AUTO = "auto"
"""The theme "sixteen" where the terminal has 16 colours, else "dark"."""

Choice = Literal["auto", "half-cells", "kitty", "sixel"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
"""How images are drawn: as the terminal is known to draw them itself, or as is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a settings file says.

    Attributes:
        theme: name of a theme, or "auto"; None where the file does not choose one.
        themes: themes of the user's own, by name.
        images: how images are drawn.
        keymap: keys by ``SCOPE.NAME``, separated by commas, as Textual spells them.
    """

    theme: str | None = None
    themes: Mapping[str, Palette] = field(default_factory=dict)
    images: Choice = "auto"
    keymap: Mapping[str, str] = field(default_factory=dict)


def settings_path() -> Path:
    """The user's settings file; ``WORKBENCH_CONFIG`` names another."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_config_path

    return user_config_path("workbench") / "settings.toml"


def read_settings(path: Path) -> Settings:
    """What the file says; the defaults where there is none.

    Raises:
        WorkbenchError: it says something that means nothing, or cannot be read; one line says what and where.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise WorkbenchError(f"cannot read the settings {path} ({error.strerror or error})") from None
    try:
        return parse_settings(content)
    except WorkbenchError as error:
        raise WorkbenchError(f"{path}: {error}") from None


def parse_settings(content: bytes) -> Settings:
    """The settings that a file's bytes hold.

    Raises:
        WorkbenchError: they hold something that means nothing.
    """
    import tomllib

    if len(content) > LARGEST:
        raise WorkbenchError(f"a settings file has at most {LARGEST:,} bytes")
    try:
        table = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise WorkbenchError("not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WorkbenchError(f"not TOML: {error}") from None
    unknown = sorted(table.keys() - {"theme", "themes", "images", "keys"})
    if unknown:
        raise WorkbenchError(f"{unknown[0]!r} is no setting; there are theme, themes, images and keys")
    themes = _themes(table.get("themes", {}))
    keymap = _keymap(table["keys"]) if "keys" in table else {}
    images = _images(table.get("images", "auto"))
    return Settings(theme=_theme(table.get("theme"), themes), themes=themes, images=images, keymap=keymap)


def _themes(value: object) -> dict[str, Palette]:
    if not value and isinstance(value, dict):
        return {}
    from workbench.tui.settings.colours import parse_themes

    return parse_themes(value)


def _keymap(value: object) -> dict[str, str]:
    from workbench.tui.settings.keys import parse_keys

    return parse_keys(value)


def _images(value: object) -> Choice:
    for choice in CHOICES:
        if value == choice:
            return choice
    raise WorkbenchError(f"images {value!r} is not known; there are {', '.join(CHOICES)}")


def _theme(value: object, themes: Mapping[str, Palette]) -> str | None:
    known = (AUTO, *THEMES, *themes)
    if value is None or (isinstance(value, str) and value in known):
        return value
    raise WorkbenchError(f"theme {value!r} is not known; there are {', '.join(known)}")
