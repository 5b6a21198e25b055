"""The table of samples, read and put in order bit by bit in a thread. Needs numpy: import it late."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import SampleKeys
from trainers.errors import WorkbenchError
from workbench.analysis.ranking import (
    ORDERS,
    FlipCount,
    attacked_loss,
    change_from,
    delta_energy,
    epochs_before,
    ranked,
)
from workbench.tui.facts.source import View
from workbench.tui.samples.wish import Reference, Wish

LOGGED = ("energy", "energy_adv", "correct", "correct_adv")
"""Columns of the log that are shown as they are."""

DERIVED = ("delta", "change", "loss", "flips")
"""Columns that are made of others."""

Array = NDArray[Any]


class Ranking(NamedTuple):
    """An answer, which does not change.

    Attributes:
        wish: to what.
        keys: index and label of all samples.
        rows: the samples that are listed, in order: positions into ``keys``.
        columns: numbers of all samples by name; those that are not there yet are missing.
    """

    wish: Wish
    keys: SampleKeys
    rows: NDArray[np.int32]
    columns: Mapping[str, Array]

    def place_of(self, sample: int) -> int | None:
        """Where a sample, by its position in ``keys``, stands in the list; None if it is not in it."""
        found = np.flatnonzero(self.rows == sample)
        return int(found[0]) if len(found) else None

    def value(self, column: str, sample: int) -> float:
        """A number of a sample, NaN where it is not there."""
        values = self.columns.get(column)
        return float("nan") if values is None else float(values[sample])


class Ranker:
    """Reads what a wish needs. ``step`` is called in one thread at a time; the attributes may be used in another.

    Attributes:
        wish: what is wanted; may be changed at any time.
        ranking: the latest answer.
        problem: why there is none to ``wish``; None while it is worked on.
    """

    def __init__(self) -> None:
        self.wish: Wish | None = None
        self.ranking: Ranking | None = None
        self.problem: str | None = None
        self._view: View | None = None
        self._given_up: tuple[View, Wish] | None = None
        self._keys: tuple[object, SampleKeys] | None = None
        self._columns: tuple[object, dict[str, Array]] = (None, {})
        self._change: tuple[object, Array] | None = None
        self._flips: tuple[object, FlipCount] | None = None

    def ask(self, view: View, wish: Wish) -> None:
        """Want something of a view; on the event loop."""
        self._view, self.wish = view, wish

    @property
    def urgent(self) -> bool:
        """Whether the table waits for an answer."""
        return self.wish is not None and not self._is_given_up() and not self._answers(self.ranking)

    @property
    def counting(self) -> int | None:
        """The epoch up to which flips are counted so far; None while nobody waits for them."""
        ranking = self.ranking
        if ranking is None or "flips" in ranking.columns or self._flips is None or self._is_given_up():
            return None
        return self._flips[1].epoch

    def step(self) -> bool | None:
        """Read the next piece: True if there is an answer to show, False if there is more to read, None if not."""
        view, wish = self._view, self.wish
        if view is None or wish is None or self._is_given_up():
            return None
        try:
            return self._step(view, wish)
        except WorkbenchError as error:
            self._given_up, self.problem = (view, wish), str(error)
            return True

    def _step(self, view: View, wish: Wish) -> bool | None:
        self.problem = None
        keys, columns = self._keys_of(view, wish), self._columns_of(wish)
        wanted = ORDERS[wish.order].column
        first = ("energy", "energy_adv", "correct", "correct_adv", "delta", wanted)
        missing = [name for name in dict.fromkeys((*first, *DERIVED)) if name not in columns]
        if not any(name in first for name in missing) and not self._answers(self.ranking, wish):
            self.ranking = Ranking(wish, keys, self._order(wish, keys, columns), dict(columns))
            return True
        if not missing:
            return None
        self._read(view, wish, missing[0], columns, len(keys))
        ranking = self.ranking
        if missing[0] in columns and ranking is not None and self._answers(ranking, wish):
            self.ranking = ranking._replace(columns=dict(columns))
            return True
        return False

    def _answers(self, ranking: Ranking | None, wish: Wish | None = None) -> bool:
        return ranking is not None and ranking.wish == (self.wish if wish is None else wish)

    def _is_given_up(self) -> bool:
        given_up = self._given_up
        return given_up is not None and given_up[0] is self._view and given_up[1] == self.wish

    def _keys_of(self, view: View, wish: Wish) -> SampleKeys:
        of = wish.data, wish.split
        if self._keys is None or self._keys[0] != of:
            self._keys = of, view.keys()
        return self._keys[1]

    def _columns_of(self, wish: Wish) -> dict[str, Array]:
        """What is there of the wish's epoch; of one epoch at a time."""
        of = wish[:4]
        if self._columns[0] != of:
            shown = self.ranking  # where the cursor went away and came back, what is shown is there already
            self._columns = of, dict(shown.columns) if shown is not None and shown.wish[:4] == of else {}
        return self._columns[1]

    def _order(self, wish: Wish, keys: SampleKeys, columns: Mapping[str, Array]) -> NDArray[np.int32]:
        order = ORDERS[wish.order]
        values = keys.index if order.column == "index" else columns[order.column]
        listed = self._listed(wish, keys, columns)
        descending = order.descending != wish.reverse
        if listed is None:
            return ranked(values, descending=descending, size=order.size)
        return listed[ranked(values[listed], descending=descending, size=order.size)]

    def _listed(self, wish: Wish, keys: SampleKeys, columns: Mapping[str, Array]) -> NDArray[np.int32] | None:
        """The samples that are listed, in their own order; None for all."""
        masks = [] if wish.label is None else [keys.label == wish.label]
        masks += [] if wish.marks == "all" else [columns["correct_adv"] == (wish.marks == "right")]
        return np.flatnonzero(np.logical_and.reduce(masks)).astype(np.int32) if masks else None

    def _read(self, view: View, wish: Wish, name: str, columns: dict[str, Array], size: int) -> None:
        """Read one column; of the flips one epoch."""
        if name in LOGGED:
            columns[name] = view.samples(name, wish.epoch)
        elif name == "index":
            columns[name] = np.empty(0)  # it is among the keys
        elif name == "delta":
            columns[name] = delta_energy(columns["energy"], columns["energy_adv"])
        elif name == "loss":
            joint = view.samples("joint_energy_adv", wish.epoch)
            columns[name] = attacked_loss(columns["energy_adv"], joint)
        elif name == "change":
            columns[name] = self._change_of(view, wish, columns["delta"])
        else:
            assert name == "flips"
            self._count(view, wish, columns, size)

    def _change_of(self, view: View, wish: Wish, delta: Array) -> Array:
        reference = wish.reference
        of = wish.data, wish.split, reference
        if self._change is None or self._change[0] != of:
            after = delta if reference.epoch == wish.epoch else self._delta(view, wish, reference.epoch)
            self._change = of, change_from([*self._before(view, wish, reference)], after)
        return self._change[1]

    def _before(self, view: View, wish: Wish, reference: Reference) -> Iterator[Array]:
        epochs = range(max(0, reference.epoch - 1), reference.epoch)
        for epoch in epochs if reference.kind is None else epochs_before(reference.epoch):
            yield self._delta(view, wish, epoch)

    def _delta(self, view: View, wish: Wish, epoch: int) -> Array:
        energy, energy_adv = (view.samples(name, epoch) for name in ("energy", "energy_adv"))
        return delta_energy(energy, energy_adv)

    def _count(self, view: View, wish: Wish, columns: dict[str, Array], size: int) -> None:
        of = wish.data, wish.split
        if self._flips is None or self._flips[0] != of or self._flips[1].epoch > wish.epoch:
            self._flips = of, FlipCount(size)
        count = self._flips[1]
        if count.epoch < wish.epoch:
            count.take(view.samples("correct_adv", count.epoch + 1))
        if count.epoch == wish.epoch:
            columns["flips"] = count.flips.copy()
