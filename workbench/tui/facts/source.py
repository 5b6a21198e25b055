"""What the app shows: an unchanging view of the run, read from its log off the event loop."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog, RunMeta, SampleKeys
from trainers.energylog.schema import histogram_edges
from trainers.errors import WorkbenchError
from workbench.analysis import display_range
from workbench.summary import RunSummary, summarize
from workbench.tui.facts.glance import SHOWN, Facts, Moment, Split, read_facts, read_moment, splits_with_delta_energy
from workbench.tui.plots.axes import DeltaAxis


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
        problem: why the log cannot be read any more, None while it can.
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
    problem: str | None = None

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
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._log: EnergyLog | None = None
        self._closed = False
        self._view: View | None = None
        self._opened: tuple[int, bool] = (0, False)
        self.data: object = None

    def read(self, split: Split | None = None) -> View:
        """The run as it is now; what was read before, with ``problem`` set, where the log cannot be read any more.

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
                self._view = replace(self._view, problem=str(error) or type(error).__name__)
            return self._view

    def samples(self, split: Split, column: str, epoch: int, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """One per-sample column of one epoch, shape (N,), or a part of it; see ``EnergyLog.samples``.

        Raises:
            WorkbenchError: the epoch is not in the log, or it cannot be read.
        """
        with self._lock:
            return self._open().samples(split, column, epoch, part)

    def steps(self, names: Sequence[str], first: int, stop: int) -> dict[str, NDArray[Any]]:
        """Some columns of the steps of some epochs; see ``EnergyLog.steps_of``.

        Raises:
            WorkbenchError: they cannot be read.
        """
        with self._lock:
            return self._open().steps_of(names, first, stop)

    def keys(self, split: Split) -> SampleKeys:
        """Index and label of each sample of a split.

        Raises:
            WorkbenchError: they cannot be read.
        """
        with self._lock:
            return self._open().keys(split)

    def close(self) -> None:
        """Close the log, when a reading under way has ended: call it in a thread. Nothing is read afterwards."""
        self._closed = True
        with self._lock:
            if self._log is not None:
                self._log.close()

    def _read(self, split: Split | None) -> View:
        before, log = self._view, self._open()
        if before is not None:
            log.refresh()
            if not log.path.exists():
                raise WorkbenchError(f"{log.path} is gone; shown is what was read before")
        now, wanted = self._clock(), split or (before.split if before is not None else None)
        if before is not None and before.split == wanted and not self._has_news(before):
            return replace(before, facts=read_facts(log), read_at=now, problem=None)
        table = log.epochs()
        splits = splits_with_delta_energy(table)
        shown = wanted or splits[0]
        counts = log.histogram(shown)
        if before is None or not self._goes_on(before, log, table):
            self.data = object()
        self._opened = log.num_replaced, log.in_segments
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
        )

    def _open(self) -> EnergyLog:
        """The log, opened once."""
        if self._closed:
            raise WorkbenchError(f"{self._path} is not read any more")
        if self._log is None:
            self._log = EnergyLog.open(self._path, clock=self._clock)
        return self._log

    def _has_news(self, before: View) -> bool:
        """Whether there is more to show than another step of the epoch under way."""
        assert self._log is not None
        log, facts = self._log, before.facts
        seen = (self._opened[0], before.meta, facts.num_epochs, facts.status, len(before.events))
        return seen != (log.num_replaced, log.meta, log.committed, log.status, len(log.events()))

    def _goes_on(self, before: View, log: EnergyLog, table: NDArray[np.void]) -> bool:
        """Whether the log still holds what it held: the same file, or an index that the same run has replaced."""
        replaced, in_segments = self._opened
        if log.num_replaced == replaced:
            return True
        held = table[: before.num_epochs]
        return in_segments and log.meta == before.meta and held.tobytes() == before.table.tobytes()
