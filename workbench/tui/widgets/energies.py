"""Natural against adversarial energies, and energies against joint energies: where the samples of an epoch lie."""

import math
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.facts.glance import SAMPLES_OF, Split
from workbench.tui.keys.energies import ENERGIES_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, percent, plain
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.plane import (
    HUES,
    MARKS,
    Frame,
    frame_of,
    paint_densities,
    paint_diagonal,
    paint_frame,
    paint_marginals,
)

if TYPE_CHECKING:
    from workbench.analysis.density import Density
    from workbench.tui.facts.energy_plane import EnergyPlanes, Planes
    from workbench.tui.facts.source import View

PICTURES = {
    "pair": (("E(x*) against E(x)", "E(x*), E(x)"), ("E(x)", "E(x*)"), 1),
    "joint": (("E(x,y) against E(x), of x and x*", "E(x,y) against E(x)", "E(x,y), E(x)"), ("E(x)", "E(x,y)"), 2),
}
"""Titles, longest first, names of the axes, and how many clouds each picture has."""

CHOICES = (("pair", "joint"), ("pair",), ("joint",))
"""What ``m`` goes through; the first where both fit."""

BOTH_FIT = 110
"""Columns from which on both pictures stand side by side."""

WORDS = 2
"""Lines of words under the pictures."""


