"""Curves of several runs on one axis. Imported when they are first shown: it loads textual-plot."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import RenderResult
from textual.events import Leave, MouseMove
from textual.message import Message
from textual_hires_canvas import HiResMode

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import number, percent, shorten
from workbench.tui.plots.scales import LINEAR, Axis
from workbench.tui.plots.series import decimate, drawable, unbroken
from workbench.tui.plots.smoothing import running_median
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.layers import BarePlot, Place
from workbench.tui.widgets.plot import SMALLEST
from workbench.tui.widgets.upright import PAD, row_of


class Mark(NamedTuple):
    """What tells a curve from the others: a colour of the palette, and a symbol for those who do not see it."""

    colour: str
    symbol: str


SYMBOLS = ("●", "■", "◆", "▼", "○", "□", "◇", "▽")
"""Of curves; ▲ stands for onsets. One more than there are colours, so that pairs do not soon repeat."""


def mark_of(place: int) -> Mark:
    """The mark of the curve that came ``place``-th."""
    return Mark(palette.SERIES[place % len(palette.SERIES)], SYMBOLS[place % len(SYMBOLS)])


class Track(NamedTuple):
    """One run's curve: name, mark, positions on the axis and values (E,), and where its onset is, if it has one."""

    name: str
    mark: Mark
    positions: NDArray[np.float64]
    values: NDArray[np.float64]
    onset: float | None

    def at(self, position: float) -> int | None:
        """The epoch nearest to a place on the axis; None beyond the curve's ends."""
        if not len(self.positions) or not self.positions[0] - 0.5 <= position <= self.positions[-1] + 0.5:
            return None
        return int(np.argmin(np.abs(self.positions - position)))

    @property
    def colour(self) -> str:
        """Of its mark."""
        return self.mark.colour

    def same_as(self, other: "Track") -> bool:
        """Whether the two look the same."""
        same = (self.name, self.mark, self.onset) == (other.name, other.mark, other.onset)
        return (
            same
            and np.array_equal(self.positions, other.positions)
            and np.array_equal(self.values, other.values, equal_nan=True)
        )


class Pointed(Message):
    """The mouse points at a place on the axis, and each curve has a value there; or it points nowhere."""

    def __init__(self, position: float | None, values: Sequence[str]) -> None:
        super().__init__()
        self.position, self.values = position, values


class Names(Painted):
    """The names of the curves, with their marks, and the values under the pointer."""

    def __init__(self) -> None:
        super().__init__(id="names")
        self._tracks: Sequence[Track] = ()
        self._position: float | None = None
        self._values: Sequence[str] = ()

    def show(self, tracks: Sequence[Track]) -> None:
        """Show the names of curves."""
        self._tracks, self._position, self._values = tracks, None, ()
        self.repaint()

    def read_off(self, position: float | None, values: Sequence[str]) -> None:
        """Show a value beside each name; none where the pointer points nowhere."""
        self._position, self._values = position, values
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """A line each; the last says how many more there are."""
        if self._position is not None:
            sheet.write(1, 0, f"▸ {self._position:.0f}", style(palette.ACCENT, bold=True))
        room = 8 if self._values else 0
        for y, track in enumerate(self._tracks[: sheet.height - 2], 1):
            sheet.write(1, y, shorten(f"{track.mark.symbol} {track.name}", sheet.width - 1 - room), style(track.colour))
            if y <= len(self._values):
                sheet.write_right(sheet.width, y, self._values[y - 1], style(palette.TEXT))
        more = len(self._tracks) - max(0, sheet.height - 2)
        if more > 0:
            sheet.write(1, sheet.height - 1, f"and {more} more", style(palette.MUTED))


