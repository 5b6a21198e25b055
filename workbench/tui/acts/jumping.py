"""Jump mode: what on the screen can be jumped to, and the letters for it."""

from collections.abc import Sequence
from functools import partial
from itertools import islice, product
from typing import Any

from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from workbench.tui.acts.seen import HasTargets, Target, clickable_spans, strips_of

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""From those under the fingers to those that are far."""


def labels(count: int) -> list[str]:
    """A letter for each of so many targets, or two letters for all of them; none begins with another."""
    if count <= len(LETTERS):
        return list(LETTERS[:count])
    return ["".join(pair) for pair in islice(product(LETTERS, repeat=2), count)]


def targets_on(screen: Screen[Any]) -> list[Target]:
    """Everything that is seen and can be gone to: what can be clicked, what can have the focus, rows of lists."""
    found = [Target(place, partial(_act, screen, action)) for place, action in clickable_spans(strips_of(screen))]
    whole = Region(0, 0, *screen.app.size)
    for widget in screen.walk_children(Widget):
        if not widget.display or not widget.is_on_screen or not widget.region.overlaps(whole):
            continue
        if isinstance(widget, HasTargets):
            found += [target for target in widget.targets() if whole.contains_region(target.place)]
        elif widget.can_focus and widget is not screen.focused:
            found.append(Target(widget.region, widget.focus))
    if isinstance(screen, HasTargets):
        found += screen.targets()
    places = {target.place.offset: target for target in reversed(found)}
    return sorted(places.values(), key=lambda target: (target.place.y, target.place.x))


async def _act(screen: Screen[Any], action: str) -> None:
    await screen.run_action(action)


def under(targets: Sequence[Target], typed: str) -> list[tuple[str, Target]]:
    """The targets whose letters begin with what was typed, with the letters that are left to type."""
    named = zip(labels(len(targets)), targets, strict=True)
    return [(label[len(typed) :], target) for label, target in named if label.startswith(typed)]
