"""The curves of a run to look into: two plots that share their epochs, zoomed and panned by keys and mouse."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Leave, MouseDown, MouseEvent, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp, Resize
from textual.widget import Widget

from trainers.errors import WorkbenchError
from workbench.tui.context import RunContext
from workbench.tui.facts.numbers import Table
from workbench.tui.keys.curves import CURVES_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look.text import plain
from workbench.tui.plots.charts import ACCURACY_AND_GAP, LOWER, MEDIANS, Chart, Look
from workbench.tui.plots.scene import Scene
from workbench.tui.plots.window import Window, fitted, grown, panned, scrolled, whole, zoomed
from workbench.tui.widgets.curves import Curves, Drawable
from workbench.tui.widgets.timeline import EpochChosen

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.plots.steps import Trace

ROOM_FOR_BOTH = 12
"""Rows below which there is the upper plot alone."""

WHEEL = 0.8
"""What a turn of the wheel leaves of the epochs."""

DRAG = 2
"""Columns that the mouse must move for a press to be a drag, not a click."""


class Grip(NamedTuple):
    """What a mouse button that is held down does, where it went down, and which epochs were shown then."""

    does: Literal["select", "pan"]
    plot: Curves
    column: int
    window: Window


class Explorer(Widget, can_focus=True):
    """Accuracies above, another chart below, over the same epochs.

    Attributes:
        look: how the lines are shown.
        pointer: the epoch under the mouse.
        lower: the number of the lower chart.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(CURVES_KEYS)

    def __init__(self) -> None:
        super().__init__(id="curves", classes="pane")
        self._plots = (
            Curves(ACCURACY_AND_GAP, id="upper", readings=True),
            Curves(LOWER[0], id="lower", readings=True),
        )
        self._shown: tuple[View, int] | None = None
        self._grip: Grip | None = None
        self._dragged = False
        self._selection: tuple[int, int] | None = None
        self._trace: Trace | None = None
        self._asked_for: tuple[Window, int, object] | None = None
        self._unread: View | None = None
        self._told = ""
        self.look = Look()
        self.pointer: int | None = None
        self.lower = 0

    def compose(self) -> ComposeResult:
        """The plots."""
        yield from self._plots

    def show(self, view: "View", epoch: int) -> None:
        """Show a view; a part of the run stays what it is, but it follows the cursor, and a run that grows."""
        before, self._shown = self._shown, (view, epoch)
        window, total = self.look.window, view.num_epochs
        if before is not None and before[0].data is not view.data:
            self._trace = self._asked_for = None
        if before is not None and window is not None:
            if before[0].num_epochs != total:
                self._look_at(grown(window, before[0].num_epochs, total))
            elif before[1] != epoch:
                self._look_at(scrolled(window, total, epoch))
        if self.pointer is not None and self.pointer >= total:
            self.pointer = None
        self._draw()

    def keep(self) -> dict[str, object]:
        """How the curves are shown; which epochs is not kept, for the run may have grown."""
        return {
            "median": self.look.median,
            "scaled": self.look.scaled,
            "fitted": self.look.fitted,
            "lower": self.lower,
        }

    def restore(self, kept: Mapping[str, object]) -> None:
        """Show the curves as they were shown; what makes no sense is left as it is."""
        median, lower = kept.get("median"), kept.get("lower")
        self.look = Look(
            median=median if isinstance(median, int) and median in MEDIANS else 1,
            scaled=kept.get("scaled") is True,
            fitted=kept.get("fitted") is True,
        )
        self.lower = lower if isinstance(lower, int) and 0 <= lower < len(LOWER) else 0
        self._draw()

    def export(self) -> Table | None:
        """The epochs that are seen, raw and smoothed."""
        if self._shown is None or not self._total:
            return None
        from workbench.tui.plots.curve_numbers import numbers_of

        view, epoch = self._shown
        upper, lower = (Scene(view, epoch, chart, self.look) for chart in self._charts)
        return numbers_of(upper, lower)

    def on_resize(self, event: Resize) -> None:
        """Show as many plots as there is room for."""
        self._plots[1].display = event.size.height >= ROOM_FOR_BOTH

    def action_zoom(self, factor: float) -> None:
        """Show more or fewer epochs, around the cursor."""
        if self._shown is not None:
            self._zoom(factor, self._shown[1])

    def action_whole(self) -> None:
        """Show all epochs."""
        self.look = self.look._replace(window=None)
        self._draw()

    def action_pan(self, direction: int) -> None:
        """Show earlier or later epochs, a quarter of those that are shown."""
        self._look_at(panned(self._window, self._total, direction * max(1, self._window.count // 4)))
        self._draw()

    def action_smooth(self) -> None:
        """Take the next running median."""
        self.look = self.look._replace(median=MEDIANS[(MEDIANS.index(self.look.median) + 1) % len(MEDIANS)])
        self._draw()

    def action_scale(self) -> None:
        """Take the charts' other scales, or the linear one."""
        self.look = self.look._replace(scaled=not self.look.scaled)
        self._draw()

    def action_fit(self) -> None:
        """Fit the upright axes to what is seen, or not."""
        self.look = self.look._replace(fitted=not self.look.fitted)
        self._draw()

    def action_lower(self) -> None:
        """Show the next chart below."""
        self.lower = (self.lower + 1) % len(LOWER)
        self._draw()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Zoom in around the pointer."""
        self._wheel(event, WHEEL)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Zoom out around the pointer."""
        self._wheel(event, 1 / WHEEL)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Begin to select epochs, or with the right button or Shift to pan."""
        self._dragged = False
        plot = self._plot_under(event)
        if plot is not None and event.button in (1, 3):
            column = plot.column(event.screen_x)
            assert column is not None
            self._grip = Grip("pan" if event.shift or event.button == 3 else "select", plot, column, self._window)
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Read off under the pointer; with a button, select or pan."""
        grip = self._grip
        plot = self._plot_under(event) if grip is None else grip.plot
        axis, column = (None, None) if plot is None else (plot.axis(), plot.column(event.screen_x))
        if axis is None or column is None:
            self._point(None)
            return
        if grip is not None and (self._dragged or abs(column - grip.column) >= DRAG):
            self._dragged = True
            if grip.does == "select":
                self._selection = axis.epoch(grip.column), axis.epoch(column)
            else:
                moved = round((grip.column - column) * grip.window.count / axis.width)
                self._look_at(panned(grip.window, self._total, moved))
        self._point(axis.epoch(column), anew=grip is not None)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Zoom into what was selected."""
        if self._grip is None:
            return
        self.release_mouse()
        self._grip = None
        if self._selection is not None:
            first, last = sorted(self._selection)
            self._selection = None
            self._look_at(fitted(first, last - first + 1, self._total))
            self._draw()

    def on_leave(self, event: Leave) -> None:
        """The pointer points nowhere any more."""
        if not self.is_mouse_over and self._grip is None:
            self._point(None)

    def on_drawable(self, event: Drawable) -> None:
        """How wide epochs are is known now."""
        event.stop()
        if self._shown is not None:
            self._read_steps(self._shown[0])

    def on_epoch_chosen(self, event: EpochChosen) -> None:
        """The end of a drag is no click."""
        if self._dragged:
            event.stop()
            self._dragged = False

    @property
    def _charts(self) -> tuple[Chart, Chart]:
        return ACCURACY_AND_GAP, LOWER[self.lower]

    @property
    def _total(self) -> int:
        return 0 if self._shown is None else self._shown[0].num_epochs

    @property
    def _window(self) -> Window:
        return self.look.window or whole(self._total)

    def _look_at(self, window: Window) -> None:
        """Show a part of the run; all of it is no part, and grows with it."""
        self.look = self.look._replace(window=None if window == whole(self._total) else window)

    def _zoom(self, factor: float, at: int) -> None:
        if self._total:
            self._look_at(zoomed(self._window, self._total, factor, at))
            self._draw()

    def _wheel(self, event: MouseEvent, factor: float) -> None:
        plot = self._plot_under(event)
        axis, column = (None, None) if plot is None else (plot.axis(), plot.column(event.screen_x))
        if axis is not None and column is not None:
            event.stop()
            self._zoom(factor, axis.epoch(column))

    def _plot_under(self, event: MouseEvent) -> Curves | None:
        """The plot under the pointer, if that is over its box and there is an epoch."""
        for plot in self._plots:
            axis, column = plot.axis(), plot.column(event.screen_x)
            if plot.display and plot.region.contains(event.screen_x, event.screen_y) and axis and column is not None:
                return plot if axis.count and 0 <= column < axis.width else None
        return None

    def _point(self, epoch: int | None, *, anew: bool = False) -> None:
        if epoch != self.pointer or anew:
            self.pointer = epoch
            self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            return
        view, epoch = self._shown
        for plot, chart in zip(self._plots, self._charts, strict=True):
            plot.set_class(self.look.median > 1, "-smoothed")
            if plot.display:
                plot.draw(Scene(view, epoch, chart, self.look, self.pointer, self._selection, self._trace))
        self._read_steps(view)

    def _read_steps(self, view: "View") -> None:
        """Read the steps of the epochs that are shown, where those are wide enough, unless they were read."""
        axis = self._plots[1].axis()
        if axis is None or not axis.count:
            return
        from workbench.tui.widgets.plot import shows_steps

        wanted = fitted(self._window.first - 1, self._window.count + 2, self._total), view.num_epochs, view.data
        if shows_steps(axis) and wanted != self._asked_for and view is not self._unread:
            self._asked_for = wanted
            self.run_worker(lambda: self._read(view, wanted), thread=True, group="steps", exclusive=True)

    def _read(self, view: "View", wanted: tuple[Window, int, object]) -> None:
        """In a thread."""
        from workbench.tui.plots.steps import read_trace

        try:
            trace = read_trace(view.source, wanted[0])
        except (WorkbenchError, OSError) as error:
            self.app.call_from_thread(self._lament, view, wanted, str(error))
        else:
            self.app.call_from_thread(self._take, wanted, trace)

    def _take(self, wanted: tuple[Window, int, object], trace: "Trace") -> None:
        if wanted == self._asked_for:
            self._trace, self._told = trace, ""
            self._draw()

    def _lament(self, view: "View", wanted: tuple[Window, int, object], problem: str) -> None:
        """Say once why there are no steps; they are read again when the log was looked at again."""
        if wanted == self._asked_for:
            self._asked_for, self._unread = None, view
        if problem != self._told:
            self._told = problem
            self.notify(plain(problem, 300), severity="warning", markup=False)


def curves(context: RunContext) -> Explorer:
    """Accuracies, loss, ΔE and learning rate over epochs."""
    return Explorer()
