"""A job while it runs, what it has made so far, and what came of it."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import ProgressBar, Static

from workbench.tui.context import run_name
from workbench.tui.jobs.process import Ended
from workbench.tui.jobs.task import Task
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.table import KeyTable, bindings, cap_of
from workbench.tui.launching.results import conclusion
from workbench.tui.look import palette
from workbench.tui.look.text import plain
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.widgets.header import STATUS_LOOKS
from workbench.tui.widgets.picture import Picture
from workbench.tui.widgets.tabs import Footer

REDRAW_SECONDS = 0.25
"""Pause between redraws of what comes in."""


class JobScreen(ModalScreen[None]):
    """Shows a job; leaving it leaves the job alone.

    Attributes:
        job: which.
        ended: how it ended, once that is shown; None before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(JOB_KEYS), *bindings(EVERYWHERE_KEYS)]
    CSS_PATH: ClassVar = "../generation.tcss"
    AUTO_FOCUS = None
    TABLES: ClassVar[tuple[KeyTable, ...]] = (JOB_KEYS,)

    def __init__(self, task: Task) -> None:
        """A screen over a job that runs, waits or has ended."""
        super().__init__()
        self.job = task
        self.ended: Ended | None = None
        self._colour = palette.TEXT

    def compose(self) -> ComposeResult:
        """What is made, how far it is, what there is of it, what came of it."""
        request, result = self.job.request, self.job.request.result
        with Vertical(id="job") as frame:
            title = request.full_title if result is None else f"{run_name(request.run_dir)} · {result.title}"
            frame.border_title = plain(title)
            yield Static("" if result is None else plain(result.what), markup=False, id="job-what")
            yield ProgressBar(show_eta=False, id="job-bar")
            yield Static(markup=False, id="job-state")
            yield Picture("job-picture")
            yield Static(markup=False, id="job-end")
        yield Footer(*self.TABLES)

    def on_mount(self) -> None:
        """Follow it."""
        if self.job.request.result is None:
            self.query_one(Picture).display = False
            self.query_one("#job-end").styles.max_height = "1fr"
        self._tell()
        self.run_worker(self._conclude(), group="job")
        self.set_interval(REDRAW_SECONDS, self._pulse)

    def on_resize(self) -> None:
        """Lay the pictures out anew."""
        self.run_worker(self._draw(anew=True), group="draw")

    def recolour(self) -> None:
        """Draw what is seen in the colours of another theme."""
        self.query_one("#job-state", Static).styles.color = palette.colour(self._colour)
        self.run_worker(self._draw(anew=True), group="draw")

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()

    def action_stop(self) -> None:
        """Stop the job; end it, if it was asked to stop before."""
        if self.job.ended is not None:
            return
        stop: Callable[[], None] = self.job.kill if self.job.asked else self.job.stop
        stop()
        self._tell()

    def action_scroll(self, lines: int) -> None:
        """Scroll what it has made."""
        self.query_one(Picture).scroll_lines(lines)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    async def _conclude(self) -> None:
        """Wait for the end, and say what came of it."""
        ended = await self.job.wait()
        request = self.job.request
        async with self.job.looking:
            how, sentences = await asyncio.to_thread(conclusion, request.result, ended, request.arguments)
        self.ended = ended
        symbol, word, colour = STATUS_LOOKS[how]
        state = self.query_one("#job-state", Static)
        state.update(f"{symbol} {word}")
        self._colour = colour
        state.styles.color = palette.colour(colour)
        end = self.query_one("#job-end", Static)
        end.update("\n".join(plain(sentence) for sentence in sentences))
        end.display = bool(sentences)
        self.query_one(ProgressBar).display = False
        self.call_after_refresh(self._draw, anew=True)

    def _pulse(self) -> None:
        """Show what has come in, unless the last pulse is still at it."""
        if self.ended is None and not self.job.looking.locked():
            self._tell()
            self.run_worker(self._draw(), group="draw")

    def _tell(self) -> None:
        """How far it is, in a bar and in words."""
        task = self.job
        if self.ended is not None:
            return
        if task.progress is not None:
            bar = self.query_one(ProgressBar)
            bar.update(total=task.progress.total, progress=task.progress.ended)
            bar.display = True
        note = f"\n{plain(task.note, 300)}" if task.note else ""
        self.query_one("#job-state", Static).update(plain(doing(task)) + note)

    async def _draw(self, *, anew: bool = False) -> None:
        result = self.job.request.result
        if result is None:
            return
        async with self.job.looking:
            picture = self.query_one(Picture)
            width, height = picture.size.width - 1, picture.size.height  # the column of the scrollbar stays free
            colour = pictures_in_colour(self.app)
            done = self.ended is not None
            lines = await asyncio.to_thread(result.look, width, height, colour=colour, done=done, anew=anew)
            if lines is not None and picture.is_attached:
                picture.show(lines)


def doing(task: Task) -> str:
    """What a job that has not ended does."""
    if task.state == "queued":
        return "waits until the job before it has ended"
    if task.asked:
        return f"stopping; {cap_of(JOB_KEYS, 'stop')} once more ends it at once"
    if task.progress is not None:
        return f"{task.progress.ended} of {task.progress.total} ended · {task.progress.figures}"
    return "running" if task.request.result is None else task.request.result.doing
