"""Curves of several runs on one axis. Imported when they are first shown: it loads textual-plot."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.app import RenderResult
from textual_hires_canvas import Canvas, HiResMode

from workbench.tui import palette
from workbench.tui.palette import style
from workbench.tui.series import decimate, drawable, unbroken
from workbench.tui.text import number, percent, shorten
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.curves import PAD
from workbench.tui.widgets.frame import draw_box
from workbench.tui.widgets.layers import BarePlot
from workbench.tui.widgets.plot import SMALLEST


class Track(NamedTuple):
    """One run's curve: name, colour, positions on the axis and values (E,), and where its onset is, if it has one."""

    name: str
    colour: str
    positions: NDArray[np.float64]
    values: NDArray[np.float64]
    onset: float | None


class Names(Painted):
    """The names of the curves, in their colours."""

    def __init__(self) -> None:
        super().__init__(id="names")
        self._tracks: Sequence[Track] = ()

    def show(self, tracks: Sequence[Track]) -> None:
        """Show the names of curves."""
        self._tracks = tracks
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """A line each; the last says how many more there are."""
        for y, track in enumerate(self._tracks[: sheet.height - 2], 1):
            sheet.write(1, y, shorten(f"● {track.name}", sheet.width - 1), style(track.colour))
        more = len(self._tracks) - max(0, sheet.height - 2)
        if more > 0:
            sheet.write(1, sheet.height - 1, f"and {more} more", style(palette.MUTED))


class Overlay(BarePlot, can_focus=False):
    """Curves over a common axis; the numbers of both axes stand inside the frame, the names in ``Names`` beside it."""

    def __init__(self) -> None:
        super().__init__(allow_pan_and_zoom=False, id="overlay")
        self._tracks: Sequence[Track] = ()
        self._titles: tuple[str, ...] = ("",)
        self._share = True
        self._limits = (0.0, 1.0, 0.0, 1.0)

    def show(self, tracks: Sequence[Track], titles: tuple[str, ...], *, share: bool) -> None:
        """Show curves; values are accuracies if ``share``, otherwise nats."""
        self._tracks, self._titles, self._share = tracks, titles, share
        self.clear()
        known = [track for track in tracks if drawable(track.values).any()]
        if not known:
            self.refresh()
            return
        values = np.concatenate([track.values[drawable(track.values)] for track in known])
        low, high = float(values.min()), float(values.max())
        if share:
            low, high = 0.0, max(0.1, np.ceil(high * 10) / 10)
        high = high if high > low else low + 1.0
        left = min(float(track.positions[0]) for track in known)
        right = max(float(track.positions[-1]) for track in known)
        right = right if right > left else left + 1.0
        self._limits = left, right, low, high
        self.set_xlimits(left, right)
        self.set_ylimits(low - PAD * (high - low), high + PAD * (high - low))
        columns = 2 * max(self.size.width, 1)
        for track in known:
            for start, stop in unbroken(drawable(track.values)):
                at, shown = decimate(np.arange(start, stop, dtype=np.float64), track.values[start:stop], columns)
                self.plot(
                    track.positions[at], shown, line_style=palette.colour(track.colour), hires_mode=HiResMode.BRAILLE
                )

    def on_resize(self) -> None:
        """Choose points for the new size."""
        self.show(self._tracks, self._titles, share=self._share)

    def render(self) -> RenderResult:
        """Draw as textual-plot does, then frame, numbers, names and onsets over it."""
        if self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1]:
            return ""
        result = super().render()
        canvas = self.query_one("#plot", Canvas)
        with canvas.batch_refresh():
            self._dress(canvas)
        return result

    def _dress(self, canvas: Canvas) -> None:
        width, height = canvas.size.width, canvas.size.height

        def put(x: int, y: int, char: str, look: Style) -> None:
            if 0 <= x < width and 0 <= y < height:
                canvas.set_pixel(x, y, char, str(look))

        def write(x: int, y: int, text: str, look: Style) -> None:
            for offset, char in enumerate(text):
                put(x + offset, y, char, look)

        draw_box(put, 0, 0, width - 1, height - 1, *self._titles)
        if not any(drawable(track.values).any() for track in self._tracks):
            write(2, height // 2, shorten("nothing to plot: mark runs with Space", width - 4), style(palette.MUTED))
            return
        left, right, low, high = self._limits
        show = percent if self._share else number
        write(1, 1, show(high), style(palette.MUTED))
        write(1, height - 2, show(low), style(palette.MUTED))
        first, last = f" {left:g} ", f" {right:g} "
        write(2, height - 1, first, style(palette.MUTED))
        write(width - 2 - len(last), height - 1, last, style(palette.MUTED))
        for track in self._tracks:
            if track.onset is not None and left <= track.onset <= right:
                x = 1 + round((track.onset - left) / (right - left) * (width - 3))
                put(x, height - 1, "▲", style(track.colour, bold=True))
