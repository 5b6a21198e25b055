"""A command while it runs, what it has made so far, and what came of it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import ProgressBar, Static

from workbench.tui import palette
from workbench.tui.jobs import Ended, Job
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.results import Result, conclusion
from workbench.tui.text import plain
from workbench.tui.widgets.header import STATUS_LOOKS
from workbench.tui.widgets.picture import Picture
from workbench.tui.widgets.tabs import Footer

REDRAW_SECONDS = 0.25
"""Pause between redraws of what comes in."""

PATIENCE_SECONDS = 15.0
"""How long the app, when it is left, waits for a command that was asked to stop before it ends it."""

COLOURS = ("256", "truecolor")
"""Colour systems that can show pictures; with fewer colours brightness is told by characters."""


class JobScreen(ModalScreen[None]):
    """Runs one command over the run.

    Attributes:
        ended: how the command ended; None while it runs.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(JOB_KEYS)
    CSS_PATH: ClassVar = "../generation.tcss"
    AUTO_FOCUS = None

    def __init__(self, command: Sequence[str], arguments: Sequence[str], result: Result) -> None:
        """A screen that starts its command when it is shown.

        Args:
            command: how the command line is started.
            arguments: what it is to do.
            result: what it makes.
        """
        super().__init__()
        self._arguments, self._result = tuple(arguments), result
        self._job = Job((*command, *arguments), self._hear)
        self.ended: Ended | None = None
        self._note = ""
        self._asked = self._quitting = False
        self._drawing = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """What is made, how far it is, what there is of it, what came of it."""
        with Vertical(id="job") as frame:
            frame.border_title = self._result.title
            yield Static(plain(self._result.what), markup=False, id="job-what")
            yield ProgressBar(show_eta=False, id="job-bar")
            yield Static(markup=False, id="job-state")
            yield Picture("job-picture")
            yield Static(markup=False, id="job-end")
        yield Footer(JOB_KEYS)

    def on_mount(self) -> None:
        """Start."""
        self._tell()
        self.run_worker(self._run(), group="job")
        self.set_interval(REDRAW_SECONDS, self._pulse)

    def on_resize(self) -> None:
        """Lay the pictures out anew."""
        self.run_worker(self._draw(anew=True), group="draw")

    async def on_unmount(self) -> None:
        """A command that nobody looks at any more stops, however the app is left."""
        if self.ended is None:
            await self._job.end(PATIENCE_SECONDS)

    def action_leave(self) -> None:
        """Stop the command; end it, if it was asked to stop before; go back, if it has ended."""
        if self.ended is not None:
            self.dismiss()
        else:
            self._stop()

    def action_scroll(self, lines: int) -> None:
        """Scroll what it has made."""
        self.query_one(Picture).scroll_lines(lines)

    def action_quit(self) -> None:
        """Leave the app, once the command has ended."""
        if self.ended is not None:
            self.app.exit()
            return
        self._stop()
        if not self._quitting:
            self._quitting = True
            self.set_timer(PATIENCE_SECONDS, self._job.kill)
        self._tell()

    def _stop(self) -> None:
        if self._asked:
            self._job.kill()
        else:
            self._job.stop()
        self._asked = True
        self._tell()

    async def _run(self) -> None:
        ended = await self._job.run()
        how, sentences = await asyncio.to_thread(conclusion, self._result, ended, self._arguments)
        self.ended = ended
        if self._quitting:
            self.app.exit()
            return
        symbol, word, colour = STATUS_LOOKS[how]
        state = self.query_one("#job-state", Static)
        state.update(f"{symbol} {word}")
        state.styles.color = palette.colour(colour)
        end = self.query_one("#job-end", Static)
        end.update("\n".join(plain(sentence) for sentence in sentences))
        end.display = bool(sentences)
        self.query_one(ProgressBar).display = False
        self.call_after_refresh(self._draw, anew=True)

    def _hear(self, line: str) -> None:
        """Take a line of the command; it is shown at the next pulse."""
        if not self._result.follow(line):
            self._note = line

    def _pulse(self) -> None:
        """Show what has come in, unless the last pulse is still at it."""
        if self.ended is None and not self._drawing.locked():
            self._tell()
            self.run_worker(self._draw(), group="draw")

    def _tell(self) -> None:
        """How far it is, in a bar and in words."""
        if self.ended is not None:
            return
        progress = self._result.progress
        if progress is not None:
            bar = self.query_one(ProgressBar)
            bar.update(total=progress.total, progress=progress.ended)
            bar.display = True
        words = self._result.doing
        if self._asked:
            words = "stopping; Esc once more ends it at once" if not self._quitting else "stopping, then leaving"
        elif progress is not None:
            words = f"{progress.ended} of {progress.total} ended · {progress.figures}"
        note = f"\n{plain(self._note, 300)}" if self._note else ""
        self.query_one("#job-state", Static).update(plain(words) + note)

    async def _draw(self, *, anew: bool = False) -> None:
        async with self._drawing:
            picture = self.query_one(Picture)
            width, height = picture.size.width - 1, picture.size.height  # the column of the scrollbar stays free
            colour = not self.app.no_color and self.app.console.color_system in COLOURS
            done = self.ended is not None
            look = self._result.look
            lines = await asyncio.to_thread(look, width, height, colour=colour, done=done, anew=anew)
            if lines is not None and picture.is_attached:
                picture.show(lines)
