"""The list of runs: a line each, one under the cursor, some marked, some pinned."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Region
from textual.message import Message

from workbench.tui.acts.seen import Target
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import MISSING, epsilon, percent, plain, shorten
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.header import STATUS_LOOKS
from workbench.tui.widgets.timeline import FLAGS
from workbench.workspace import Entry
from workbench.workspace.entry import KIND_OF, Value

if TYPE_CHECKING:
    from workbench.tui.widgets.overlay import Mark

UNREADABLE = ("✗", "unreadable", palette.CATASTROPHIC)
_LOOKS = {word: (symbol, word, colour) for symbol, word, colour in STATUS_LOOKS.values()} | {"unreadable": UNREADABLE}
_KIND_BY_SHORT = {short: kind for kind, short in KIND_OF.items()}


class Column(NamedTuple):
    """A column: its heading, the field it sorts by, its width, and what it shows; dropped first where least needed."""

    title: str
    field: str
    width: int
    text: Callable[[Mapping[str, Value]], str]
    need: int
    right: bool = True


def _number(name: str) -> Callable[[Mapping[str, Value]], str]:
    def text(values: Mapping[str, Value]) -> str:
        value = values[name]
        return MISSING if not isinstance(value, int | float) else f"{value:.3g}"

    return text


def _share(name: str) -> Callable[[Mapping[str, Value]], str]:
    def text(values: Mapping[str, Value]) -> str:
        value = values[name]
        return percent(float(value)) if isinstance(value, int | float) else MISSING

    return text


def _epsilon(values: Mapping[str, Value]) -> str:
    eps = values["eps"]
    return epsilon(float(eps)) if isinstance(eps, int | float) else MISSING


def _epochs(values: Mapping[str, Value]) -> str:
    epochs, planned = values["epochs"], values["planned"]
    if not isinstance(epochs, int | float):
        return MISSING
    return f"{epochs:g}/{planned:g}" if isinstance(planned, int | float) else f"{epochs:g}"


COLUMNS: tuple[Column, ...] = (
    Column("run", "name", 0, lambda values: plain(str(values["name"]), 200), 0, right=False),
    Column("method", "method", 12, lambda values: plain(str(values["method"] or MISSING), 12), 2, right=False),
    Column("ε", "eps", 6, _epsilon, 4),
    Column("seed", "seed", 5, _number("seed"), 6),
    Column("status", "status", 12, lambda values: str(values["status"]), 1, right=False),
    Column("epochs", "epochs", 7, _epochs, 5),
    Column("clean", "clean", 6, _share("clean"), 8),
    Column("FGSM", "fgsm", 6, _share("fgsm"), 7),
    Column("best", "best", 6, _share("best"), 3),
    Column("PGD", "pgd", 6, _share("pgd"), 1),
    Column("onset", "co", 9, lambda values: "", 0, right=False),
)
"""From left to right; the first takes what room is left."""

LEAST_NAME = 18
_MARKS = 4


class RunChosen(Message):
    """The user pointed at a run, ``opened`` by a second click."""

    def __init__(self, path: Path, *, opened: bool) -> None:
        super().__init__()
        self.path, self.opened = path, opened


class CursorMoved(Message):
    """The user turned the wheel by some runs."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self.runs = runs


