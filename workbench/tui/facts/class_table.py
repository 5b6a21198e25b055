"""Per-class statistics of a run's epochs, read bit by bit in a thread. Needs numpy: import it late."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.analysis.by_class import ByClass, Classes, by_class, classes_of, spreads
from workbench.tui.facts.source import View
from workbench.tui.plots.axes import DeltaAxis

MOST_EPOCHS = 1_024
"""The most epochs of which medians and accuracies are kept; of longer runs, evenly spaced ones."""

KEPT = 8
"""Epochs of which quantiles and histograms are kept."""

FINE = 96
"""Steps of the ΔE axis in the histogram of a class."""

MEASURES = ("median", "accuracy_adv", "accuracy")
"""What is kept of every epoch, as float32."""

GIVEN_UP = 3
"""Failures in a row after which nothing more is tried until the log was looked at again."""


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is shown of one epoch: the numbers of each class, and its histogram over an axis, shape (C, FINE)."""

    epoch: int
    numbers: ByClass
    counts: NDArray[np.int64]
    axis: DeltaAxis


class ClassTable:
    """The classes of one split of a run: quantiles of the epochs last looked at, medians and accuracies of all.

    ``step`` is called in one thread, ``look`` in another; what they share is replaced, never changed.

    Attributes:
        classes: which there are, None until they are read.
        rows: a row per name of MEASURES of each epoch read so far, shape (3, C).
        num_read: epochs read so far, again and again counted: what was made of ``rows`` is old once it has changed.
        problem: why something could not be read, None where all could.
    """

    def __init__(self, view: View) -> None:
        """Over the split that a view shows; nothing is read yet."""
        self.classes: Classes | None = None
        self.rows: dict[int, NDArray[np.float32]] = {}
        self.num_read = 0
        self.problem: str | None = None
        self._details: OrderedDict[int, Detail] = OrderedDict()
        self._failed: set[int] = set()
        self._failures = 0
        self._view, self._epoch, self._wanted = view, 0, _evenly(view.num_epochs)

    def is_of(self, view: View) -> bool:
        """Whether what was read is part of this view."""
        return self._view.data is view.data and self._view.split == view.split

    def look(self, view: View, epoch: int) -> None:
        """Want the epochs of this view, those near ``epoch`` first."""
        if view is not self._view:
            self._failed, self._failures, self.problem = set(), 0, None
        self._view, self._epoch, self._wanted = view, epoch, _evenly(view.num_epochs)

    def detail(self, epoch: int) -> Detail | None:
        """An epoch's quantiles and histograms, if they are read."""
        found = self._details.get(epoch)
        return found if found is not None and found.axis == self._view.axis else None

    @property
    def missing(self) -> int:
        """Epochs that are still to be read."""
        return sum(epoch not in self.rows for epoch in self._wanted)

    def ordered(self, by: str, epoch: int | None) -> NDArray[np.intp]:
        """Places of all classes, those without a number last.

        Args:
            by: "class"; "median" or "accuracy_adv", the lowest first; "change" of the median, the largest first.
            epoch: at which; by number where nothing is read of it.
        """
        count = len(self.classes) if self.classes is not None else 0
        row = None if epoch is None else self.rows.get(epoch)
        if by == "class" or row is None or epoch is None:
            return np.arange(count)
        if by != "change":
            return np.argsort(row[MEASURES.index(by)], kind="stable")
        before = self.rows.get(epoch - 1)
        return np.arange(count) if before is None else np.argsort(-np.abs(row[0] - before[0]), kind="stable")

    def step(self) -> bool | None:
        """Read what is wanted most: the epoch under the cursor, the one before, then ever farther ones.

        Returns:
            True if that was the epoch under the cursor or the one before, None if nothing is left to read.
        """
        view, epoch = self._view, self._epoch
        if self._failures >= GIVEN_UP or not view.num_epochs:
            return None
        near = [each for each in (epoch, epoch - 1) if each >= 0 and self.detail(each) is None]
        far = (each for each in sorted(self._wanted, key=lambda each: abs(each - epoch)) if each not in self.rows)
        wanted = next((each for each in (*near, *far) if each not in self._failed), None)
        if wanted is None:
            return None
        try:
            self._read(view, wanted, whole=wanted in near)
            self._failures = 0
        except (WorkbenchError, OSError) as error:
            self.problem = str(error)
            self._failed = {*self._failed, wanted}
            self._failures += 1
        return wanted in near

    def _read(self, view: View, epoch: int, *, whole: bool) -> None:
        if self.classes is None:
            self.classes = classes_of(view.keys().label, len(view.meta.class_names))
        energy, energy_adv, correct, correct_adv = (
            view.samples(column, epoch) for column in ("energy", "energy_adv", "correct", "correct_adv")
        )
        with np.errstate(invalid="ignore", over="ignore"):  # a diverged run has infinite energies
            delta = energy - energy_adv
        numbers = by_class(delta, correct, correct_adv, self.classes)
        if whole:
            counts = spreads(delta, self.classes, np.array(view.axis.edges(FINE)))
            self._details[epoch] = Detail(epoch, numbers, counts, view.axis)
            self._details.move_to_end(epoch)
            while len(self._details) > KEPT:
                self._details.popitem(last=False)
        if len(self.rows) >= 2 * MOST_EPOCHS:  # a run that grew has others evenly spaced
            wanted = {*self._wanted, *self._details}
            self.rows = {each: row for each, row in self.rows.items() if each in wanted}
        self.rows[epoch] = np.array([getattr(numbers, name) for name in MEASURES], dtype=np.float32)
        self.num_read += 1


def _evenly(count: int) -> list[int]:
    """All of ``count`` epochs, or MOST_EPOCHS of them."""
    shown = min(count, MOST_EPOCHS)
    return [place * count // shown for place in range(shown)]
