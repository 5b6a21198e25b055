"""Many runs: a list that can be filtered, sorted, marked and pinned, and the marked runs' curves on one axis."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.timer import Timer

from trainers.errors import WorkbenchError
from workbench.tui.acts.files import stem
from workbench.tui.acts.seen import Seen
from workbench.tui.context import RunContext, run_folder
from workbench.tui.facts.catalog import Catalog, Listed
from workbench.tui.facts.glance import read_glance
from workbench.tui.facts.numbers import Table
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.table import KeyTable, bindings, cap_of
from workbench.tui.keys.workspace import WORKSPACE_KEYS
from workbench.tui.look.text import counted, plain
from workbench.tui.memory import Kind, memory_of, place_of, places_of, texts
from workbench.tui.plots.runplot import RunPlot
from workbench.tui.screens.filter import FilterScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.overlay import Mark, Names, Overlay, Pointed, mark_of
from workbench.tui.widgets.runlist import COLUMNS, CursorMoved, RunChosen, RunList, fitting_columns
from workbench.tui.widgets.tabs import Footer
from workbench.tui.widgets.title import Title
from workbench.workspace import Filter, parse_filter, sort_entries

POLL_SECONDS = 2.0
"""Pause between looks at all logs; only those that changed are read."""

REDRAW_SECONDS = 0.25
"""While logs are read, the list grows at most this often."""

MOST_MARKS = 56
"""Different marks that there are."""
MOST_KEPT = 100
"""Marks, and pins, that are remembered."""

LEAST_ROWS = 20
"""Rows of the terminal below which the list has them all."""
LEAST_COLUMNS = 90
"""Columns of the terminal below which the curves are named by the marks in the list alone."""


class WorkspaceScreen(Screen[None]):
    """Runs below some directories, or some runs.

    Attributes:
        shown: the runs that the filter wants, in their order.
        cursor: the log of the run under the cursor.
        marked: logs of the runs that are plotted, with their marks.
        pinned: logs of the runs at the top.
        order: what the list is sorted by, as for ``sort_entries``.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(WORKSPACE_KEYS)
    AUTO_FOCUS = None

    def __init__(
        self, paths: Sequence[Path], clock: Callable[[], float], command: Sequence[str], jobs: JobQueue
    ) -> None:
        """A screen over some runs.

        Args:
            paths: run directories, log files, and directories with runs below them.
            clock: seconds since 1970-01-01 UTC.
            command: how the command line is started for what needs torch or scikit-learn.
            jobs: runs such commands beside the app.
        """
        super().__init__()
        self._paths, self._clock, self._command, self._jobs = tuple(paths), clock, tuple(command), jobs
        self._catalog = Catalog(self._paths, clock)
        self._listed: dict[Path, Listed] = {}
        self._filter_text, self._filter = "", parse_filter("")
        self._reading, self._read_once, self._placed = False, False, False
        self._plot = RunPlot()
        self._clockwork: list[Timer] = []
        self._opening = False
        self.shown: list[Listed] = []
        self.cursor: Path | None = None
        self.marked: dict[Path, Mark] = {}
        self.pinned: set[Path] = set()
        self.order = "name"
        self._kept: Mapping[str, object] = {}

    def compose(self) -> ComposeResult:
        """Title, list, plot, keys."""
        yield Title()
        with Container(id="workspace"):
            yield RunList()
            with Horizontal(id="plot-row"):
                yield Overlay()
                yield Names()
        yield Footer(WORKSPACE_KEYS)

    def on_mount(self) -> None:
        """Begin to read."""
        self.restore(memory_of(self.app).recall(*self.memory_key))
        self._fit()
        self._look()
        self._clockwork = [self.set_interval(POLL_SECONDS, self._look), self.set_interval(1.0, self._tell)]

    def on_screen_suspend(self) -> None:
        """Under another screen, wait."""
        for timer in self._clockwork:
            timer.pause()

    def on_screen_resume(self) -> None:
        """Go on, and look at once."""
        for timer in self._clockwork:
            timer.resume()
        self._look()

    def on_resize(self) -> None:
        """A small terminal shows the list alone."""
        self._fit()

    def on_run_chosen(self, event: RunChosen) -> None:
        """Put the cursor where the mouse pointed; open what was clicked twice."""
        self.cursor, self._placed = event.path, True
        self._show()
        if event.opened:
            self.action_open()

    def on_cursor_moved(self, event: CursorMoved) -> None:
        """The wheel moves the cursor."""
        self.action_move(event.runs)

    def on_pointed(self, event: Pointed) -> None:
        """Say what each curve has under the pointer."""
        self.query_one(Names).read_off(event.position, event.values)

    def action_move(self, runs: int) -> None:
        """Move the cursor."""
        paths = [listed.entry.path for listed in self.shown]
        if paths:
            at = paths.index(self.cursor) if self.cursor in paths else 0
            self.cursor, self._placed = paths[min(max(at + runs, 0), len(paths) - 1)], True
            self._show()

    def action_open(self) -> None:
        """Open the run under the cursor."""
        listed, self._placed = self._under_cursor(), True
        if listed is None or self._opening:
            return
        if listed.entry.problem is not None:
            self.notify(plain(listed.entry.problem, 300), severity="warning", markup=False)
            return
        self._opening = True  # "exclusive" would not stop a thread
        self.run_worker(lambda: self._open(listed.entry.path), thread=True, group="open")

    def action_mark(self) -> None:
        """Mark the run under the cursor for the plot, or unmark it, and go to the next."""
        listed = self._under_cursor()
        if listed is not None:
            self._mark(listed.entry.path)
            self.action_move(1)

    def action_unmark(self) -> None:
        """Mark none, or all if none was."""
        if self.marked:
            self.marked.clear()
        else:
            for listed in self.shown:
                self._mark(listed.entry.path)
        self._show()

    def action_pin(self) -> None:
        """Pin the run under the cursor to the top, or let it go."""
        listed = self._under_cursor()
        if listed is not None:
            self.pinned ^= {listed.entry.path}
            self._arrange()

    def action_filter(self) -> None:
        """Type a filter."""
        self.app.push_screen(FilterScreen(self._filter_text, self._choose))

    def action_order(self, columns: int) -> None:
        """Sort by another column."""
        fields = [column.field for column in COLUMNS]
        now = self.order.removeprefix("-")
        self.order = fields[(fields.index(now) + columns) % len(fields)]
        self._arrange()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.order = self.order.removeprefix("-") if self.order.startswith("-") else f"-{self.order}"
        self._arrange()

    def action_measure(self) -> None:
        """Plot the next measure."""
        self._plot = self._plot.next_measure()
        self._show()

    def action_smooth(self) -> None:
        """Smooth the curves by the next running median."""
        self._plot = self._plot.smoother()
        self._show()

    def action_align(self) -> None:
        """Lay the curves on the next axis."""
        self._plot = self._plot.next_axis()
        self._show()

    def action_jobs(self) -> None:
        """Show the jobs over all runs that are listed."""
        from workbench.tui.screens.jobs import JobsScreen

        self.app.push_screen(JobsScreen(self._jobs, self._run_dirs(), self._clock))

    def action_help(self) -> None:
        """Show the keys."""
        from workbench.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen([*self.tables(), EVERYWHERE_KEYS]))

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def tables(self) -> list[KeyTable]:
        """The keys that do something."""
        return [WORKSPACE_KEYS]

    @property
    def memory_key(self) -> tuple[Kind, str]:
        """This list."""
        return "lists", places_of(self._paths)

    def keep(self) -> dict[str, object]:
        """How the list is chosen, sorted and plotted; runs by their places."""
        if not self._read_once:
            return {}
        return {
            "filter": self._filter_text,
            "order": self.order,
            **self._plot._asdict(),
            "cursor": None if self.cursor is None else place_of(self.cursor),
            "marks": [place_of(path) for path in self.marked][:MOST_KEPT],
            "pins": sorted(place_of(path) for path in self.pinned)[:MOST_KEPT],
        }

    def restore(self, kept: Mapping[str, object]) -> None:
        """Take what was kept; runs are found once all are read."""
        self._kept = kept
        order = str(kept.get("order"))
        if order.removeprefix("-") in {column.field for column in COLUMNS}:
            self.order = order
        self._plot = self._plot.restored(kept)
        text = kept.get("filter")
        if isinstance(text, str):
            with suppress(WorkbenchError):
                self._filter, self._filter_text = parse_filter(text), text

    def seen(self) -> Seen:
        """The list and the plot; a report is on the marked runs, or on the one under the cursor."""
        widgets = [widget for widget in (self.query_one(RunList), self.query_one("#plot-row")) if widget.display]
        entries = [listed.entry for listed in self.shown]
        columns = tuple(entries[0].values) if entries else ("name",)
        table = Table(
            f"{len(entries)} runs", columns, lambda: ([entry.values[name] for name in columns] for entry in entries)
        )
        runs = tuple(self.marked) or ((self.cursor,) if self.cursor is not None else ())
        return Seen("Runs", stem("runs", Path(place_of(self._paths[0])).name), widgets, table, runs)

    def recolour(self) -> None:
        """Draw what is seen in the colours of another theme."""
        self._show()

    def _restore_runs(self) -> None:
        """The cursor, marks and pins that were kept, unless the user has chosen others by now."""
        places = {place_of(path): path for path in self._listed}
        if not self.marked:
            for place in texts(self._kept.get("marks"), MOST_KEPT):
                if place in places:
                    self._mark(places[place])
        self.pinned |= {places[place] for place in texts(self._kept.get("pins"), MOST_KEPT) if place in places}
        cursor = places.get(str(self._kept.get("cursor")))
        if cursor is not None and not self._placed:
            self.cursor, self._placed = cursor, True

    def _under_cursor(self) -> Listed | None:
        return next((listed for listed in self.shown if listed.entry.path == self.cursor), None)

    def _mark(self, path: Path) -> None:
        if path in self.marked:
            del self.marked[path]
        else:
            taken = set(self.marked.values())
            self.marked[path] = next(
                (mark for mark in map(mark_of, range(MOST_MARKS)) if mark not in taken), mark_of(0)
            )

    def _choose(self, text: str, wanted: Filter) -> str:
        """Apply a filter; how many runs it wants."""
        self._filter_text, self._filter = text, wanted
        self._arrange()
        found = sum(wanted(listed.entry.values) for listed in self._listed.values())
        extra = len(self.shown) - found
        return f"{found} of {counted(len(self._listed), 'run')}" + (f", and {extra} pinned" if extra else "")

    def _fit(self) -> None:
        width, height = self.app.size
        self.query_one("#plot-row").display = height >= LEAST_ROWS
        self.query_one(Names).display = width >= LEAST_COLUMNS
        self._show()

    def _arrange(self) -> None:
        """Filter and sort; the cursor stays on its run if that is still listed."""
        by_path = {listed.entry.path: listed for listed in self._listed.values()}
        wanted = [e.entry for e in self._listed.values() if self._filter(e.entry.values) or e.entry.path in self.pinned]
        ordered = sort_entries(wanted, self.order)
        ordered.sort(key=lambda entry: entry.path not in self.pinned)
        self.shown = [by_path[entry.path] for entry in ordered]
        if self._under_cursor() is None or not self._placed:
            self.cursor = self.shown[0].entry.path if self.shown else None
        self._show()

    def _show(self) -> None:
        entries = [listed.entry for listed in self.shown]
        self.query_one(RunList).show(
            entries,
            cursor=self.cursor,
            marked=self.marked,
            pinned=self.pinned,
            order=self.order,
            empty=self._emptiness(),
        )
        self.query_one(Title).show(self._title())
        plot_row = self.query_one("#plot-row")
        room = self.app.size.height - 2
        needed = min(max(len(entries), 2) + 2, room * 55 // 100)
        self.query_one(RunList).styles.height = needed if plot_row.display else room
        if plot_row.display and plot_row.is_mounted:
            chosen = self._chosen()
            tracks = self._plot.tracks(chosen)
            left_out = len(chosen) - len(tracks)
            nothing = f"nothing to plot: mark runs with {cap_of(WORKSPACE_KEYS, 'mark')}"
            self.query_one(Overlay).show(
                tracks,
                self._plot.titles(left_out),
                share=self._plot.share,
                empty=self._plot.lack(left_out) or nothing,
                median=self._plot.median,
            )
            self.query_one(Names).show(tracks)

    def _chosen(self) -> list[tuple[Listed, Mark]]:
        """The marked runs with their marks, or the one under the cursor."""
        here = self._under_cursor()
        chosen = [(listed, self.marked[path]) for path, listed in self._listed.items() if path in self.marked]
        return chosen or ([] if here is None else [(here, mark_of(0))])

    def _title(self) -> str:
        where = plain(str(self._paths[0])) if len(self._paths) == 1 else f"{len(self._paths)} places"
        counts = counted(len(self._listed), "run") + (" so far" if not self._read_once else "")
        if len(self.shown) != len(self._listed):
            counts += f", {len(self.shown)} shown"
        running = self._jobs.indicator
        field = self.order.removeprefix("-")
        if field not in {column.field for column, _, _ in fitting_columns(self.app.size.width)}:
            title = next((column.title for column in COLUMNS if column.field == field), field)
            counts += f" by {title}{'↓' if self.order.startswith('-') else '↑'}"
        parts = [counts, *([f"▸ {running}"] if running else [])]
        if self._filter_text.strip():
            parts.append(f"filter {plain(self._filter_text.strip(), 60)}")
        if self.marked:
            parts.append(f"{len(self.marked)} marked")
        return " · ".join([*parts, where])

    def _tell(self) -> None:
        """Say how far the jobs are."""
        self.query_one(Title).show(self._title())

    def _run_dirs(self) -> list[Path]:
        return [run_folder(path) for path in self._listed]

    def _emptiness(self) -> str:
        if self._listed:
            return f"no run is wanted by the filter; {cap_of(WORKSPACE_KEYS, 'filter')} changes it"
        return "no runs here; workbench train makes one" if self._read_once else "reading …"

    def _look(self) -> None:
        """Read what changed, in a thread, one reading at a time."""
        if not self._reading:
            self._reading = True
            self.run_worker(self._read, thread=True, group="read", exit_on_error=True)

    def _read(self) -> None:
        told = 0.0
        found: dict[Path, Listed] = {}
        for found in self._catalog.read():
            if (now := self._clock()) - told >= REDRAW_SECONDS and found != self._listed:
                told = now
                self.app.call_from_thread(self._take, found, False)
        self.app.call_from_thread(self._take, found, True)

    def _take(self, found: dict[Path, Listed], whole: bool) -> None:
        """Show what was read."""
        news, first = found != self._listed or whole != self._read_once, whole and not self._read_once
        self._reading = self._reading and not whole
        if whole and not self._read_once:
            self.run_worker(self._jobs.find(*(run_folder(path) for path in found)), group="jobs")
        self._read_once = self._read_once or whole
        if news:
            self._listed = found
            if first:
                self._restore_runs()
            self.marked = {path: mark for path, mark in self.marked.items() if path in found}
            self._arrange()
            self._placed = self._placed or whole

    def _open(self, path: Path) -> None:
        """In a thread: read the first frame of a run, then show it."""
        try:
            glance = read_glance(path, self._clock)
        except (WorkbenchError, OSError) as error:
            self.app.call_from_thread(self._opened, None, str(error))
            return
        context = RunContext(path=path, clock=self._clock, command=self._command, jobs=self._jobs)
        self.app.call_from_thread(self._opened, RunScreen(glance, context))

    def _opened(self, screen: RunScreen | None, problem: str = "") -> None:
        """Show the run that was asked for, or why it cannot be shown."""
        self._opening = False
        if screen is None:
            self.notify(plain(problem, 300), severity="warning", markup=False)
        else:
            self.app.push_screen(screen)
