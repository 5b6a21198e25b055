"""The list of jobs: a line each, one under the cursor."""

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from workbench.tui.jobs.progress import share
from workbench.tui.jobs.rows import JOB_LOOKS, Row, took
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import age, plain, shorten
from workbench.tui.widgets.cells import Cells, Painted

STATE, PROGRESS, TOOK, AGE = 11, 11, 9, 13
"""Widths of the columns beside the title; the last is the first that is left out where there is no room."""

BAR = 5
LEAST_TITLE = 24


class JobPointed(Message):
    """The user pointed at a job, ``opened`` by a second click, or turned the wheel by some jobs."""

    def __init__(self, index: int, *, opened: bool = False, relative: bool = False) -> None:
        super().__init__()
        self.index, self.opened, self.relative = index, opened, relative


class JobList(Painted):
    """Jobs in the order in which they are given; scrolls so that the cursor is seen."""

    def __init__(self, clock: Callable[[], float], *, many: bool) -> None:
        """An empty list; ``many`` if jobs of several runs may come, so that each names its run."""
        super().__init__(id="job-list")
        self._clock = clock
        self._rows: Sequence[Row] = ()
        self._cursor, self._top = 0, 0
        self._many = many
        self._empty = "reading …"

    def show(self, rows: Sequence[Row], cursor: int, empty: str) -> None:
        """Show jobs, the cursor on one of them, or what to say where there are none."""
        self._rows, self._cursor, self._empty = rows, cursor, empty
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Point at a job; a double click opens it."""
        index = self._top + event.y - 1
        if event.y >= 1 and 0 <= index < len(self._rows):
            self.post_message(JobPointed(index, opened=event.chain > 1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.post_message(JobPointed(1, relative=True))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.post_message(JobPointed(-1, relative=True))

    def paint(self, sheet: Cells) -> None:
        """Headings, then the jobs that fit."""
        if not self._rows:
            sheet.write(2, 1, plain(self._empty, max(1, sheet.width - 4)), style(palette.MUTED))
            return
        widths = {"progress": PROGRESS, "took": TOOK, "started": AGE}
        if all(row.progress is None for row in self._rows):
            del widths["progress"]
        while widths and sheet.width - 2 - STATE - sum(widths.values()) < LEAST_TITLE:
            widths.popitem()
        columns, right = {}, sheet.width
        for name, width in reversed(widths.items()):
            right -= width
            columns[name] = right
        for name, x in columns.items():
            head = name if name == "progress" else f"{name:>{widths[name] - 1}}"
            sheet.write(x, 0, head, style(palette.MUTED))
        sheet.write(2, 0, "state", style(palette.MUTED))
        sheet.write(2 + STATE, 0, "job", style(palette.MUTED))
        rows = max(1, sheet.height - 1)
        self._top = min(max(self._top, self._cursor - rows + 1, 0), self._cursor, max(0, len(self._rows) - rows))
        for y, row in enumerate(self._rows[self._top : self._top + rows], 1):
            self._paint_row(sheet, y, row, columns, right)

    def _paint_row(self, sheet: Cells, y: int, row: Row, columns: dict[str, int], end: int) -> None:
        here = self._top + y - 1 == self._cursor
        symbol, word, colour = JOB_LOOKS[row.state]
        if here:
            sheet.write(0, y, "▶", style(palette.CURSOR, bold=True))
        sheet.write(2, y, f"{symbol} {word}", style(colour))
        title = f"{row.run} · {row.title}" if self._many else row.title
        look = style(palette.CURSOR if here else palette.TEXT, bold=here)
        sheet.write(2 + STATE, y, shorten(title, end - 3 - STATE), look)
        if "progress" in columns and row.progress is not None and row.progress.total:
            full = min(BAR, BAR * row.progress.ended // row.progress.total)
            x = sheet.write(columns["progress"], y, "━" * full, style(palette.ACCENT))
            x = sheet.write(x, y, "╌" * (BAR - full), style(palette.FAINT))
            sheet.write(x + 1, y, f"{share(row.progress):>4}", style(palette.TEXT))
        if "took" in columns:
            self._write_right(sheet, columns["took"] + TOOK - 1, y, "" if row.seconds is None else took(row.seconds))
        if "started" in columns and row.started < float("inf"):
            ago = f"{age(self._clock() - row.started)} ago" if row.started else ""
            self._write_right(sheet, columns["started"] + AGE - 1, y, ago)

    def _write_right(self, sheet: Cells, x: int, y: int, text: str) -> None:
        sheet.write(x - cell_len(text), y, text, style(palette.MUTED))
