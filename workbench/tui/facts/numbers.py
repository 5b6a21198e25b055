"""The numbers behind a view: what "export this view" writes. Needs no numpy."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable


class Drawing(NamedTuple):
    """How a table is drawn.

    Attributes:
        kind: "lines" or "points" of the columns ``y`` over the column ``x``; "histogram" and "map" of stored ΔE
            histograms, from the columns "epoch", "lower" and "count".
        x: a column.
        y: columns.
        x_label: of the level axis.
        y_label: of the upright axis.
    """

    kind: Literal["lines", "points", "histogram", "map"]
    x: str
    y: tuple[str, ...]
    x_label: str
    y_label: str


class Table(NamedTuple):
    """Numbers with a name for each column.

    Attributes:
        title: what they are, in a line.
        columns: their names.
        rows: gives the rows, as numbers and texts; called in a thread, so it may read what it needs.
        drawing: how to draw them; None where only a table makes sense of them.
    """

    title: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterable[Sequence[object]]]
    drawing: Drawing | None = None


@runtime_checkable
class Exports(Protocol):
    """A widget of a run that has numbers of its own to export."""

    def export(self) -> Table | None:
        """The numbers that it shows now; None while there are none. Called on the event loop: leave work to rows."""
        ...