class RunList(Painted):
    """Runs in the order in which they are given; scrolls so that the cursor is seen."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._entries: Sequence[Entry] = ()
        self._cursor: Path | None = None
        self._marked: Mapping[Path, Mark] = {}
        self._pinned: Collection[Path] = ()
        self._order = "name"
        self._top = 0
        self._empty = "reading …"

    def show(
        self,
        entries: Sequence[Entry],
        *,
        cursor: Path | None,
        marked: Mapping[Path, "Mark"],
        pinned: Collection[Path],
        order: str,
        empty: str,
    ) -> None:
        """Show runs.

        Args:
            entries: the runs.
            cursor: the one under the cursor.
            marked: mark of the curve of each that is plotted.
            pinned: those at the top whatever the order.
            order: what they are sorted by, as for ``sort_entries``.
            empty: what to say where there are none.
        """
        self._entries, self._cursor, self._marked, self._pinned = entries, cursor, marked, pinned
        self._order, self._empty = order, empty
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Point at a run; a double click opens it."""
        index = self._top + event.y - 1
        if event.y >= 1 and 0 <= index < len(self._entries):
            self.post_message(RunChosen(self._entries[index].path, opened=event.chain > 1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.post_message(CursorMoved(1))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.post_message(CursorMoved(-1))

    def targets(self) -> list[Target]:
        """The runs that are seen."""
        shown = self._entries[self._top : self._top + max(0, self.size.height - 1)]
        return [
            Target(
                Region(self.region.x, self.region.y + y, self.region.width, 1),
                partial(self.post_message, RunChosen(entry.path, opened=False)),
            )
            for y, entry in enumerate(shown, 1)
        ]

    def copied(self) -> str:
        """All runs, a line each, columns parted by tabs."""
        lines = ["\t".join(column.title for column in COLUMNS)]
        for entry in self._entries:
            texts = {"status": str(entry.values["status"]), "onset": str(entry.values["onset"] or "")}
            lines.append("\t".join(texts.get(column.title, column.text(entry.values)) for column in COLUMNS))
        return "\n".join(lines)

    def paint(self, sheet: Cells) -> None:
        """Headings, then the runs that fit."""
        columns = fitting_columns(sheet.width)
        self._paint_headings(sheet, columns)
        if not self._entries:
            sheet.write(2, 2, plain(self._empty, max(1, sheet.width - 4)), style(palette.MUTED))
            return
        rows = max(1, sheet.height - 1)
        at = next((i for i, entry in enumerate(self._entries) if entry.path == self._cursor), 0)
        self._top = min(max(self._top, at - rows + 1, 0), at, max(0, len(self._entries) - rows))
        for y, entry in enumerate(self._entries[self._top : self._top + rows], 1):
            self._paint_entry(sheet, y, entry, columns)

    def _paint_headings(self, sheet: Cells, columns: list[tuple[Column, int, int]]) -> None:
        field, down = self._order.removeprefix("-"), self._order.startswith("-")
        for column, x, width in columns:
            sorts = column.field == field
            title = column.title + ({True: "↓", False: "↑"}[down] if sorts else "")
            start = x + width - cell_len(title) if column.right else x
            sheet.write(max(0, start), 0, title, style(palette.TEXT if sorts else palette.MUTED, bold=sorts))

    def _paint_entry(self, sheet: Cells, y: int, entry: Entry, columns: list[tuple[Column, int, int]]) -> None:
        here = entry.path == self._cursor
        sheet.write(0, y, "▶" if here else " ", style(palette.CURSOR, bold=True))
        if entry.path in self._marked:
            mark = self._marked[entry.path]
            sheet.write(1, y, mark.symbol, style(mark.colour))
        if entry.path in self._pinned:
            sheet.write(2, y, "▴", style(palette.WARNING))
        for column, x, width in columns:
            if column.title == "status":
                symbol, word, colour = _LOOKS.get(str(entry.values["status"]), UNREADABLE)
                sheet.write(x, y, shorten(f"{symbol} {word}", width), style(colour))
            elif column.title == "onset":
                self._paint_flags(sheet, x, y, entry)
            else:
                text = shorten(column.text(entry.values), width)
                start = x + width - cell_len(text) if column.right else x
                sheet.write(start, y, text, style(palette.CURSOR if here else palette.TEXT, bold=here))

    def _paint_flags(self, sheet: Cells, x: int, y: int, entry: Entry) -> None:
        words = [word for word in str(entry.values["onset"]).split() if word in _KIND_BY_SHORT]
        for word in words:
            symbol, short, colour = FLAGS[_KIND_BY_SHORT[word]]
            epoch = entry.values[word]
            x = sheet.write(x, y, f"{symbol}{short} {epoch:g} ", style(colour, bold=True))
        if not words and entry.values["healed"] not in ("none", None):
            sheet.write(x, y, "↺ healed", style(palette.GOOD))


def fitting_columns(width: int) -> list[tuple[Column, int, int]]:
    """The columns that fit a width, each with its place and width; the first takes the rest."""
    columns = list(COLUMNS)
    while width - _taken(columns) < LEAST_NAME and len(columns) > 2:
        columns.remove(max(columns, key=lambda column: column.need))
    rest = max(1, width - _taken(columns))
    placed, x = [], _MARKS
    for column in columns:
        size = column.width or rest
        placed.append((column, x, size))
        x += size + 1
    return placed


def _taken(columns: Sequence[Column]) -> int:
    """Cells that the marks and all columns but the first take."""
    return _MARKS + sum(column.width + 1 for column in columns if column.width)
