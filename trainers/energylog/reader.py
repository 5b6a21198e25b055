"""Read a log: finished, still growing, or left behind by a killed writer."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.access import LogFile
from trainers.energylog.meta import RunMeta
from trainers.energylog.opening import damaged, find
from trainers.energylog.schema import CRASHED_AFTER_SECONDS, HISTOGRAM_OF, SAMPLE_COLUMNS, SPLITS, STEP_DTYPE
from trainers.energylog.tables import SampleKeys
from trainers.errors import WorkbenchError


class EnergyLog:
    """A log open for reading; a context manager that may be shared by threads.

    Only committed rows are ever returned, and no newer ones than the last :meth:`refresh` found. Arrays are read-only
    and cached: after a refresh only new rows are read.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Open the file at ``path``; use :meth:`open` instead."""
        self.path = path
        self._clock = clock
        self._log = LogFile.open(path)
        self._state = self._log.read_state()
        self._closed = False
        self._reported = self._visible()
        self._cache: dict[str, NDArray[Any]] = {}
        self._num_replaced = 0
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: str | Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open a log; only its attributes and ``/state`` are read now.

        Args:
            path: A run directory (its ``run.h5`` is taken) or the file.
            clock: Seconds since 1970-01-01 UTC, to tell how old the heartbeat is.

        Raises:
            WorkbenchError: There is no log, or it is not HDF5, no energy log, of a newer schema, or damaged.
        """
        return cls(find(Path(path))[0], clock)

    @property
    def meta(self) -> RunMeta:
        """What is fixed for the life of the run."""
        return self._log.meta

    @property
    def status(self) -> str:
        """One of running, finished, stopped, failed, and crashed: running by its own word, but without a pulse."""
        with self._lock:
            if self._pulseless():
                self._look()
            return "crashed" if self._pulseless() else self._state.status

    @property
    def heartbeat(self) -> float:
        """The writer's last sign of life, seconds since 1970-01-01 UTC."""
        return self._state.heartbeat

    @property
    def committed(self) -> int:
        """Epochs that can be read."""
        return self._state.rows["epoch"]

    @property
    def num_replaced(self) -> int:
        """How often another file was found in the place of the one that was open."""
        return self._num_replaced

    @property
    def in_segments(self) -> bool:
        """Whether the file is an index that each epoch replaces, and the tables are in files of their own."""
        return self._log.in_segments

    def refresh(self) -> bool:
        """Look for what was committed since; reopens the file if a resumed run has replaced it.

        Returns:
            Whether there are new epochs, steps or events, or a new status.

        Raises:
            WorkbenchError: The file is damaged.
        """
        with self._lock:
            self._look()
            before, self._reported = self._reported, self._visible()
            return before != self._reported

    def epochs(self) -> NDArray[np.void]:
        """One row per committed epoch: EPOCH_DTYPE, shape (committed,).

        Raises:
            WorkbenchError: Committed rows cannot be read.
        """
        with self._lock:
            rows = self._growing("/epoch", "epoch")
            if not np.array_equal(rows["epoch"], np.arange(len(rows))):
                raise damaged(self.path, "/epoch: epochs are not numbered from 0")
            return rows

    def steps(self) -> NDArray[np.void]:
        """One row per step on disk, padding left out: STEP_DTYPE, shape (num_steps,).

        Raises:
            WorkbenchError: Committed rows cannot be read.
        """
        with self._lock:
            columns = {name: self._growing(f"/step/{name}", "step") for name in STEP_DTYPE.names or ()}
            real = columns["step"] >= 0
            rows = np.empty(int(np.count_nonzero(real)), dtype=STEP_DTYPE)
            for name, values in columns.items():
                rows[name] = values[real]
            return rows

    def steps_of(self, names: Sequence[str], first: int, stop: int) -> dict[str, NDArray[Any]]:
        """Some columns of the steps of the epochs from ``first`` to ``stop - 1``; of a long run only these are read.

        Args:
            names: Names of STEP_COLUMNS.
            first: The first epoch.
            stop: The epoch after the last.

        Returns:
            The columns in the order of the steps, each of shape (steps,); epochs without recorded steps have none.

        Raises:
            WorkbenchError: Committed rows cannot be read.
        """
        with self._lock:
            epochs = self._growing("/step/epoch", "step")
            rows = np.flatnonzero((epochs >= first) & (epochs < stop))
            start, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
            committed = self._state.rows["step"]

            def column(name: str) -> NDArray[Any]:
                return self._log.rows(f"/step/{name}", start, end, committed=committed)[rows - start]

            if start == end:
                return {name: np.empty(0, dtype=STEP_DTYPE[name]) for name in names}
            real = column("step") >= 0
            return {name: column(name)[real] for name in names}

    def histogram(self, split: str) -> NDArray[np.uint32]:
        """Counts of ΔE(x) per bin of ``histogram_edges()``, shape (committed, HISTOGRAM_BINS).

        Args:
            split: train or probe.

        Raises:
            WorkbenchError: Committed rows cannot be read.
        """
        with self._lock:
            return self._growing(HISTOGRAM_OF[split], "epoch")

    def samples(self, split: str, column: str, epoch: int, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """One per-sample column of one epoch, shape (N,).

        Args:
            split: train or probe.
            column: A name of SAMPLE_COLUMNS.
            epoch: An epoch from 0 to ``committed - 1``.
            part: The first sample wanted and the one after the last; None for all. Of one in segments all is read.

        Raises:
            WorkbenchError: The epoch is not in the log, or it cannot be read.
        """
        assert split in SPLITS, split
        assert column in {known.name for known in SAMPLE_COLUMNS}, column
        with self._lock:
            if not 0 <= epoch < self.committed:
                raise WorkbenchError(f"{self.path} has no epoch {epoch}; its epochs are 0 to {self.committed - 1}")
            path = f"/{split}/{column}"
            try:
                return self._row(path, epoch, part)
            except WorkbenchError:
                if not self._log.in_segments or self._log.is_at(self.path):
                    raise
                self._look()  # the run has ended meanwhile, and its segments have become one file
                return self._row(path, epoch, part)

    def keys(self, split: str) -> SampleKeys:
        """Index and label of each sample of a split.

        Raises:
            WorkbenchError: They cannot be read.
        """
        with self._lock:
            for name in ("index", "label"):
                path = f"/{split}/{name}"
                if path not in self._cache:
                    self._cache[path] = _frozen(self._log.fixed(path))
            return SampleKeys(index=self._cache[f"/{split}/index"], label=self._cache[f"/{split}/label"])

    def events(self) -> NDArray[np.void]:
        """The events so far: EVENT_DTYPE, in the order they were written.

        ``kind`` and ``message`` are UTF-8 bytes from the file; see :func:`~trainers.energylog.decode`.

        Raises:
            WorkbenchError: Committed rows cannot be read.
        """
        with self._lock:
            return self._growing("/events", "event")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _row(self, path: str, epoch: int, part: tuple[int, int] | None) -> NDArray[Any]:
        if part is not None:
            return self._log.part(path, epoch, *part, committed=self.committed)
        row: NDArray[Any] = self._log.rows(path, epoch, epoch + 1, committed=self.committed)[0]
        return row

    def _look(self) -> None:
        if not self._log.is_at(self.path):
            renewed = LogFile.open(self.path)
            self._log.close()
            self._log = renewed
            self._state = renewed.read_state()
            self._cache.clear()
            self._num_replaced += 1
            return
        state = self._log.read_state()
        if any(state.rows[axis] < count for axis, count in self._state.rows.items()):
            raise damaged(self.path, "its counters went back")
        self._state = state

    def _visible(self) -> tuple[object, ...]:
        """What a viewer can tell apart: which file it is, what is committed and the stored status."""
        return id(self._log), self._state.status, *self._state.rows.values()

    def _pulseless(self) -> bool:
        return self._state.status == "running" and self._clock() - self._state.heartbeat > CRASHED_AFTER_SECONDS

    def _growing(self, path: str, axis: str) -> NDArray[Any]:
        """All committed rows of a data set, of which only those not yet cached are read."""
        stop = self._state.rows[axis]
        cached = self._cache.get(path)
        start = 0 if cached is None else len(cached)
        if cached is None or start < stop:
            rows = self._log.rows(path, start, stop, committed=stop)
            self._cache[path] = cached = _frozen(rows if cached is None else np.concatenate([cached, rows]))
        return cached


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
