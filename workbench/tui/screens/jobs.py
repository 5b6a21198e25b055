"""The jobs over a run, or over many: those that run, those that wait, those of the past."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from workbench.tui.jobs.queue import JobQueue
from workbench.tui.jobs.record import Record, read_records
from workbench.tui.jobs.rows import Row, command_line, entries_of, rows
from workbench.tui.jobs.task import Task
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.jobs import JOBS_KEYS
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.table import KeyTable, bindings, cap_of
from workbench.tui.look.text import plain
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.past import PastScreen
from workbench.tui.screens.remove import RemoveScreen
from workbench.tui.widgets.joblist import JobList, JobPointed
from workbench.tui.widgets.page import Page
from workbench.tui.widgets.tabs import Footer

REDRAW_SECONDS = 0.25
"""Pause between redraws while something changes."""

TICK_SECONDS = 1.0
"""Pause between redraws while jobs run: the clock changes how long they have."""

LEAST_ROWS = 20
"""Rows of the terminal below which only the list is shown."""


class JobsScreen(ModalScreen[None]):
    """Lists jobs, shows them, stops them.

    Attributes:
        rows: the jobs, the newest first.
        cursor: the index of the one under the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(JOBS_KEYS)
    CSS_PATH: ClassVar = "../jobs.tcss"
    AUTO_FOCUS = None

    def __init__(self, jobs: JobQueue, run_dirs: Sequence[Path], clock: Callable[[], float]) -> None:
        """A screen over the jobs of this app and the past ones of some runs."""
        super().__init__()
        self._jobs, self._run_dirs, self._clock = jobs, tuple(run_dirs), clock
        self._records: list[Record] = []
        self._read_once = False
        self._dirty = False
        self._undo: Callable[[], None] = lambda: None
        self.rows: list[Row] = []
        self.cursor = 0

    def compose(self) -> ComposeResult:
        """The list, and what is known of the job under the cursor."""
        with Vertical(id="jobs") as frame:
            frame.border_title = "Jobs"
            yield JobList(self._clock, many=len(self._run_dirs) > 1)
            yield Page("job-facts", label_width=10)
        yield Footer(JOBS_KEYS)

    def on_mount(self) -> None:
        """Read what is written, and follow what runs."""
        self._undo = self._jobs.watch(self._note)
        self.set_interval(REDRAW_SECONDS, self._pulse)
        self.set_interval(TICK_SECONDS, self._tick)
        self._fit()
        self._read()

    def on_unmount(self) -> None:
        """Do not listen any more."""
        self._undo()

    def on_resize(self) -> None:
        """A small terminal shows the list alone."""
        self._fit()

    def on_job_pointed(self, event: JobPointed) -> None:
        """Put the cursor where the mouse pointed; open what was clicked twice."""
        if event.relative:
            self.action_move(event.index)
            return
        self.cursor = event.index
        self._show()
        if event.opened:
            self.action_open()

    def tables(self) -> list[KeyTable]:
        """The keys that do something now."""
        return [JOBS_KEYS]

    def action_move(self, jobs: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + jobs, 0), max(len(self.rows) - 1, 0))
        self._show()

    def action_open(self) -> None:
        """Show the job under the cursor."""
        row = self._here()
        if row is None:
            return
        if row.task is not None:
            self.app.push_screen(JobScreen(row.task))
        elif row.record is not None:
            self.app.push_screen(PastScreen(row))

    def action_stop(self) -> None:
        """Stop the job under the cursor; end it, if it was asked to stop before."""
        self._show()
        row = self._here()
        if row is None or row.task is None or not row.unfinished:
            self.notify("This job does not run.", markup=False)
        elif row.task.asked:
            row.task.kill()
        else:
            row.task.stop()

    def action_copy(self) -> None:
        """Copy the command line of the job under the cursor."""
        row = self._here()
        if row is not None:
            copy_command(self, row)

    def action_remove(self) -> None:
        """Remove the record of the job under the cursor, after asking."""
        self._show()
        row = self._here()
        if row is None or row.record is None or row.unfinished:
            self.notify("Only the record of a job that has ended can be removed.", markup=False)
            return
        self.run_worker(self._remove(row, row.record), group="remove", exclusive=True)

    def action_help(self) -> None:
        """Show the keys."""
        from workbench.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen([JOBS_KEYS, JOB_KEYS]))

    def action_back(self) -> None:
        """Back."""
        self.dismiss()

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    async def _remove(self, row: Row, record: Record) -> None:
        if not await self.app.push_screen_wait(RemoveScreen(row)):
            return
        try:
            await asyncio.to_thread(shutil.rmtree, record.folder)
        except OSError as error:
            words = f"{record.folder} cannot be removed ({error.strerror or error})"
            self.notify(plain(words, 300), severity="warning", markup=False)
        if row.task is not None:
            self._jobs.forget(row.task)
        self._read()

    def _here(self) -> Row | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def _read(self) -> None:
        self.run_worker(self._read_records(), group="records", exclusive=True)

    async def _read_records(self) -> None:
        await self._jobs.find(*self._run_dirs)
        self._records = await asyncio.to_thread(lambda: [r for run in self._run_dirs for r in read_records(run)])
        self._read_once = True
        self._show()

    def _note(self, task: Task) -> None:
        """Something of a job is another; it is shown at the next pulse."""
        self._dirty = True

    def _pulse(self) -> None:
        if self._dirty and self.is_current:
            self._show()

    def _tick(self) -> None:
        if self._jobs.unfinished and self.is_current:
            self._show()

    def _fit(self) -> None:
        self.query_one("#job-facts").display = self.app.size.height >= LEAST_ROWS
        self._show()

    def _show(self) -> None:
        """Show what is known; the cursor stays on its job."""
        self._dirty = False
        here = self._here()
        self.rows = rows(self._jobs.tasks, self._records)
        if here is not None:
            same = [index for index, row in enumerate(self.rows) if row.key == here.key]
            self.cursor = same[0] if same else min(self.cursor, max(len(self.rows) - 1, 0))
        self.query_one(JobList).show(self.rows, self.cursor, emptiness() if self._read_once else "reading …")
        row = self._here()
        self.query_one("#job-facts", Page).fill([] if row is None else entries_of(row))
        running = sum(row.state == "running" for row in self.rows)
        waiting = sum(row.state == "queued" for row in self.rows)
        words = [f"{running} running"] * bool(running) + [f"{waiting} queued"] * bool(waiting)
        self.query_one("#jobs").border_subtitle = " · ".join([*words, f"{len(self.rows) - running - waiting} ended"])


def copy_command(screen: ModalScreen[None], row: Row) -> None:
    """Copy a job's command line to the clipboard of the terminal."""
    arguments = row.record.arguments if row.record is not None else row.task.request.arguments if row.task else ()
    if arguments:
        screen.app.copy_to_clipboard(command_line(arguments))
        screen.notify(f"Copied: {plain(command_line(arguments), 200)}", markup=False)


def emptiness() -> str:
    """What is said where no job is listed."""
    generate, pca = cap_of(RUN_KEYS, "generate"), cap_of(RUN_KEYS, "pca")
    return f"No jobs yet: {generate} generates images, {pca} fits the class-wise PCA."
