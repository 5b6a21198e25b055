"""What a screen shows now, for what is done with it everywhere: copied, pictured, exported, jumped to."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from rich.segment import Segment
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.facts.numbers import Table


class Seen(NamedTuple):
    """What a screen shows.

    Attributes:
        title: of what is open, for people.
        stem: name of files made of it, without suffix, such as "fgsm-histogram-22".
        widgets: that show it, without header and footer.
        table: the numbers behind it; None where there are none.
        runs: what a report on it is about.
    """

    title: str
    stem: str
    widgets: Sequence[Widget]
    table: Table | None = None
    runs: Sequence[Path] = ()


@runtime_checkable
class Shows(Protocol):
    """A screen that says what it shows."""

    def seen(self) -> Seen:
        """What it shows now."""
        ...


@runtime_checkable
class Copied(Protocol):
    """A widget that holds more text than is seen of it."""

    def copied(self) -> str:
        """All of it."""
        ...


class Target(NamedTuple):
    """Something on the screen that can be jumped to.

    Attributes:
        place: where it is on the screen; its letter stands at the upper left.
        act: goes there.
    """

    place: Region
    act: Callable[[], object]


@runtime_checkable
class HasTargets(Protocol):
    """A widget with more to jump to than itself and what can be clicked in it, such as the rows of a list."""

    def targets(self) -> Sequence[Target]:
        """What of it is seen, in the screen's coordinates."""
        ...


def seen_on(screen: Screen[Any]) -> Seen:
    """What a screen shows."""
    return screen.seen() if isinstance(screen, Shows) else Seen("Screen", "workbench", (screen,))


def strips_of(screen: Screen[Any]) -> list[Strip]:
    """What the terminal shows, line by line."""
    width, height = screen.app.size
    strips = screen._compositor.render_strips()[:height]
    return [strip.crop(0, width) for strip in strips]


def text_of(screen: Screen[Any], widget: Widget) -> str:
    """The text of a widget: all there is if it can tell, else what is seen of it."""
    if isinstance(widget, Copied):
        return widget.copied()
    x, y, width, height = widget.region
    lines = strips_of(screen)[max(y, 0) : max(y + height, 0)]
    return "\n".join(line.crop(max(x, 0), max(x + width, 0)).text.rstrip() for line in lines)


def clickable_spans(strips: Sequence[Strip]) -> list[tuple[Region, str]]:
    """Where text runs an action when it is clicked, and the action; neighbours with one action are one."""
    spans: list[tuple[Region, str]] = []
    for y, strip in enumerate(strips):
        x, last = 0, ""
        for segment in strip:
            action = _action(segment)
            if action and action == last:
                place = spans[-1][0]
                spans[-1] = place._replace(width=place.width + segment.cell_length), action
            elif action:
                spans.append((Region(x, y, segment.cell_length, 1), action))
            x, last = x + segment.cell_length, action
    return spans


def _action(segment: Segment) -> str:
    action = segment.style.meta.get("@click") if segment.style is not None else None
    return action if isinstance(action, str) else ""
