"""The table of samples: any number of rows, of which those are formatted that are seen."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Region
from textual.message import Message

from workbench.tui.acts.seen import Target
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import plain, shorten
from workbench.tui.samples.columns import FLAG_LOOKS, LEAST_CLASS, Cell, Column, fitting, name_width
from workbench.tui.samples.wish import Reference
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.timeline import FLAGS

if TYPE_CHECKING:
    from workbench.tui.samples.ranking import Ranking

HEAD = 2
"""Lines above the rows: what is listed, and the headings."""


class Pointed(Message):
    """The user pointed at a row; ``opened`` by a second click."""

    def __init__(self, place: int, *, opened: bool) -> None:
        super().__init__()
        self.place, self.opened = place, opened


class Turned(Message):
    """The user turned the wheel by some rows."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows


class Sorted(Message):
    """The user pointed at the heading of a column that can be ordered by."""

    def __init__(self, orders: tuple[str, ...]) -> None:
        super().__init__()
        self.orders = orders


class SampleTable(Painted):
    """A page of samples around the selected one."""

    def __init__(self) -> None:
        super().__init__(id="sample-table")
        self._ranking: Ranking | None = None
        self._place = 0
        self._caption = ""
        self._words = "reading …"
        self._names: Sequence[str] = ()
        self._name_width = LEAST_CLASS
        self._top = 0

    @property
    def page(self) -> int:
        """Rows that are seen at once."""
        return max(1, self.content_size.height - HEAD)

    def show(
        self, ranking: "Ranking | None", place: int, *, caption: str, words: str, class_names: Sequence[str]
    ) -> None:
        """Show a list.

        Args:
            ranking: the list; None where there is none yet.
            place: of the selected sample in it.
            caption: what is listed.
            words: what is said where there is nothing to list.
            class_names: by label.
        """
        self._ranking, self._place, self._caption, self._words = ranking, place, caption, words
        if class_names is not self._names:
            self._names, self._name_width = class_names, name_width(class_names)
        self.repaint()

    def targets(self) -> list[Target]:
        """The rows and the headings that are seen."""
        ranking, region = self._ranking, self.content_region
        if ranking is None:
            return []
        places = range(self._top, min(self._top + self.page, len(ranking.rows)))
        rows = [
            Target(Region(region.x, region.y + y, region.width, 1), partial(self._point, place))
            for y, place in enumerate(places, HEAD)
        ]
        headings = [
            Target(Region(region.x + x, region.y + 1, width, 1), partial(self.post_message, Sorted(column.orders)))
            for column, x, width in self._columns(ranking, region.width)
            if column.orders
        ]
        return headings + rows

    def _point(self, place: int) -> None:
        self.post_message(Pointed(place, opened=False))

    def on_click(self, event: Click) -> None:
        """Select a row, or order by a column."""
        ranking = self._ranking
        if ranking is None:
            return
        place = self._top + event.y - HEAD
        if event.y == HEAD - 1:
            for column, x, width in self._columns(ranking, self.content_size.width):
                if x <= event.x <= x + width and column.orders:
                    self.post_message(Sorted(column.orders))
        elif event.y >= HEAD and place < len(ranking.rows):
            self.post_message(Pointed(place, opened=event.chain > 1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Down with the wheel."""
        event.stop()
        self.post_message(Turned(3))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Up with the wheel."""
        event.stop()
        self.post_message(Turned(-3))

    def paint(self, sheet: Cells) -> None:
        """What is listed and where in it one is, the headings, the rows that fit."""
        ranking = self._ranking
        if ranking is None or not len(ranking.rows):
            sheet.write(1, 0, self._caption, style(palette.MUTED))
            sheet.write(2, HEAD, plain(self._words, max(1, sheet.width - 3)), style(palette.MUTED))
            return
        position = f"{self._place + 1:,} of {len(ranking.rows):,}"
        sheet.write(1, 0, shorten(self._caption, sheet.width - len(position) - 3), style(palette.MUTED))
        sheet.write_right(sheet.width - 1, 0, position, style(palette.TEXT, bold=True))
        columns = self._columns(ranking, sheet.width)
        for column, x, width in columns:
            self._paint_heading(sheet, ranking, column, x, width)
        rows = max(1, sheet.height - HEAD)
        self._top = min(max(self._top, self._place - rows + 1, 0), self._place, max(0, len(ranking.rows) - rows))
        for y, place in enumerate(range(self._top, min(self._top + rows, len(ranking.rows))), HEAD):
            self._paint_row(sheet, y, Cell(ranking, place, self._names), columns)

    def _columns(self, ranking: "Ranking", width: int) -> list[tuple[Column, int, int]]:
        digits = max(len(f"{len(ranking.rows):,}"), len(str(int(ranking.keys.index.max(initial=0)))))
        return fitting(width, digits, self._name_width, ranking.wish.order)

    def _paint_heading(self, sheet: Cells, ranking: "Ranking", column: Column, x: int, width: int) -> None:
        wish = ranking.wish
        sorts = wish.order in column.orders
        title = change_title(wish.reference) if column.title == "change" else column.title
        if sorts:
            title = ("|ΔE|" if wish.order == "size" else title) + arrow(wish.order, reverse=wish.reverse)
        start = x if _is_left(column) else x + width - cell_len(title)
        sheet.write(max(0, start), 1, title, style(palette.TEXT if sorts else palette.MUTED, bold=sorts))

    def _paint_row(self, sheet: Cells, y: int, cell: Cell, columns: Sequence[tuple[Column, int, int]]) -> None:
        here = cell.place == self._place
        look = style(palette.CURSOR if here else palette.TEXT, bold=here)
        sheet.write(0, y, "▶" if here else " ", style(palette.CURSOR, bold=True))
        for column, x, width in columns:
            text = shorten(column.text(cell), width)
            if column.flag is not None:
                colours = dict(FLAG_LOOKS.values())
                sheet.write(x + width - 1, y, text, style(colours.get(text, palette.FAINT)))
            else:
                sheet.write(x if _is_left(column) else x + width - cell_len(text), y, text, look)


def change_title(reference: Reference) -> str:
    """The heading of the change: at which onset, or none."""
    if reference.kind is None:
        return "change"
    symbol, short, _ = FLAGS[reference.kind]
    return f"at {symbol}{short}"


def arrow(order: str, *, reverse: bool) -> str:
    """Which way a column is ordered: ↓ the largest first."""
    ascends = order == "index"
    return "↑" if ascends != reverse else "↓"


def _is_left(column: Column) -> bool:
    return column.width == 0
