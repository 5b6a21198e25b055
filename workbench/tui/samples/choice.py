"""Which samples are listed and in which order: what the keys of the table choose. Needs no numpy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from workbench.tui.samples.wish import MARKS, Marks, Wish, reference_of

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

_T = TypeVar("_T")

MOST_CLASSES = 100_000
"""Classes beyond which a number that was kept is none."""


class Choice(NamedTuple):
    """An order and a list.

    Attributes:
        order: a name of ``ORDERS``.
        reverse: the other way round.
        label: samples of this class only; None for all.
        marks: samples of this prediction only.
    """

    order: str = "size"
    reverse: bool = False
    label: int | None = None
    marks: Marks = "all"

    def wish(self, view: "View", epoch: int) -> Wish:
        """What that is of an epoch of a view."""
        return Wish(view.data, view.split, epoch, reference_of(view, epoch), *self)

    def next_order(self) -> "Choice":
        """By what comes next."""
        from workbench.analysis.ranking import ORDERS

        return self._replace(order=_after(list(ORDERS), self.order), reverse=False)

    def other_way(self) -> "Choice":
        """The other way round."""
        return self._replace(reverse=not self.reverse)

    def by_column(self, orders: tuple[str, ...]) -> "Choice":
        """By a column: its first order, then its others, each the other way round before the next."""
        if self.order not in orders:
            return self._replace(order=orders[0], reverse=False)
        if not self.reverse:
            return self.other_way()
        return self._replace(order=_after(list(orders), self.order), reverse=False)

    def next_class(self, num_classes: int) -> "Choice":
        """The next class; after the last the first."""
        label = -1 if self.label is None else self.label
        return self._replace(label=(label + 1) % num_classes) if num_classes else self

    def next_marks(self) -> "Choice":
        """The next kind of prediction."""
        return self._replace(marks=_after(list(MARKS), self.marks))

    def restored(self, kept: Mapping[str, object]) -> "Choice":
        """The choice whose ``_asdict`` was kept; what makes no sense is left as it is."""
        from workbench.analysis.ranking import ORDERS

        order, label = kept.get("order"), kept.get("label")
        return Choice(
            order=order if isinstance(order, str) and order in ORDERS else self.order,
            reverse=kept.get("reverse") is True,
            label=label if type(label) is int and 0 <= label < MOST_CLASSES else None,
            marks=next((marks for marks in MARKS if marks == kept.get("marks")), self.marks),
        )


def _after(names: list[_T], name: _T) -> _T:
    return names[(names.index(name) + 1) % len(names)]
