"""The reader on good logs: caches, threads of time, a writer in the same process."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import CRASHED_AFTER_SECONDS, EnergyLog, LogWriter, SampleKeys, SampleTable, access, schema
from trainers.errors import WorkbenchError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.h5"


class Flaky:
    """A data set whose first reads fail, as one does that is rewritten at that moment."""

    def __init__(self, dataset: Any, failures: int) -> None:
        self._dataset = dataset
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __getitem__(self, key: object) -> Any:
        if self._failures:
            self._failures -= 1
            raise OSError("Can't synchronously read data (filter returned failure during read)")
        return self._dataset[key]


def test_a_run_directory_opens_as_its_file(path: Path) -> None:
    runs.create(path).close("stopped")
    with EnergyLog.open(str(path.parent)) as log:
        assert (log.path, log.status, log.committed) == (path, "stopped", 0)
        assert (len(log.epochs()), len(log.steps()), len(log.events())) == (0, 0, 0)
        assert log.histogram("train").shape == (0, 1024)


def test_a_reader_beside_the_writer_in_one_process(path: Path) -> None:
    """The training loop may look at its own log."""
    with runs.create(path) as writer, EnergyLog.open(path) as log:
        assert log.status == "running"
        assert not log.refresh()
        for epoch in range(12):
            runs.append(writer, 1)
            assert log.committed == epoch  # not before a refresh
            assert log.refresh()
            assert not log.refresh()
            assert len(log.epochs()) == len(log.histogram("probe")) == epoch + 1
            log.steps()
        runs.assert_exact(log, 12, num_steps=12 * runs.STEPS_WRITTEN)
        writer.append_event(kind="note", epoch=11, step=3, message="seen")
        assert log.refresh()
        assert log.events()["message"].tolist() == [b"seen"]
    with EnergyLog.open(path) as log:
        runs.assert_exact(log, 12)


def test_closing_a_reader_does_not_harm_the_writer(path: Path) -> None:
    with runs.create(path) as writer:
        for epoch in range(4):
            runs.append(writer, 1)
            with EnergyLog.open(path) as log, EnergyLog.open(path) as other:
                runs.assert_exact(log, epoch + 1)
                assert other.committed == epoch + 1


def test_only_new_rows_are_read_and_arrays_cannot_be_spoiled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int, int]] = []
    original = access.LogFile.rows

    def rows(self: access.LogFile, name: str, start: int, stop: int, *, committed: int) -> Any:
        read.append((name, start, stop))
        return original(self, name, start, stop, committed=committed)

    monkeypatch.setattr(access.LogFile, "rows", rows)
    with runs.create(path) as writer, EnergyLog.open(path) as log:
        runs.append(writer, 2)
        assert log.refresh()
        log.epochs()
        log.epochs()
        runs.append(writer, 1)
        log.epochs()
        log.refresh()
        log.epochs()
        log.histogram("train")
        log.histogram("train")
    assert read == [("/epoch", 0, 2), ("/epoch", 2, 3), ("/histogram/delta_energy", 0, 3)]
    with EnergyLog.open(path) as log:
        for array in (log.epochs(), log.histogram("train"), log.keys("train").index, log.events()):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


@pytest.mark.parametrize(
    ("age", "status"), [(0.0, "running"), (-100.0, "running"), (CRASHED_AFTER_SECONDS + 1, "crashed")]
)
def test_a_running_log_without_a_pulse_has_crashed(path: Path, age: float, status: str) -> None:
    with runs.create(path), EnergyLog.open(path, clock=lambda: time.time() + age) as log:
        assert log.status == status


def test_a_finished_log_never_crashes(path: Path) -> None:
    runs.create(path).close("finished")
    with EnergyLog.open(path, clock=lambda: time.time() + 1e9) as log:
        assert log.status == "finished"


def test_the_pulse_is_looked_at_again_before_a_log_is_called_crashed(path: Path) -> None:
    now = [time.time()]
    with runs.create(path) as writer, EnergyLog.open(path, clock=lambda: now[0]) as log:
        now[0] += 2 * CRASHED_AFTER_SECONDS
        writer._sink.data["/state/heartbeat"][0] = now[0]
        writer._sink.file.flush()
        runs.append(writer, 1)
        assert log.status == "running"
        assert log.refresh()  # that look must not swallow the news


@pytest.mark.parametrize("ending", ["finished", "running"])
def test_a_resumed_run_takes_the_place_of_the_open_one(path: Path, ending: str) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 2)
    with EnergyLog.open(path) as log:
        assert len(log.epochs()) == 2
        with LogWriter.resume(path) as writer:
            runs.append(writer, 2)
            if ending == "finished":
                writer.close("finished")
            assert log.refresh()
            assert log.status == ending
            runs.assert_exact(log, 4)


def test_a_deleted_run_stays_readable_for_who_has_it_open(path: Path) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 2)
    with EnergyLog.open(path) as log:
        path.unlink()
        assert not log.refresh()
        runs.assert_exact(log, 2)


@pytest.mark.parametrize("failures", [1, len(access.RETRY_SECONDS)])
def test_a_read_that_fails_is_tried_again(path: Path, failures: int) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 2)
    with EnergyLog.open(path) as log:
        for name in ("/epoch", "/state/committed"):
            log._log._data[name] = Flaky(log._log._data[name], failures)
        log.refresh()
        runs.assert_exact(log, 2)


@pytest.mark.parametrize(
    "read", [EnergyLog.refresh, EnergyLog.epochs, EnergyLog.steps, lambda log: log.samples("train", "energy", 1)]
)
def test_a_read_that_keeps_failing_is_damage(path: Path, read: Callable[[EnergyLog], object]) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 2)
    with EnergyLog.open(path) as log:
        for name, dataset in log._log._data.items():
            log._log._data[name] = Flaky(dataset, 1_000)
        with pytest.raises(WorkbenchError, match=r"run\.h5 is truncated or damaged"):
            read(log)


@pytest.mark.parametrize("epoch", [-1, 2, 10**12])
def test_an_epoch_that_is_not_there(path: Path, epoch: int) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 2)
    with EnergyLog.open(path) as log, pytest.raises(WorkbenchError, match=f"no epoch {epoch}; its epochs are 0 to 1"):
        log.samples("train", "energy", epoch)


def test_a_live_writer_in_another_process(path: Path) -> None:
    """Every epoch that is said to be committed is there at once; whatever is there is exact; no read ever fails."""
    num_epochs = 60
    process = runs.child("write", path, num_epochs, 0.001)
    reports = runs.reports(process)
    next(reports)
    with EnergyLog.open(path) as log:
        checked = 0
        for reported in reports:
            log.refresh()
            assert log.committed >= reported
            rows = log.epochs()
            assert rows["epoch"].tolist() == list(range(log.committed))
            assert log.histogram("train").sum(axis=1).tolist() == [runs.NUM_TRAIN] * log.committed
            assert len(log.steps()) >= runs.STEPS_WRITTEN * log.committed
            for epoch in range(checked, log.committed):
                expected = runs.table(epoch, "train")
                np.testing.assert_array_equal(log.samples("train", "energy_adv", epoch), expected.energy_adv)
                np.testing.assert_array_equal(log.samples("train", "correct", epoch), expected.correct)
            checked = log.committed
            with EnergyLog.open(path) as fresh:
                assert fresh.committed >= checked
                assert len(fresh.epochs()) == fresh.committed
        assert process.wait(timeout=60) == 0
        log.refresh()
        assert log.status == "finished"
        runs.assert_exact(log, num_epochs, num_steps=num_epochs * runs.STEPS_WRITTEN)


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_a_part_of_a_column_is_that_of_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(schema, "SAMPLE_CHUNK", 4)
    keys = SampleKeys(index=np.arange(11), label=np.zeros(11, np.int32))
    rng = np.random.default_rng(0)
    with LogWriter.create(path, runs.meta(), train=keys, probe=keys, mode=mode) as writer:
        for epoch in range(3):
            table = SampleTable.empty(11)
            table.energy[:] = rng.normal(size=11)
            writer.append_epoch({"epoch": epoch}, table, table)
        with EnergyLog.open(path) as log:
            for epoch, part in itertools.product(range(3), [(0, 11), (0, 1), (3, 5), (7, 8), (10, 11)]):
                whole = log.samples("train", "energy", epoch)
                assert np.array_equal(log.samples("train", "energy", epoch, part), whole[slice(*part)])
            with pytest.raises(WorkbenchError, match="no epoch 3"):
                log.samples("train", "energy", 3, (0, 1))