class Energies(Painted, can_focus=True):
    """Densities of the epoch under the cursor, on axes that stay the same for all epochs."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(ENERGIES_KEYS)

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="energies", classes="pane")
        self._view: View | None = None
        self._epoch = 0
        self._choice = 0
        self._fitted = False
        self._read: dict[Split, EnergyPlanes] = {}
        self._shown: Planes | None = None
        self._background = Background(self, self._step, self.repaint)

    @property
    def ready(self) -> bool:
        """Whether what is wanted is read."""
        return self._view is not None and self._background.idle

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``; its energies are read in a thread."""
        from workbench.tui.facts.energy_plane import EnergyPlanes

        known = self._read.get(view.split)
        if known is None or not known.is_of(view):
            self._read[view.split] = EnergyPlanes(view)
            self._shown = None
        elif self._view is not None and self._view.split != view.split:
            self._shown = None
        self._view, self._epoch = view, epoch
        self._look()

    def on_resize(self) -> None:
        """Count on another grid."""
        self._look()

    def action_picture(self) -> None:
        """Show the next picture."""
        if self.content_size.width >= BOTH_FIT:
            self._choice = (self._choice + 1) % len(CHOICES)
        else:
            self._choice = 1 if CHOICES[self._choice][0] == "joint" else 2
        self._look()

    def action_fit(self) -> None:
        """Axes of this epoch alone, or of the whole run."""
        self._fitted = not self._fitted
        self._look()

    def paint(self, sheet: Cells) -> None:
        """The pictures side by side, and what they say in words."""
        view, source = self._view, self._source
        frames = self._frames(sheet.width, sheet.height)
        if view is None or source is None or not frames:
            return
        planes = source.planes() or self._shown
        if planes is not None and dict(planes.wanted.shapes) != {name: frame.shape for name, frame in frames.items()}:
            planes = None
        self._shown = planes
        middle = (sheet.width // 2, sheet.height // 2)
        problem = source.problem or self._background.problem
        if planes is None:
            words = problem or ("reading …" if view.num_epochs else "no epoch is committed yet")
            sheet.write_centred(*middle, plain(words, sheet.width - 2), style(palette.MUTED))
            return
        for name, frame in frames.items():
            self._paint_picture(sheet, frame, name, planes)
        samples = SAMPLES_OF[view.split]
        _tell(sheet, planes, frames, samples, colours=pictures_in_colour(self.app))
        if problem is not None:
            sheet.write(0, sheet.height - 1, plain(problem, sheet.width), style(palette.WARNING))

    def _paint_picture(self, sheet: Cells, frame: Frame, name: str, planes: "Planes") -> None:
        titles, axes, _ = PICTURES[name]
        epoch, densities, colours = planes.wanted.epoch, planes.densities[name], pictures_in_colour(self.app)
        ranges = planes.axes.marginal, planes.axes.marginal if name == "pair" else planes.axes.joint
        paint_frame(sheet, frame, [f"{title}, epoch {epoch}" for title in titles], axes, *ranges)
        if not any(each.total for each in densities):
            at = (frame.left + frame.right) // 2, (frame.top + frame.bottom) // 2
            sheet.write_centred(*at, f"no energies recorded in epoch {epoch}", style(palette.MUTED))
            return
        strongest = paint_densities(sheet, frame, densities, colours=colours)
        paint_diagonal(sheet, frame, *ranges, strongest, colours=colours)
        paint_marginals(sheet, frame, densities)
        rows, columns = frame.shape[0] // 2, frame.shape[1]
        side = ("ΔE < 0", "ΔE > 0") if name == "pair" else ("", "")
        for words, x, row in ((side[0], 1, 0), (side[1], columns - 7, rows - 1)):
            free = columns > 30 and rows > 6 and not strongest[row, x : x + len(words)].any()
            if words and free:
                sheet.write(frame.left + 1 + x, frame.top + 1 + row, words, style(palette.MUTED))

    def _look(self) -> None:
        """Want what fits now."""
        from workbench.tui.facts.energy_plane import Wanted

        frames = self._frames(self.content_size.width, self.content_size.height)
        if self._view is None or self._source is None:
            return
        shapes = tuple((name, frame.shape) for name, frame in frames.items())
        self._source.look(self._view, Wanted(self._epoch, shapes, fitted=self._fitted))
        self._background.wake()
        self.repaint()

    def _frames(self, width: int, height: int) -> dict[str, Frame]:
        """Where each picture stands; none where there is no room."""
        names = CHOICES[self._choice]
        if width < BOTH_FIT:
            names = names[:1]
        room = height - WORDS
        if width < 24 or room < 6:
            return {}
        share = width // len(names)
        clouds = [PICTURES[name][2] for name in names]
        return {name: frame_of(at * share, share, room, clouds[at], max(clouds)) for at, name in enumerate(names)}

    @property
    def _source(self) -> "EnergyPlanes | None":
        return self._read.get(self._view.split) if self._view is not None else None

    def _step(self) -> bool | None:
        """In a thread: read what is wanted."""
        return None if self._source is None else self._source.step()


def _tell(sheet: Cells, planes: "Planes", frames: dict[str, Frame], samples: str, *, colours: bool) -> None:
    """What the pictures show in words, under each of them."""
    for name, frame in frames.items():
        densities, y = planes.densities[name], frame.bottom + 2
        left, room = frame.left - 6, frame.right + frame.clouds * frame.beside - frame.left + 6
        x = left
        for place, words in enumerate(("x", "x*") if frame.clouds > 1 else ()):
            x = sheet.write(x, y, "█ " if colours else f"{MARKS[place][-1]} ", style(HUES[place]))
            x = sheet.write(x, y, f"{words}  ", style(palette.TEXT))
        if frame.clouds > 1 and not colours:
            x = sheet.write(x, y, f"{MARKS[2]} both  ", style(palette.TEXT))
        first, *seconds = (_pair if name == "pair" else _joint)(planes, densities)
        counted = f"{densities[0].total:,} {samples}"
        words = _fitting(room - (x - left), f"{counted} samples  {first}", f"{counted}  {first}")
        sheet.write(x, y, words, style(palette.MUTED))
        sheet.write(left, y + 1, _fitting(room, *seconds), style(palette.MUTED))


def _fitting(room: int, *words: str) -> str:
    """The first of several wordings, longest first, that there is room for."""
    return next((each for each in words if len(each) <= room), plain(words[-1], room))


def _pair(planes: "Planes", densities: "tuple[Density, ...]") -> tuple[str, ...]:
    """On E(x) and E(x*)."""
    pair = densities[0]
    return (
        f"ΔE > 0 in {percent(planes.positive)}",
        f"correlation {_correlation(pair)}  {_beyond(densities)}",
    )


def _joint(planes: "Planes", densities: "tuple[Density, ...]") -> tuple[str, ...]:
    """On E(x) and E(x,y): their difference is the cross-entropy, 0 on the diagonal."""
    wrong, entropy = (
        " / ".join(map(show, pair)) for show, pair in ((percent, planes.wrong), (number, planes.cross_entropy))
    )
    return (
        f"wrong {wrong}",
        f"dotted: cross-entropy 0; median {entropy} nat  {_beyond(densities)}",
        f"median cross-entropy {entropy} nat  {_beyond(densities)}",
    )


def _beyond(densities: "tuple[Density, ...]") -> str:
    """How many points are not seen, and why."""
    total, outside = sum(each.total for each in densities), sum(each.outside for each in densities)
    missing = sum(each.missing for each in densities)
    words = f"{percent(outside / total if total else None)} outside"
    return f"{words}  {missing:,} without a number" if missing else words


def _correlation(each: "Density") -> str:
    return f"{each.correlation:.2f}" if math.isfinite(each.correlation) else "–"
