"""A job of the past: its command, what it wrote, how it ended."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from workbench.tui.jobs.folder import STDERR, STDOUT, read_end
from workbench.tui.jobs.record import Record
from workbench.tui.jobs.rows import Row, command_line, entries_of
from workbench.tui.keys.jobs import PAST_KEYS
from workbench.tui.keys.table import KeyTable, bindings
from workbench.tui.look import palette
from workbench.tui.look.text import plain
from workbench.tui.widgets.page import Entry, Page
from workbench.tui.widgets.tabs import Footer

MOST_BYTES = 1 << 16
MOST_LINES = 400
"""Of each stream, its end."""


class PastScreen(ModalScreen[None]):
    """Shows a job that has ended, as its folder tells it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAST_KEYS)
    CSS_PATH: ClassVar = "../jobs.tcss"
    AUTO_FOCUS = None

    def __init__(self, row: Row) -> None:
        """A screen over a row that has a record."""
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """One page."""
        with Vertical(id="past") as frame:
            frame.border_title = plain(f"{self._row.run} · {self._row.title}")
            page = Page("past-page", label_width=10)
            page.fill(entries_of(self._row))
            yield page
        yield Footer(PAST_KEYS)

    def on_mount(self) -> None:
        """Read what it wrote."""
        self.run_worker(self._read(), group="read")

    def tables(self) -> list[KeyTable]:
        """The keys that do something now."""
        return [PAST_KEYS]

    def action_scroll(self, lines: int) -> None:
        """Scroll the page."""
        self.query_one(Page).scroll_lines(lines)

    def action_copy(self) -> None:
        """Copy its command line."""
        record = self._row.record
        if record is not None and record.arguments:
            self.app.copy_to_clipboard(command_line(record.arguments))
            self.notify(f"Copied: {plain(command_line(record.arguments), 200)}", markup=False)

    def action_back(self) -> None:
        """Back."""
        self.dismiss()

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    async def _read(self) -> None:
        record = self._row.record
        if record is not None:
            written = await asyncio.to_thread(streams_of, record)
            self.query_one(Page).fill([*entries_of(self._row), *written])


def streams_of(record: Record) -> list[Entry]:
    """The ends of what a job wrote, stderr last."""
    entries = []
    for name, title in ((STDOUT, "output"), (STDERR, "messages")):
        lines = read_end(record.folder / name, MOST_BYTES).decode("utf-8", "replace").splitlines()
        shown = [plain(line) for line in lines if line.strip()][-MOST_LINES:]
        if not shown:
            entries.append(Entry(label=title, text="none", colour=palette.MUTED, gap=True))
        for index, line in enumerate(shown):
            entries.append(Entry(label=title if index == 0 else "", text=line, gap=index == 0))
    return entries
