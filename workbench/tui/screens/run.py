"""One run: a header, panes that share one epoch cursor, the timeline and the footer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer

from trainers.errors import WorkbenchError
from workbench.tui.acts.files import stem
from workbench.tui.acts.seen import Seen, Target
from workbench.tui.contents import WIDGETS, RunWidget, make
from workbench.tui.context import RunContext, run_folder
from workbench.tui.facts.glance import Glance, Split
from workbench.tui.facts.numbers import Exports
from workbench.tui.facts.trouble import Trouble
from workbench.tui.keys.compare import COMPARE_KEYS
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.pca import PCA_KEYS
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.table import KeyTable, bindings
from workbench.tui.look.text import plain
from workbench.tui.memory import Keeps, Kind, memory_of, place_of
from workbench.tui.panes import PANES, Layout, Pane
from workbench.tui.widgets.banner import Banner
from workbench.tui.widgets.facts import overview, problem, status
from workbench.tui.widgets.header import Header
from workbench.tui.widgets.histogram import Histogram
from workbench.tui.widgets.page import Page
from workbench.tui.widgets.tabs import Footer, Tabs
from workbench.tui.widgets.timeline import EpochChosen, Timeline

if TYPE_CHECKING:
    from workbench.tui.facts.source import Source, View
    from workbench.tui.forms.form import Answers, Form
    from workbench.tui.jobs.request import JobRequest

POLL_SECONDS = 0.5
"""Pause between looks at a log; no redraw of live data is more frequent than this."""

FIRST_LOOK_SECONDS = 0.1
"""Pause before the first: loading numpy beside the event loop would hold up the first frame."""


class RunScreen(Screen[None]):
    """Looks at one run and follows it while it trains.

    Attributes:
        view: the run as it was last read; None until the first reading.
        epoch: the epoch under the cursor.
        pane: the name of the open pane.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(RUN_KEYS)
    AUTO_FOCUS = None

    def __init__(self, glance: Glance, context: RunContext) -> None:
        """A screen over a run.

        Args:
            glance: what the first frame shows.
            context: where the run is, what time it is, and how commands are started.
        """
        super().__init__()
        self._path, self._glance, self._clock, self._run_context = context.path, glance, context.clock, context
        self._source: Source | None = None
        self.view: View | None = None
        self._waiting: list[Callable[[], object]] = []
        self.epoch = glance.moment.epoch
        self.pane = PANES[0].name
        self._layout: Layout | None = None
        self._reading, self._left = False, False
        self._opened_at = context.clock()
        self._trouble: Trouble | None = None
        self._clockwork: list[Timer] = []
        self._kept_widgets: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        """What the first frame shows; other widgets come when a pane first needs them."""
        facts, moment = self._glance.facts, self._glance.moment
        yield Header(facts, self._clock, Path(place_of(self._path)).name)
        yield Tabs()
        yield Banner()
        with Container(id="panes"):
            yield Page("facts", label_width=10)
            yield Histogram(moment)
        yield Timeline(moment, facts.num_epochs)
        yield Footer(*self.tables())

    def on_mount(self) -> None:
        """Show what is known, then read the whole run and follow it."""
        self._arrange()
        self.set_timer(FIRST_LOOK_SECONDS, self._look)
        self._clockwork = [self.set_interval(POLL_SECONDS, self._look), self.set_interval(1.0, self._tell)]

    def on_screen_suspend(self) -> None:
        """Under a dialogue, wait: whatever this screen did there, Textual would send the whole terminal anew."""
        for timer in self._clockwork:
            timer.pause()

    def on_screen_resume(self) -> None:
        """Go on, and look at once."""
        for timer in self._clockwork:
            timer.resume()
        if self.view is not None:
            self._look()

    def on_resize(self) -> None:
        """Fit the panes to another size."""
        self._arrange(anew=False)

    def on_epoch_chosen(self, event: EpochChosen) -> None:
        """Put the cursor where the mouse pointed."""
        self._go(event.epoch)

    def action_move(self, epochs: int) -> None:
        """Move the cursor."""
        self._once_read(lambda: self._go(self.epoch + epochs))

    def action_first(self) -> None:
        """Move the cursor to the first epoch."""
        self._once_read(lambda: self._go(0))

    def action_last(self) -> None:
        """Move the cursor to the last epoch, and stay with it while the run grows."""
        self._once_read(lambda: self._go(self._num_epochs - 1))

    def action_flag(self, direction: int) -> None:
        """Move the cursor to the next onset, or the previous one; after the last comes the first."""
        self._once_read(lambda: self._go_to_onset(direction))

    def _go_to_onset(self, direction: int) -> None:
        onsets = self.view.summary.onsets if self.view is not None else ()
        epochs = sorted({onset.epoch for onset in onsets}, reverse=direction < 0)
        beyond = [epoch for epoch in epochs if (epoch - self.epoch) * direction > 0]
        if epochs:
            self._go((beyond or epochs)[0])
        else:
            self.notify("No onset has been found.", markup=False)

    def action_pane(self, name: str) -> None:
        """Open a pane."""
        self.pane = name
        self.query_one(Tabs).show(name)
        self._arrange()

    def action_turn(self, panes: int) -> None:
        """Open the next pane, or the previous one."""
        names = [pane.name for pane in PANES]
        self.action_pane(names[(names.index(self.pane) + panes) % len(names)])

    def action_scroll(self, lines: int) -> None:
        """Scroll the text that is shown."""
        for page in self.query(Page):
            if page.display:
                page.scroll_lines(lines)

    def action_split(self) -> None:
        """Show the ΔE of the other set of samples."""
        self._once_read(self._show_other_split)

    def _show_other_split(self) -> None:
        if self.view is None:
            return
        others = [split for split in self.view.splits if split != self.view.split]
        if others:
            self._look(others[0])
        else:
            self.notify(f"The log has ΔE of the {self.view.split} samples only.", markup=False)

    def action_ghost(self) -> None:
        """Show or hide the epoch before behind the histogram."""
        self.query_one(Histogram).toggle_ghost()

    def action_generate(self) -> None:
        """Ask what to generate, and generate it."""
        self._once_read(lambda: self.run_worker(self._generate(), group="launch", exclusive=True))

    def action_pca(self) -> None:
        """Show the class-wise PCA of the training images."""
        self.run_worker(self._show_pca(), group="launch", exclusive=True)

    def action_jobs(self) -> None:
        """Show the jobs over this run."""
        from workbench.tui.screens.jobs import JobsScreen

        jobs = self._run_context.jobs
        self.app.push_screen(JobsScreen(jobs, [run_folder(self._path)], self._clock))

    def action_help(self) -> None:
        """Show the keys."""
        from workbench.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen([*self.tables(), EVERYWHERE_KEYS, JOB_KEYS, PCA_KEYS, COMPARE_KEYS]))

    def action_back(self) -> None:
        """Back to the list of runs, if this run was opened from one."""
        if len(self.app.screen_stack) > 1:
            self.dismiss()

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    async def _generate(self, *, proposed: "Answers | None" = None) -> None:
        """The form, with what is proposed, then the command."""
        view = self.view
        assert view is not None
        from workbench.tui.launching.asking import ask

        jobs = self._run_context.jobs

        def form() -> "Form":
            made: Form = _launch().generate_form(self._path, view, self.epoch, proposed, promised=jobs.promised)
            return made

        await ask(self, jobs, form)

    async def _show_pca(self) -> None:
        try:
            request = await asyncio.to_thread(lambda: _launch().pca_job(self._path))
        except WorkbenchError as error:
            self.notify(plain(str(error), 300), severity="warning", markup=False)
            return
        self._push_pca(request)

    async def _refit_pca(self) -> None:
        from workbench.tui.launching.asking import request_for

        request = await request_for(self, lambda: _launch().pca_form_of(self._path))
        if request is not None:
            self._push_pca(request)

    def _push_pca(self, request: "JobRequest") -> None:
        """Fit or read a PCA, and show it."""
        from workbench.tui.launching.results import Components
        from workbench.tui.screens.pca import PCAScreen

        assert isinstance(request.result, Components)
        task = self._run_context.jobs.submit(request, at_once=True)

        def generate(proposed: "Answers") -> None:
            self.run_worker(self._generate(proposed=proposed), group="launch", exclusive=True)

        def refit() -> None:
            self.run_worker(self._refit_pca(), group="launch", exclusive=True)

        self.app.push_screen(PCAScreen(task, request.result, generate, refit))

    @property
    def memory_key(self) -> tuple[Kind, str]:
        """This run."""
        return "runs", place_of(self._path)

    def keep(self) -> dict[str, object]:
        """Where the user is: pane, epoch ("last" at the end), split, and what the widgets keep."""
        if self.view is None:
            return {}
        epoch = "last" if self.epoch >= self._num_epochs - 1 else self.epoch
        self._keep_widgets()
        return {"pane": self.pane, "epoch": epoch, "split": self.view.split, "widgets": dict(self._kept_widgets)}

    def _keep_widgets(self) -> None:
        for widget in self.query_one("#panes").children:
            if widget.id is not None and isinstance(widget, Keeps):
                self._kept_widgets[widget.id] = widget.keep()

    def restore(self, kept: Mapping[str, object]) -> None:
        """Go where the user was, unless the user has gone somewhere by now."""
        pane, epoch, split, widgets = (kept.get(name) for name in ("pane", "epoch", "split", "widgets"))
        self._kept_widgets = dict(widgets) if isinstance(widgets, dict) else {}
        self._restore_widgets(self._kept_widgets)
        if type(epoch) is int and self.epoch >= self._num_epochs - 1:
            self.epoch = min(max(epoch, 0), max(self._num_epochs - 1, 0))
        if isinstance(pane, str) and pane in {each.name for each in PANES} and self.pane == PANES[0].name:
            self.action_pane(pane)
        if self.view is not None and split != self.view.split:
            for other in self.view.splits:
                if other == split:
                    self._look(other)

    def _restore_widgets(self, names: Iterable[str | None]) -> None:
        for widget in self.query_one("#panes").children:
            kept = self._kept_widgets.get(widget.id or "")
            if widget.id in names and isinstance(widget, Keeps) and isinstance(kept, dict):
                widget.restore(kept)

    def seen(self) -> Seen:
        """The open pane: what is copied, exported and pictured."""
        widgets = [widget for widget in self.query_one("#panes").children if widget.display]
        exporting = [widget for widget in widgets if isinstance(widget, Exports)]
        table = next((found for widget in exporting if (found := widget.export()) is not None), None)
        if table is None and self.view is not None:
            from workbench.tui.facts.run_numbers import numbers_of

            table = numbers_of(self.view, self.epoch, self.pane)
        name = stem(Path(place_of(self._path)).name, self.pane, self.epoch)
        return Seen(self._pane.title, name, widgets, table, (self._path,))

    def targets(self) -> list[Target]:
        """The plots of this pane that have a pane of their own."""
        own = {pane.layouts[-1].widgets: pane.name for pane in PANES if pane.name != self.pane}
        shown = [widget for widget in self.query_one("#panes").children if widget.display and (widget.id,) in own]
        return [Target(widget.region, partial(self.action_pane, own[widget.id or "",])) for widget in shown]

    def recolour(self) -> None:
        """Draw what is seen in the colours of another theme."""
        self._show()

    def _once_read(self, act: Callable[[], object]) -> None:
        """Do something as soon as the run is read, so that a quick key is not lost."""
        if self.view is None:
            self._waiting.append(act)
        else:
            act()

    def _go(self, epoch: int) -> None:
        epoch = min(max(epoch, 0), max(self._num_epochs - 1, 0))
        if self.view is not None and epoch != self.epoch:
            self.epoch = epoch
            self._show()

    def _arrange(self, *, anew: bool = True) -> None:
        """Take the roomiest layout of the open pane that fits the terminal; unless ``anew``, only if it is another."""
        width, height = self.app.size
        layout = next(each for each in self._pane.layouts if width >= each.columns and height >= each.rows)
        if layout == self._layout and not anew:
            return
        self._layout = layout
        self.query_one(Footer).show(*self.tables())
        self._lay(layout)
        if any(name not in self._known_widgets() for name in layout.widgets):
            self.call_later(self._complete, layout)

    async def _complete(self, layout: Layout) -> None:
        """Make the widgets of a layout that are not there yet."""
        if layout is self._layout:
            missing = [name for name in layout.widgets if name not in self._known_widgets()]
            await self.query_one("#panes").mount_all([make(name, self._run_context) for name in missing])
            self._restore_widgets(missing)
            self._lay(layout)

    def _lay(self, layout: Layout) -> None:
        """Show a layout's widgets in its order, as far as they are there; the first that can have the focus has it."""
        panes = self.query_one("#panes")
        panes.set_classes(layout.arrangement)
        for widget in panes.children:
            widget.display = widget.id in layout.widgets
        panes.sort_children(key=lambda widget: layout.widgets.index(widget.id or "") if widget.display else -1)
        self.set_focus(next((widget for widget in panes.children if widget.display and widget.can_focus), None))
        self._show()

    def _known_widgets(self) -> set[str | None]:
        return {widget.id for widget in self.query_one("#panes").children}

    @property
    def _pane(self) -> Pane:
        return next(pane for pane in PANES if pane.name == self.pane)

    def tables(self) -> list[KeyTable]:
        """The keys that do something now, those of the open pane first."""
        return [*([] if self._pane.keys is None else [self._pane.keys]), RUN_KEYS]

    @property
    def _num_epochs(self) -> int:
        return self.view.num_epochs if self.view is not None else self._glance.facts.num_epochs

    def _show(self) -> None:
        """Show the cursor's epoch in every widget that is seen."""
        view = self.view
        if view is not None:
            moment = view.moment(self.epoch)
            for widget in self.query_one("#panes").children:
                if widget.display and widget.id in WIDGETS:
                    assert isinstance(widget, RunWidget)
                    widget.show(view, self.epoch)
            self.query_one(Histogram).show(moment)
            self.query_one(Timeline).show(moment, view.num_epochs, view.summary.onsets)
        self._tell()

    def _tell(self) -> None:
        """Say how the run is doing; the clock alone changes that."""
        view, now, running = self.view, self._clock(), self._run_context.jobs.indicator
        facts, header = self.query_one("#facts", Page), self.query_one(Header)
        trouble = self._trouble if view is None else view.trouble
        self.query_one(Banner).show(trouble, self._num_epochs)
        if view is None:
            header.show(self._glance.facts, trouble, running)
            facts.fill([*([] if trouble is None else [problem(trouble, now)]), status(self._glance.facts, now)])
        else:
            header.show(view.facts, trouble, running, view.replaced)
            facts.fill(overview(view, now))

    def _look(self, split: Split | None = None) -> None:
        """Read the log in a thread, one reading at a time; a look at another split is never left out."""
        if self._reading and split is None:
            return
        self._reading = True
        self.run_worker(lambda: self._read(split), thread=True, group="read", exit_on_error=True)

    def _read(self, split: Split | None) -> None:
        """In a thread: load what reads logs (late, for the first frame does not need it) and read."""
        from workbench.tui.facts.source import Source

        if self._source is None:
            self._source = Source(self._path, self._clock)
        if self._left:
            return
        try:
            view = self._source.read(split)
        except WorkbenchError as error:
            if not self._left:
                self.app.call_from_thread(self._lament, error)
        else:
            if not self._left:
                self.app.call_from_thread(self._take, view)

    def _take(self, view: "View") -> None:
        """Show what was read; a cursor at the last epoch stays at the last."""
        self._reading = False
        before, self.view = self.view, view
        known = before.num_epochs if before is not None else self._glance.facts.num_epochs
        other_run = before is not None and view.replaced != before.replaced
        if other_run or self.epoch >= known - 1 or self.epoch >= view.num_epochs:
            self.epoch = max(view.num_epochs - 1, 0)
        if before is None:
            self.run_worker(self._run_context.jobs.find(run_folder(self._path)), group="jobs")
            self.restore(memory_of(self.app).recall(*self.memory_key))
        elif other_run:
            self._tell_of_other_run(before, view)
        if before is not None and _looks_as(before, view):
            self._tell()
        else:
            self._show()
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()

    def _tell_of_other_run(self, before: "View", view: "View") -> None:
        """Say that another run's log is here now, and forget what was chosen in the one before."""
        names = plain(view.meta.run_id, 60), plain(before.meta.run_id, 60)
        words = "This is another run's log now: {} in the place of {}. The cursor is at its last epoch.".format(*names)
        self.notify(words, title="Another run", severity="warning", timeout=15, markup=False)
        self.run_worker(self._renew(), group="renew", exclusive=True)

    async def _renew(self) -> None:
        """Make all widgets anew but those of the first frame, so that none keeps anything of another run."""
        panes = self.query_one("#panes")
        self._keep_widgets()
        await panes.remove_children([widget for widget in panes.children if widget.id in WIDGETS])
        self._arrange()

    def _lament(self, error: WorkbenchError) -> None:
        """Say that the log, of which one frame was shown, could not be read since."""
        self._reading, self._trouble = False, Trouble(str(error), self._opened_at, whole=True)
        self._tell()

    def on_unmount(self) -> None:
        """Close the log, in a thread: a reading under way ends first."""
        self._left = True
        if self._source is not None:
            asyncio.get_running_loop().run_in_executor(None, self._source.close)


def _looks_as(before: "View", view: "View") -> bool:
    """Whether a view shows the same as the one before, but for the clock."""
    whole = view.table is before.table and view.events is before.events
    return whole and view.split == before.split and view.trouble == before.trouble


def _launch() -> ModuleType:
    """What starts commands, loaded when it is first needed."""
    from workbench.tui.launching import launch

    return launch
