"""What the app shows: an unchanging view of the run, read from its log off the event loop."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog, RunMeta, SampleKeys
from trainers.energylog.schema import histogram_edges
from trainers.errors import WorkbenchError
from workbench.analysis import display_range
from workbench.summary import RunSummary, summarize
from workbench.tui.context import run_folder
from workbench.tui.facts.glance import SHOWN, Facts, Moment, Split, read_facts, read_moment, splits_with_delta_energy
from workbench.tui.facts.handle import Handle
from workbench.tui.facts.trouble import Replaced, Trouble
from workbench.tui.plots.axes import DeltaAxis

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A run as it was when it was last read.

    Attributes:
        facts: what the header says.
        meta: all that is fixed for the life of the run.
        summary: the run in a nutshell, onsets included.
        table: one row of EPOCH_DTYPE per committed epoch, shape (E,).
        split: whose ΔE is shown.
        splits: the splits that have any ΔE; both where neither has.
        counts: the ΔE histogram of that split, shape (E, HISTOGRAM_BINS).
        axis: the ΔE that plots show.
        events: rows of EVENT_DTYPE.
        read_at: seconds since 1970-01-01 UTC when this was read.
        source: where samples can be read from, in a thread.
        data: stands for what the log holds: the same object in all views of one run that only grew in between, another
            one once the log was replaced by that of another run, or of the same run begun anew.
        trouble: why not all of the log can be read any more, None while it can.
        replaced: which run's log this one has taken the place of while it was looked at; None where it is the first.
    """

    facts: Facts
    meta: RunMeta
    summary: RunSummary
    table: NDArray[np.void]
    split: Split
    splits: tuple[Split, ...]
    counts: NDArray[np.uint32]
    axis: DeltaAxis
    events: NDArray[np.void]
    read_at: float
    source: "Source"
    data: object
    trouble: Trouble | None = None
    replaced: Replaced | None = None

    @property
    def num_epochs(self) -> int:
        """Committed epochs."""
        return len(self.table)

    @property
    def attack(self) -> str | None:
        """The attack that made x* of the split shown."""
        return {"train": self.meta.train_attack, "probe": self.meta.probe_attack}[self.split]

    def value(self, column: str, epoch: int) -> float:
        """A column of the epoch table, NaN beyond it."""
        return float(self.table[column][epoch]) if 0 <= epoch < self.num_epochs else float("nan")

    def samples(self, column: str, epoch: int, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """One per-sample column of one epoch of the split shown, or a part of it; in a thread.

        Raises:
            WorkbenchError: it cannot be read, or no longer from this log.
        """
        values = self.source.samples(self.split, column, epoch, part)
        self._check()
        return values

    def keys(self) -> SampleKeys:
        """Index and label of each sample of the split shown; in a thread.

        Raises:
            WorkbenchError: they cannot be read, or no longer from this log.
        """
        keys = self.source.keys(self.split)
        self._check()
        return keys

    def moment(self, epoch: int) -> Moment:
        """One epoch, for the widgets that show one."""
        return read_moment(
            self.table,
            self.counts,
            epoch=epoch,
            split=self.split,
            attack=self.attack,
            bounds=(self.axis.low, self.axis.high),
        )

    def _check(self) -> None:
        if self.source.data is not self.data:
            raise WorkbenchError("another log has taken the place of this one")


class Source:
    """Reads one log; ``read`` may be called from any thread.

    Attributes:
        data: that of the latest view.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Say what to read; nothing is read yet.

        Args:
            path: a run directory or its log file.
            clock: seconds since 1970-01-01 UTC.
        """
        self._path, self._clock, self._lock = path, clock, threading.Lock()
        self._handle = Handle(path, clock)
        self._closed, self._renewals = False, 0
        self._view: View | None = None
        self.data: object = None

    def read(self, split: Split | None = None) -> View:
        """The run as it is now; what was read before, with ``trouble`` set, where the log cannot be read any more.

        Args:
            split: whose ΔE to read; None for the one read before, at first the training set where it has any.

        Raises:
            WorkbenchError: nothing was read before, and there is no readable energy log.
        """
        with self._lock:
            try:
                self._view = self._read(split)
            except (WorkbenchError, OSError) as error:
                if self._view is None:
                    raise error if isinstance(error, WorkbenchError) else WorkbenchError(str(error)) from error
                what = str(error) or type(error).__name__
                self._view = replace(self._view, trouble=self._trouble(what, whole=True))
            return self._view

    def samples(self, split: Split, column: str, epoch: int, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """One per-sample column of one epoch, shape (N,), or a part of it; see ``EnergyLog.samples``.

        Raises:
            WorkbenchError: the epoch is not in the log, or it cannot be read.
        """
        with self._lock:
            if not 0 <= epoch < self._handle.open().committed:
                raise WorkbenchError(f"the log has no epoch {epoch}")
            return self._part(lambda log: log.samples(split, column, epoch, part))

    def steps(self, names: Sequence[str], first: int, stop: int) -> dict[str, NDArray[Any]]:
        """Some columns of the steps of some epochs; see ``EnergyLog.steps_of``.

        Raises:
            WorkbenchError: they cannot be read.
        """
        with self._lock:
            return self._part(lambda log: log.steps_of(names, first, stop))

    def keys(self, split: Split) -> SampleKeys:
        """Index and label of each sample of a split.

        Raises:
            WorkbenchError: they cannot be read.
        """
        with self._lock:
            return self._part(lambda log: log.keys(split))

    def close(self) -> None:
        """Close the log, when a reading under way has ended: call it in a thread. Nothing is read afterwards."""
        self._closed = True
        with self._lock:
            self._handle.close()

    def _read(self, split: Split | None) -> View:
        self._check_open()
        before, log = self._view, self._handle.look()
        damage = self._handle.damage
        trouble, now = None if damage is None else self._trouble(damage, whole=False), self._clock()
        if before is not None and split in (None, before.split) and not self._has_news(before, log):
            return replace(before, facts=read_facts(log), read_at=now, trouble=trouble)
        table, goes_on = log.epochs(), before is not None and self._goes_on(before, log)
        splits = splits_with_delta_energy(table)
        wanted = split or (before.split if before is not None else None)
        shown = wanted if wanted is not None and (wanted in splits or goes_on) else splits[0]
        counts = log.histogram(shown)
        if not goes_on:
            self.data = object()
        self._renewals = self._handle.renewals
        return View(
            facts=read_facts(log),
            meta=log.meta,
            summary=summarize(log, now=now),
            table=table,
            split=shown,
            splits=splits,
            counts=counts,
            axis=DeltaAxis(*display_range(counts, histogram_edges(), SHOWN)),
            events=log.events(),
            read_at=now,
            source=self,
            data=self.data,
            trouble=trouble,
            replaced=_replaced(before, log, now),
        )

    def _part(self, read: Callable[[EnergyLog], _T]) -> _T:
        self._check_open()
        return self._handle.attempt(read)

    def _check_open(self) -> None:
        if self._closed:
            raise WorkbenchError(f"{self._path} is not read any more")

    def _trouble(self, what: str, *, whole: bool) -> Trouble:
        """The trouble that there is now; of one that lasts, when it began."""
        before, what = self._view, what.replace(f"{run_folder(self._path)}{os.sep}", "")
        assert before is not None, "nothing was read, so nothing can have been asked for"
        return Trouble(what, before.read_at if before.trouble is None else before.trouble.since, whole)

    def _has_news(self, before: View, log: EnergyLog) -> bool:
        """Whether there is more to show than another step of the epoch under way."""
        facts = before.facts
        seen = (self._renewals, before.meta, facts.num_epochs, facts.status, len(before.events))
        return seen != (self._handle.renewals, log.meta, log.committed, log.status, len(log.events()))

    def _goes_on(self, before: View, log: EnergyLog) -> bool:
        """Whether the log still holds what it held: the same file, or one of the same run that holds as much."""
        if self._handle.renewals == self._renewals:
            return True
        return log.meta == before.meta and log.epochs()[: before.num_epochs].tobytes() == before.table.tobytes()


def _replaced(before: View | None, log: EnergyLog, now: float) -> Replaced | None:
    """Which run was here before, if this is another one's log by now."""
    if before is None:
        return None
    return before.replaced if before.meta.run_id == log.meta.run_id else Replaced(before.meta.run_id, now)
