"""The frame that every plot has: a thin box with its title in the top edge, labels outside."""

from collections.abc import Callable

from rich.cells import cell_len
from rich.style import Style

from workbench.tui.facts.glance import SAMPLES_OF, Split
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import plain, shorten

LEFT = 7
"""Columns left of a plot's box, for the labels of its upright axis."""

RIGHT = 10
"""Columns right of the box of a plot over epochs, for its legend; the same for all, so that their epochs line up."""

Put = Callable[[int, int, str, Style], None]
"""Sets the cell at (x, y)."""


def draw_box(put: Put, left: int, top: int, right: int, bottom: int, *titles: str) -> None:
    """Draw a box whose edges lie on the given columns and rows (inclusive), with a title in its top edge.

    Of several titles, longest first, the first that fits is taken.
    """
    look = style(palette.FRAME)
    for x in range(left + 1, right):
        put(x, top, "─", look)
        put(x, bottom, "─", look)
    for y in range(top + 1, bottom):
        put(left, y, "│", look)
        put(right, y, "│", look)
    for x, y, corner in ((left, top, "┌"), (right, top, "┐"), (left, bottom, "└"), (right, bottom, "┘")):
        put(x, y, corner, look)
    room = right - left - 5
    title = next((title for title in titles if cell_len(title) <= room), titles[-1])
    if room >= 4:
        for offset, char in enumerate(f" {shorten(title, room)} "):
            put(left + 2 + offset, top, char, style(palette.TEXT))


def plot_titles(split: Split, attack: str | None, when: str) -> tuple[str, ...]:
    """What a plot of ΔE shows, in ever fewer words."""
    samples = SAMPLES_OF[split]
    attack = plain(attack, 16) if attack else None
    return (
        f"ΔE of {samples} samples" + (f" under {attack}, {when}" if attack else f", {when}"),
        f"ΔE {split}" + (f", {attack}, {when}" if attack else f", {when}"),
        f"ΔE {split}, {when}",
        f"ΔE {when}",
    )
