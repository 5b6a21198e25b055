"""Write a log while the run goes on: rows first, then what counts them, so that nobody reads half an epoch."""

import atexit
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, reason
from trainers.energylog.layout import create_file
from trainers.energylog.meta import RunMeta, read_meta
from trainers.energylog.recover import copy_committed, copy_index
from trainers.energylog.rounding import round_table
from trainers.energylog.schema import (
    COUNTER_OF,
    EPOCH_DTYPE,
    EVENT_DTYPE,
    HEARTBEAT_SECONDS,
    HISTOGRAM_OF,
    SAMPLE_COLUMNS,
    SPLITS,
    STATUSES,
    STEP_DTYPE,
    step_block,
)
from trainers.energylog.sinks import Sink
from trainers.energylog.start import start_log
from trainers.energylog.statistics import delta_statistics, histogram_counts
from trainers.energylog.tables import SampleKeys, SampleTable
from trainers.errors import WorkbenchError
from trainers.spec import LogMode


class LogWriter:
    """The one writer of a log; a context manager.

    Rows become visible to readers only when they are whole: their data is flushed before the counter that covers
    them is raised. A thread keeps the log's heartbeat until :meth:`close`. All methods may be called from any thread.

    Every method raises WorkbenchError, naming the file, if it cannot be written (a full disk, say). The log is then
    given up: what was committed stays readable, every further call but :meth:`close` raises the same error.
    """

    def __init__(self, sink: Sink, path: Path) -> None:
        """Take over a log that readers can see; use :meth:`create` or :meth:`resume` instead."""
        self.path = path
        self._sink = sink
        self._rows = {axis: int(sink.data[counter][0]) for axis, counter in COUNTER_OF.items()}
        self._num_samples = {split: len(sink.data[f"/{split}/index"]) for split in SPLITS}
        self._keep_bits = read_meta(sink.data["/epoch"].file).keep_bits
        self._block = int(sink.data["/step/step"].chunks[0])
        self._pending = np.zeros(self._block, dtype=STEP_DTYPE)
        self._num_pending = 0
        steps = sink.data["/step/step"][: self._rows["step"]]
        self._num_steps = int(np.count_nonzero(steps >= 0))
        self._lock = threading.RLock()
        self._failure: str | None = None
        self._failure_told = False
        self._stop = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="energy-log-heartbeat", daemon=True)
        self._pulse.start()
        atexit.register(self.close, "failed")

    @classmethod
    def create(
        cls,
        path: Path,
        meta: RunMeta,
        *,
        train: SampleKeys,
        probe: SampleKeys,
        steps_per_epoch: int | None = None,
        mode: LogMode = "auto",
    ) -> Self:
        """Start a new log; it appears under ``path`` complete and readable.

        Args:
            path: The file, usually ``run.h5`` in the run's directory, which must exist.
            meta: Everything that is fixed for the life of the run.
            train: The training samples; every epoch's table has their order.
            probe: The probe samples likewise.
            steps_per_epoch: Optimizer steps per epoch, to choose the block of ``/step``; None if unknown.
            mode: ``swmr``: one file that readers follow; ``segments``: closed files, one per epoch, which become one
                file when the run is finished; ``auto``: SWMR unless the file system is known not to be up to it.

        Raises:
            WorkbenchError: ``path`` exists or cannot be written.
        """
        path = Path(path)
        keys, block = {"train": train, "probe": probe}, step_block(steps_per_epoch)
        sink = start_log(
            path,
            mode,
            lambda name: create_file(name, meta, keys, block),
            lambda: create_file(path, meta, keys, block, segments=True),
            new=True,
        )
        return cls(sink, path)

    @classmethod
    def resume(cls, path: Path, *, mode: LogMode = "auto") -> Self:
        """Continue a log, however its writer ended.

        What is committed is copied to a new file, which then takes the place of the old one in one step. Steps of an
        epoch that was not committed are left behind, because they will be made again.

        Args:
            path: The log's file.
            mode: How to go on, however it was written before; see :meth:`create`.

        Raises:
            WorkbenchError: It is missing, damaged, not an energy log or still being written, or there is no room.
        """
        path = Path(path)
        sink = start_log(path, mode, lambda name: copy_committed(path, name), lambda: copy_index(path), new=False)
        return cls(sink, path)

    @property
    def committed(self) -> int:
        """Epochs that are whole on disk."""
        return self._rows["epoch"]

    @property
    def num_steps(self) -> int:
        """Steps that are on disk, padding not counted."""
        return self._num_steps

    def epochs(self) -> NDArray[np.void]:
        """The committed rows of ``/epoch``: EPOCH_DTYPE, shape (committed,); no reader may share a writer's process."""
        return self._read("/epoch", "epoch")

    def events(self) -> NDArray[np.void]:
        """The events so far: EVENT_DTYPE."""
        return self._read("/events", "event")

    def append_step(self, row: Mapping[str, float]) -> None:
        """Add one optimizer step; steps reach the disk in whole blocks, at the latest with their epoch.

        Args:
            row: Values by name of STEP_COLUMNS. Missing ones become NaN; ``step`` defaults to the steps so far and
                ``epoch`` to the epoch that is being written, the only one that steps can be added to.
        """
        number = self._num_steps + self._num_pending
        values = _row(STEP_DTYPE, {"step": number, "epoch": self.committed, **row})[0]
        assert values["epoch"] == self.committed, f"a step of epoch {values['epoch']} in epoch {self.committed}"
        assert values["step"] >= 0, f"step {values['step']}"
        with self._guard(f"step {number}"):
            self._pending[self._num_pending] = values
            self._num_pending += 1
            if self._num_pending == self._block:
                self._flush_steps()

    def append_epoch(
        self, measures: Mapping[str, float], train: SampleTable | None, probe: SampleTable | None
    ) -> np.void:
        """Commit one epoch: its steps, its row, its tables and the ΔE statistics and histograms made from them.

        Args:
            measures: Values by name of EPOCH_COLUMNS; missing ones become NaN, ``last_step`` the steps so far.
                ``epoch`` must be :attr:`committed`. The ΔE statistics are computed here.
            train: Energies of the training samples, or None where they were not recorded.
            probe: Energies of the probe samples, or None.

        Returns:
            The row of ``/epoch`` as committed, with the statistics.
        """
        epoch = self.committed
        assert measures["epoch"] == epoch, f"epoch {measures['epoch']} after {epoch} epochs"
        tables = {split: self._checked(split, table) for split, table in zip(SPLITS, (train, probe), strict=True)}
        deltas = {split: table.delta_energy for split, table in tables.items()}
        values = {"last_step": self._num_steps + self._num_pending, **measures}
        for split, delta in deltas.items():
            values |= {f"{split}_delta_energy_{name}": value for name, value in delta_statistics(delta).items()}
        row = _row(EPOCH_DTYPE, values)
        with self._guard(f"epoch {epoch}"):
            self._flush_steps()
            for split, table in tables.items():
                for column in SAMPLE_COLUMNS:
                    self._sink.write(f"/{split}/{column.name}", epoch, getattr(table, column.name)[None])
                self._sink.write(HISTOGRAM_OF[split], epoch, histogram_counts(deltas[split])[None])
            self._sink.write("/epoch", epoch, row)
            self._commit("epoch", 1)
        committed: np.void = row[0]
        return committed

    def append_event(self, *, kind: str, epoch: int, step: int, message: str) -> None:
        """Add one event with the present time.

        Args:
            kind: catastrophic, robust, rollback, restart, stop or note.
            epoch: Epoch that the event belongs to.
            step: Optimizer steps made when it happened.
            message: One plain sentence; cut to what ``/events`` holds (480 bytes of UTF-8).
        """
        with self._guard(f"event {kind}"):
            row = np.zeros(1, dtype=EVENT_DTYPE)
            row["time"], row["epoch"], row["step"] = time.time(), epoch, step
            for name, text in (("kind", kind), ("message", message)):
                row[name] = _cut(text, EVENT_DTYPE[name].itemsize)
            self._sink.write("/events", self._rows["event"], row)
            self._commit("event", 1)

    def close(self, status: str) -> None:
        """Write what is left of the steps and the final status, and close the file. A second call does nothing.

        Args:
            status: finished, stopped or failed.
        """
        assert status in STATUSES[1:], status
        self._stop.set()
        if threading.current_thread() is not self._pulse:
            self._pulse.join()
        atexit.unregister(self.close)
        with self._lock:
            if not self._sink.is_open and (self._failure is None or self._failure_told):
                return
            with self._guard("the end of the run"):
                self._flush_steps()
                self._sink.end(status, time.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close("finished")
        else:
            with suppress(WorkbenchError):  # what ended the block says more
                self.close("failed")

    def _checked(self, split: str, table: SampleTable | None) -> SampleTable:
        """``table`` as it is stored, or one in which nothing is recorded; its lengths are those of the split's keys."""
        num_samples = self._num_samples[split]
        table = SampleTable.empty(num_samples) if table is None else table
        for column in SAMPLE_COLUMNS:
            shape = getattr(table, column.name).shape
            assert shape == (num_samples,), f"{split} {column.name} has shape {shape} for {num_samples} samples"
        return round_table(table, self._keep_bits)

    def _flush_steps(self) -> None:
        """Write the pending steps as one whole block, padded at its end."""
        if self._num_pending == 0:
            return
        self._pending[self._num_pending :] = _row(STEP_DTYPE, {"step": -1, "epoch": self.committed})
        for name in STEP_DTYPE.names or ():
            self._sink.write(f"/step/{name}", self._rows["step"], self._pending[name])
        self._commit("step", self._block)
        self._num_steps += self._num_pending
        self._num_pending = 0

    def _read(self, path: str, axis: str) -> NDArray[np.void]:
        with self._guard(path):
            rows: NDArray[np.void] = self._sink.data[path][: self._rows[axis]]
            return rows

    def _commit(self, axis: str, num_rows: int) -> None:
        self._sink.commit(axis, self._rows[axis] + num_rows)
        self._rows[axis] += num_rows

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """One writer at a time; the first failure ends the log and is told to every later call."""
        with self._lock:
            cause: Exception | None = None
            if self._failure is None:
                assert self._sink.is_open, f"{self.path} is closed"
                try:
                    yield
                    return
                except HDF5_ERRORS as error:
                    cause = error
                    self._give_up(what, reason(error))
                except KeyboardInterrupt:  # who knows which rows are written
                    self._give_up(what, "interrupted", "stopped")
                    self._failure_told = True
                    raise
            self._failure_told = True
            raise WorkbenchError(self._failure) from cause

    def _give_up(self, what: str, why: str, status: str = "failed") -> None:
        self._failure = (
            f"cannot write {what} to {self.path} ({why}); its {self.committed} committed epochs are safe: "
            "make room if the disk is full, and resume the run"
        )
        self._stop.set()
        self._sink.give_up(status)

    def _beat(self) -> None:
        """The heartbeat thread."""
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with self._lock:
                if not self._sink.is_open:
                    return
                try:
                    self._sink.pulse(time.time())
                except HDF5_ERRORS as error:
                    self._give_up("the heartbeat", reason(error))


def _row(dtype: np.dtype[np.void], values: Mapping[str, float]) -> NDArray[np.void]:
    """A compound row, shape (1,); floating-point columns without a value become NaN."""
    names = dtype.names or ()
    assert values.keys() <= set(names), f"unknown: {sorted(values.keys() - set(names))}"
    row = np.zeros(1, dtype=dtype)
    for name in names:
        row[name] = values[name] if name in values or dtype[name].kind != "f" else np.nan
    return row


def _cut(text: str, num_bytes: int) -> bytes:
    """UTF-8 of ``text`` in at most ``num_bytes``, never ending within a character."""
    return text.encode(errors="replace")[:num_bytes].decode(errors="ignore").encode()
