"""Which theme is in use, and how another one comes into use while the app runs."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.theme import Theme

from workbench.tui.look import palette
from workbench.tui.look.themes import DARK, LIGHT, SIXTEEN, THEMES, Palette
from workbench.tui.settings import Settings
from workbench.tui.settings.read import AUTO
from workbench.tui.widgets.cells import Painted

FEW_COLOURS = ("standard", "windows")
"""Colour systems of sixteen colours, as Rich calls them."""


@runtime_checkable
class Recoloured(Protocol):
    """A screen or widget that keeps something in colours, and makes it anew when the theme changes."""

    def recolour(self) -> None:
        """Make anew what has colours."""
        ...


def pictures_in_colour(app: App[Any]) -> bool:
    """Whether brightness can be told by colours; with sixteen of them, or none, characters tell it."""
    return not app.no_color and app.console.color_system not in (None, *FEW_COLOURS)


def choose_theme(settings: Settings, remembered: object, colour_system: str | None) -> Palette:
    """The theme to begin with.

    Args:
        settings: what the user set; a theme named there is taken.
        remembered: the name of the theme that the app was left with.
        colour_system: what the terminal can show, as Rich calls it.
    """
    known = {**THEMES, **settings.themes}
    if settings.theme is not None and settings.theme != AUTO:
        return known[settings.theme]
    if colour_system in FEW_COLOURS:
        return SIXTEEN
    if settings.theme is None and isinstance(remembered, str):
        return known.get(remembered, DARK)
    return DARK


def next_theme(own: Mapping[str, Palette], colour_system: str | None) -> Palette:
    """The theme after the one in use; sixteen colours are offered where the terminal has no more."""
    few = [SIXTEEN] if colour_system in FEW_COLOURS else []
    themes = [*few, DARK, LIGHT, *own.values()]
    names = [theme.name for theme in themes]
    now = palette.in_use().name
    return themes[(names.index(now) + 1) % len(themes)] if now in names else themes[0]


def dress(app: App[Any], theme: Palette) -> None:
    """Bring a theme into use; what was painted already keeps its colours until ``recolour``."""
    palette.use(theme)
    app.register_theme(textual_theme(theme))
    app.theme = textual_theme(theme).name


def recolour(app: App[Any]) -> None:
    """Paint every screen anew."""
    for screen in app.screen_stack:
        for widget in screen.walk_children(with_self=True):
            if isinstance(widget, Painted):
                widget.repaint()
            if isinstance(widget, Recoloured):
                widget.recolour()


def textual_theme(theme: Palette) -> Theme:
    """A theme of ours for Textual's own widgets and the style sheets; ``$frame`` is the colour of lines."""
    colours = theme.colours
    return Theme(
        name=f"workbench-{theme.name}",
        primary=colours[palette.ACCENT],
        secondary=colours[palette.MUTED],
        warning=colours[palette.WARNING],
        error=colours[palette.CATASTROPHIC],
        success=colours[palette.GOOD],
        accent=colours[palette.ACCENT],
        foreground=colours[palette.TEXT],
        background=colours[palette.BACKGROUND],
        surface=colours[palette.SURFACE],
        panel=colours[palette.SURFACE],
        dark=theme.dark,
        variables={"frame": colours[palette.FRAME]},
    )
