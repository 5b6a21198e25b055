"""The columns of the table of samples as data."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, number, plain

if TYPE_CHECKING:
    from workbench.tui.samples.ranking import Ranking

FLAG_LOOKS = {0: ("✗", palette.CATASTROPHIC), 1: ("✓", palette.GOOD)}
"""Symbol and colour of a prediction that is wrong, and of one that is right."""


class Cell(NamedTuple):
    """Where a cell's text comes from: an answer, a place in its list, the names of the classes."""

    ranking: "Ranking"
    place: int
    class_names: Sequence[str]

    @property
    def sample(self) -> int:
        """The sample at that place."""
        return int(self.ranking.rows[self.place])


class Column(NamedTuple):
    """A column.

    Attributes:
        title: its heading.
        width: its cells; 0 takes what room is left.
        text: of a cell.
        orders: by which it can be ordered, the first at a first click on the heading.
        need: columns of higher numbers go first where there is no room.
        flag: the column of the log whose symbol it shows, if it does.
    """

    title: str
    width: int
    text: Callable[[Cell], str]
    orders: tuple[str, ...] = ()
    need: int = 0
    flag: str | None = None


def class_name(label: int, names: Sequence[str], width: int | None = None) -> str:
    """The name of a class, or its number where it has none, as plain text."""
    return plain(names[label], width) if 0 <= label < len(names) else f"class {label}"


def nats(value: float) -> str:
    """An energy in at most seven cells."""
    if abs(value) < 1e-3:
        return "0.000"
    return f"{value:.0e}" if 1e5 <= abs(value) < math.inf else number(value)


def _energy(name: str) -> Callable[[Cell], str]:
    return lambda cell: nats(cell.ranking.value(name, cell.sample))


def _flips(cell: Cell) -> str:
    values = cell.ranking.columns.get("flips")
    return "…" if values is None else str(int(values[cell.sample]))


def _change(cell: Cell) -> str:
    return _energy("change")(cell) if "change" in cell.ranking.columns else "…"


def _flag(name: str) -> Callable[[Cell], str]:
    return lambda cell: FLAG_LOOKS.get(int(cell.ranking.columns[name][cell.sample]), (MISSING, ""))[0]


COLUMNS: tuple[Column, ...] = (
    Column("#", 9, lambda cell: f"{cell.place + 1:,}", need=8),
    Column("sample", 9, lambda cell: str(int(cell.ranking.keys.index[cell.sample])), ("index",)),
    Column("class", 0, lambda cell: class_name(int(cell.ranking.keys.label[cell.sample]), cell.class_names, 200)),
    Column("E(x)", 7, _energy("energy"), ("energy",), need=4),
    Column("E(x*)", 7, _energy("energy_adv"), ("energy-adv",), need=5),
    Column("ΔE", 7, _energy("delta"), ("size", "delta"), need=1),
    Column("change", 7, _change, ("change",), need=2),
    Column("flips", 6, _flips, ("flips",), need=3),
    Column("CE(x*)", 7, _energy("loss"), ("loss",), need=7),
    Column("x", 2, _flag("correct"), need=6, flag="correct"),
    Column("x*", 2, _flag("correct_adv"), need=2, flag="correct_adv"),
)
"""From left to right."""

LEAST_CLASS, MOST_CLASS = 6, 24
NAMES_MEASURED = 2_000
_MARK = 2


def name_width(class_names: Sequence[str]) -> int:
    """Cells of the column of classes, if there is room."""
    return max(
        LEAST_CLASS,
        *(
            min(MOST_CLASS, cell_len(class_name(i, class_names, MOST_CLASS)))
            for i in range(min(len(class_names), NAMES_MEASURED))
        ),
        0,
    )


def fitting(width: int, digits: int, name: int, order: str) -> list[tuple[Column, int, int]]:
    """The columns that fit a width, each with its place and width; that of the order stays.

    Args:
        width: cells of the table.
        digits: cells that the longest number of a sample or a place takes.
        name: cells that the name of a class takes.
        order: a name of ``ORDERS``.
    """
    columns = [
        column._replace(width=max(digits, len(column.title) + 1)) if column.title in ("#", "sample") else column
        for column in COLUMNS
    ]
    while width - _taken(columns) < LEAST_CLASS and len(columns) > 3:
        columns.remove(max((each for each in columns if order not in each.orders), key=lambda column: column.need))
    rest = max(1, min(name, width - _taken(columns)))
    placed, x = [], _MARK
    for column in columns:
        size = column.width or rest
        placed.append((column, x, size))
        x += size + 1
    return placed


def _taken(columns: Sequence[Column]) -> int:
    return _MARK + sum(column.width + 1 for column in columns if column.width)
