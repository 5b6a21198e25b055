"""Whether the terminal draws images itself, and how large its cells are.

The terminal is never asked: Textual reads all that it answers, and one that does not answer would hold up the app.
"""

import fcntl
import struct
import sys
import termios
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from textual.app import App

from trainers.errors import WorkbenchError
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.settings.read import Choice

Language = Literal["kitty", "sixel"]
"""In which a terminal is told what to draw: Kitty's graphics protocol, or DEC's Sixel."""

BY_TERM: Mapping[str, Language] = {
    "xterm-kitty": "kitty",
    "xterm-ghostty": "kitty",
    "foot": "sixel",
    "foot-extra": "sixel",
    "mlterm": "sixel",
}
BY_PROGRAM: Mapping[str, Language] = {"ghostty": "kitty", "iTerm.app": "sixel"}
"""Terminals by ``TERM``, and by ``TERM_PROGRAM`` of those whose ``TERM`` is that of others."""

MULTIPLEXERS = ("screen", "tmux")
VT340 = (10, 20)
"""Pixels of a cell where the kernel does not know them: those of the terminal that Sixel was made for."""


class Graphics(NamedTuple):
    """How a terminal draws images.

    Attributes:
        language: what it is told in.
        cell: pixels of a character, (width, height).
    """

    language: Language
    cell: tuple[int, int]


@runtime_checkable
class Draws(Protocol):
    """An app that knows how its terminal draws images.

    Attributes:
        image_language: what it is told in; None for half cells.
    """

    image_language: Language | None


def language_of(choice: Choice, environment: Mapping[str, str]) -> Language | None:
    """What a terminal is told in; None for half cells.

    Args:
        choice: what the settings say; "auto" is what the terminal is known to understand, outside of tmux and screen.
        environment: variables of the process.

    Raises:
        WorkbenchError: what was chosen cannot be had here.
    """
    multiplexed = "TMUX" in environment or environment.get("TERM", "").startswith(MULTIPLEXERS)
    if choice == "half-cells":
        return None
    if choice == "auto":
        known = BY_TERM.get(environment.get("TERM", "")) or BY_PROGRAM.get(environment.get("TERM_PROGRAM", ""))
        return None if multiplexed or (known == "sixel" and not _encodes_sixel()) else known
    if choice == "kitty" and multiplexed:
        raise WorkbenchError('images = "kitty" does not reach through tmux or screen; images are drawn in half cells')
    if choice == "sixel" and not _encodes_sixel():
        raise WorkbenchError('images = "sixel" needs an extra: pip install "workbench[images]"; half cells until then')
    return choice


def graphics_of(app: App[Any]) -> Graphics | None:
    """How the terminal of an app draws images; None for half cells: in a browser, without colours or with sixteen."""
    language = app.image_language if isinstance(app, Draws) else None
    return None if language is None or app.is_web or not pictures_in_colour(app) else Graphics(language, cell_size())


def cell_size() -> tuple[int, int]:
    """Pixels of a character, (width, height), as the terminal told the kernel."""
    try:
        stream = sys.__stderr__  # where Textual writes
        answer = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8)) if stream is not None else bytes(8)
    except (OSError, ValueError):
        return VT340
    rows, columns, width, height = struct.unpack("4H", answer)
    if not rows or not columns or width < columns or height < rows:
        return VT340
    return width // columns, height // rows


def _encodes_sixel() -> bool:
    return find_spec("textual_image") is not None
