"""ΔE and accuracies of every class: at the epoch under the cursor, and over all epochs."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp

from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.facts.glance import Split
from workbench.tui.keys.classes import CLASSES_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import plain
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.plots.axes import DeltaAxis
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.class_epochs import axis_of, paint_epochs, paint_frame
from workbench.tui.widgets.class_rows import (
    NAME,
    Places,
    heights_of,
    paint_box,
    paint_heads,
    paint_numbers,
    paint_quantiles,
    paint_spread,
    paint_unit,
    places,
)
from workbench.tui.widgets.class_words import MEASURES, numbers_of, titles_of, words_of
from workbench.tui.widgets.timeline import EpochChosen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.tui.facts.class_table import ClassTable, Detail
    from workbench.tui.facts.source import View

ORDERS = ("class", "median", "change", "accuracy_adv")
"""By number; the lowest median first; the largest change first; the lowest accuracy under attack first."""


class Classes(Painted, can_focus=True):
    """A line a class: quantiles of ΔE and numbers at the cursor's epoch, and a band of colours over all epochs."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(CLASSES_KEYS)

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="classes", classes="pane")
        self._view: View | None = None
        self._epoch = 0
        self._tables: dict[Split, ClassTable] = {}
        self._shown: Detail | None = None
        self._order, self._measure = ORDERS[0], "median"
        self._chosen = 0  # place among all classes; another set of samples may have fewer
        self._first = 0
        self._levels: tuple[object, list[list[int]]] | None = None  # kept while only the cursor moves
        self._background = Background(self, self._step, self.repaint)

    @property
    def ready(self) -> bool:
        """Whether everything is read."""
        return self._view is not None and self._background.idle

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``; what is not read yet is read in a thread."""
        from workbench.tui.facts.class_table import ClassTable

        known = self._tables.get(view.split)
        if known is None or not known.is_of(view):
            self._tables[view.split] = known = ClassTable(view)
            self._shown = None
        if self._view is not None and self._view.data is not view.data:
            self._chosen = self._first = 0
        if self._view is not None and self._view.split != view.split:
            self._shown = None
        self._view, self._epoch = view, epoch
        known.look(view, epoch)
        self._background.wake()
        self.repaint()

    def keep(self) -> dict[str, object]:
        """The order of the classes, and what is shown of them over epochs."""
        return {"order": self._order, "measure": self._measure}

    def restore(self, kept: Mapping[str, object]) -> None:
        """Show them as they were shown."""
        order, measure = kept.get("order"), kept.get("measure")
        self._order = next((known for known in ORDERS if known == order), self._order)
        self._measure = next((known for known in MEASURES if known == measure), self._measure)
        self.repaint()

    def action_choose(self, lines: int) -> None:
        """Choose the class so many lines below."""
        order = self._ordered().tolist()
        if order:
            at = order.index(self._place)
            self._chosen = order[min(max(at + lines, 0), len(order) - 1)]
            self.repaint()

    def action_order(self) -> None:
        """Order the classes by the next number, and choose the first."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._chosen = next(iter(self._ordered().tolist()), 0)
        self.repaint()

    def action_measure(self) -> None:
        """Show the next measure over epochs."""
        names = list(MEASURES)
        self._measure = names[(names.index(self._measure) + 1) % len(names)]
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Choose the class that was clicked, and over the picture the epoch."""
        where = self._places(self.content_size.width, self.content_size.height)
        if where is None or self._view is None:
            return
        if where.map is not None and where.map[0] < event.x < where.map[1]:
            self.post_message(EpochChosen(axis_of(where, self._view.num_epochs).epoch(event.x - where.map[0] - 1)))
        order = self._ordered()
        row = self._first + (event.y - 1) // where.lines
        if 1 <= event.y < where.bottom and row < len(order):
            self._chosen = int(order[row])
            self.repaint()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Choose with the wheel."""
        event.stop()
        self.action_choose(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Choose with the wheel."""
        event.stop()
        self.action_choose(-1)

    def paint(self, sheet: Cells) -> None:
        """All that is read so far; what is not says so."""
        view, table = self._view, self._table
        where = self._places(sheet.width, sheet.height)
        if view is None or table is None or where is None:
            return
        axis, detail = view.axis, table.detail(self._epoch) or self._shown
        self._shown = detail
        titles = titles_of(view.split, self._epoch if detail is None else detail.epoch)
        if table.classes is None or not view.num_epochs:
            paint_box(sheet, where, axis, titles)
            words = "reading …" if view.num_epochs else "no epoch is committed yet"
            middle = (where.box[0] + where.box[1]) // 2
            sheet.write_centred(middle, (where.bottom + 1) // 2, plain(self._problem or words), style(palette.MUTED))
            return
        paint_box(sheet, where, axis, titles)
        paint_heads(sheet, where, self._order)
        order = self._ordered()
        at = order.tolist().index(self._place) if len(order) else 0
        self._first = min(max(self._first, at - where.visible + 1), at, max(0, len(order) - where.visible))
        seen = order[self._first : self._first + where.visible]
        self._paint_classes(sheet, where, axis, detail, seen)
        free = self._paint_epochs(sheet, where, seen) if where.map is not None else sheet.width
        paint_unit(sheet, where)
        self._tell(sheet, where, detail, free)

    def _paint_classes(
        self, sheet: Cells, where: Places, axis: DeltaAxis, detail: "Detail | None", seen: "NDArray[np.intp]"
    ) -> None:
        """Name, numbers, histogram and quantiles of the classes that are seen."""
        assert self._table is not None
        columns = where.box[1] - where.box[0] - 1
        tall = where.lines > 1 and detail is not None
        heights = heights_of(detail, seen, columns) if tall and detail is not None else []
        before = self._table.rows.get(detail.epoch - 1) if detail is not None else None
        for line, place in enumerate(seen.tolist()):
            y, chosen = 1 + line * where.lines, place == self._place
            base = y + where.lines - 1
            if chosen:
                sheet.put(0, base, "▸", style(palette.CURSOR, bold=True))
            look = style(palette.CURSOR if chosen else palette.TEXT, bold=chosen)
            sheet.write(2, base, plain(self._title_of(place), where.name), look)
            paint_numbers(sheet, where, base, numbers_of(self._table, place, detail), chosen=chosen)
            if heights:
                paint_spread(sheet, where, y, where.lines - 1, heights[line])
            if detail is not None:
                median = float(before[0, place]) if before is not None else math.nan
                paint_quantiles(sheet, where, base, axis, detail.numbers.quantiles[place].tolist(), median)

    def _paint_epochs(self, sheet: Cells, where: Places, seen: "NDArray[np.intp]") -> int:
        """The picture over epochs; the column before which the last line is free."""
        from workbench.tui.facts.class_map import levels_of, scale_of

        assert self._view is not None
        assert self._table is not None
        axis, colours = axis_of(where, self._view.num_epochs), pictures_in_colour(self.app)
        scale = scale_of(self._view, self._measure)
        free = paint_frame(sheet, where, MEASURES[self._measure], scale.words, colours=colours)
        key = (self._table, self._table.num_read, self._measure, axis, seen.tobytes(), scale)
        if self._levels is None or self._levels[0] != key:
            self._levels = key, levels_of(self._table, self._measure, axis, seen, scale).tolist()
        levels = self._levels[1]
        paint_epochs(sheet, where, levels, axis, self._epoch, self._view.summary.onsets, colours=colours)
        return free

    def _tell(self, sheet: Cells, where: Places, detail: "Detail | None", free: int) -> None:
        """One line: the class that is chosen, and what is still to be read or cannot be."""
        assert self._table is not None
        classes, y = self._table.classes, where.bottom + 2
        if classes is None or not len(classes):
            sheet.write(1, y, "the log has no classes", style(palette.MUTED))
            return
        missing = self._table.missing
        news = plain(self._problem, 40) if self._problem else f"{missing} epochs to read" if missing else ""
        sheet.write_right(free - 1, y, news, style(palette.WARNING if self._problem else palette.MUTED))
        room = free - 2 - (cell_len(news) + 2 if news else 0)
        words = words_of(self._table, plain(self._title_of(self._place), NAME), self._place, detail)
        sheet.write(1, y, plain(words, max(room, 0)), style(palette.MUTED))

    @property
    def _problem(self) -> str | None:
        """Why something is not read."""
        return (self._table.problem if self._table is not None else None) or self._background.problem

    @property
    def _place(self) -> int:
        """The class that is chosen, among those that there are."""
        classes = None if self._table is None else self._table.classes
        return min(self._chosen, max(0, len(classes) - 1)) if classes is not None else 0

    def _ordered(self) -> "NDArray[np.intp]":
        """Places of all classes in the order that is chosen."""
        import numpy as np

        epoch = None if self._shown is None else self._shown.epoch
        return np.arange(0) if self._table is None else self._table.ordered(self._order, epoch)

    def _title_of(self, place: int) -> str:
        """A class's name; its number in brackets where it has none."""
        assert self._view is not None
        assert self._table is not None
        assert self._table.classes is not None
        label, names = int(self._table.classes.labels[place]), self._view.meta.class_names
        return names[label] if 0 <= label < len(names) else f"({label})"

    def _places(self, width: int, height: int) -> Places | None:
        table = self._table
        classes = table.classes if table is not None else None
        count = len(classes) if classes is not None else 0
        names = [cell_len(plain(self._title_of(place), NAME)) for place in range(count)]
        return places(width, height, names, count)

    @property
    def _table(self) -> "ClassTable | None":
        return self._tables.get(self._view.split) if self._view is not None else None

    def _step(self) -> bool | None:
        """In a thread: read what is wanted most."""
        table = self._table
        return None if table is None else table.step()