class Overlay(BarePlot, can_focus=False):
    """Curves over a common axis; the numbers of both axes stand inside the frame, the names in ``Names`` beside it."""

    def __init__(self) -> None:
        super().__init__(allow_pan_and_zoom=False, id="overlay")
        self._tracks: Sequence[Track] = ()
        self._smooth: Sequence[NDArray[np.float64]] = ()
        self._titles: tuple[str, ...] = ("",)
        self._empty = ""
        self._share = True
        self._median = 1
        self._limits = (0.0, 1.0, 0.0, 1.0)
        self._drawn_for: object = None
        self._pointer: float | None = None

    def show(
        self, tracks: Sequence[Track], titles: tuple[str, ...], *, share: bool, empty: str, median: int = 1
    ) -> None:
        """Show curves; values are accuracies if ``share``, otherwise nats; smoothed by a running median.

        ``empty`` says why there is nothing to show.
        """
        now = (titles, share, empty, median, self.size, palette.in_use())
        same = len(tracks) == len(self._tracks) and all(
            track.same_as(other) for track, other in zip(tracks, self._tracks, strict=True)
        )
        if not same or now != self._drawn_for:
            self._drawn_for = now
            self._tracks, self._titles, self._share, self._median = tracks, titles, share, median
            self._empty = empty
            self._pointer = None
            self._draw()

    def _draw(self) -> None:
        self.clear()
        self._smooth = [_smoothed(track.values, self._median) for track in self._tracks]
        known = [track for track in self._tracks if drawable(track.values).any()]
        if not known:
            self.refresh()
            return
        values = np.concatenate([track.values[drawable(track.values)] for track in known])
        low, high = float(values.min()), float(values.max())
        if self._share:
            low, high = 0.0, max(0.1, np.ceil(high * 10) / 10)
        high = high if high > low else low + 1.0
        left = min(float(track.positions[0]) for track in known)
        right = max(float(track.positions[-1]) for track in known)
        right = right if right > left else left + 1.0
        self._limits = left, right, low, high
        self.set_xlimits(left, right)
        self.set_ylimits(low - PAD * (high - low), high + PAD * (high - low))
        if self._median > 1:
            for track in self._tracks:
                self._line(track, track.values, palette.faded(track.colour))
        for track, smooth in zip(self._tracks, self._smooth, strict=True):
            self._line(track, smooth, palette.colour(track.colour))

    def _line(self, track: Track, values: NDArray[np.float64], colour: str) -> None:
        for start, stop in unbroken(drawable(values)):
            at, shown = decimate(
                np.arange(start, stop, dtype=np.float64), values[start:stop], 2 * max(self.size.width, 1)
            )
            self.plot(track.positions[at.astype(np.int64)], shown, line_style=colour, hires_mode=HiResMode.BRAILLE)

    def on_resize(self) -> None:
        """Choose points for the new size."""
        self._draw()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Read off the curves under the pointer."""
        inside, column = self.size.width - 2, event.screen_x - self.region.x - 1
        left, right = self._limits[:2]
        known = any(drawable(track.values).any() for track in self._tracks)
        if known and 0 <= column < inside:
            self._point(left + (column + 0.5) / inside * (right - left))
        else:
            self._point(None)

    def on_leave(self, event: Leave) -> None:
        """The pointer points nowhere any more."""
        if not self.is_mouse_over:
            self._point(None)

    def render(self) -> RenderResult:
        """Draw as textual-plot does, then frame, numbers and onsets over it."""
        if self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1]:
            return ""
        anew = self._needs_rerender
        result = super().render()
        if anew:
            with self.canvas.batch_refresh():
                self._dress()
            self._lay()
        return result

    def _point(self, position: float | None) -> None:
        if position != self._pointer:
            self._pointer = position
            show = percent if self._share else number
            values = [] if position is None else [show(value) for value in self._values_at(position)]
            self.post_message(Pointed(position, values))
            if not self._needs_rerender:
                self._lay()

    def _values_at(self, position: float) -> list[float]:
        at = [track.at(position) for track in self._tracks]
        return [
            float("nan") if epoch is None else float(smooth[epoch])
            for epoch, smooth in zip(at, self._smooth, strict=True)
        ]

    def _lay(self) -> None:
        """Lay a line under the pointer over the curves, and a mark on each."""
        width, height = self.canvas.size
        cells: dict[Place, tuple[str, Style]] = {}
        if self._pointer is not None:
            left, right, low, high = self._limits
            x = 1 + min(int((self._pointer - left) / (right - left) * (width - 2)), width - 3)
            for y in range(1, height - 1):
                if self.canvas.drawn(x, y)[0] == " ":
                    cells[x, y] = "╎", style(palette.ACCENT)
            for track, value in zip(self._tracks, self._values_at(self._pointer), strict=True):
                if np.isfinite(value):
                    row = row_of((value - low) / (high - low), height)
                    cells[x, row] = track.mark.symbol, style(track.colour, bold=True)
        self.canvas.lay(cells)

    def _dress(self) -> None:
        canvas = self.canvas
        width, height = canvas.size.width, canvas.size.height

        def put(x: int, y: int, char: str, look: Style) -> None:
            if 0 <= x < width and 0 <= y < height:
                canvas.set_pixel(x, y, char, str(look))

        def write(x: int, y: int, text: str, look: Style) -> None:
            for offset, char in enumerate(text):
                put(x + offset, y, char, look)

        draw_box(put, 0, 0, width - 1, height - 1, *self._titles)
        if not any(drawable(track.values).any() for track in self._tracks):
            write(2, height // 2, shorten(self._empty, width - 4), style(palette.MUTED))
            return
        left, right, low, high = self._limits
        show = percent if self._share else number
        for row, value in self._values_beside(height):
            write(1, row, show(value), style(palette.MUTED))
        first, last = f" {left:g} ", f" {right:g} "
        write(2, height - 1, first, style(palette.MUTED))
        write(width - 2 - len(last), height - 1, last, style(palette.MUTED))
        for track in self._tracks:
            if track.onset is not None and left <= track.onset <= right:
                x = 1 + round((track.onset - left) / (right - left) * (width - 3))
                put(x, height - 1, "▲", style(track.colour, bold=True))
        for track, smooth in zip(self._tracks, self._smooth, strict=True):
            known = np.flatnonzero(drawable(smooth))
            if len(known):
                at, value = float(track.positions[known[-1]]), float(smooth[known[-1]])
                x = 1 + min(int((at - left) / (right - left) * (width - 2)), width - 3)
                put(x, row_of((value - low) / (high - low), height), track.mark.symbol, style(track.colour, bold=True))

    def _values_beside(self, height: int) -> list[tuple[int, float]]:
        """Rows and values of the upright axis: both ends, and between them round values that leave a row free."""
        low, high = self._limits[2:]
        rows = {1: high, height - 2: low}
        for share, value in Axis(LINEAR, low, high).ticks(height - 2):
            row = row_of(share, height)
            if all(abs(row - other) > 1 for other in rows):
                rows[row] = value
        return sorted(rows.items())


def _smoothed(values: NDArray[np.float64], median: int) -> NDArray[np.float64]:
    known = np.where(drawable(values), values, np.nan)
    return known if median == 1 else running_median(known, median)
