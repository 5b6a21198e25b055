"""Logs whose writer was killed, and going on with them."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.energylog import runs
from tests.energylog.kills import kill_once
from trainers.energylog import EnergyLog, LogWriter, RunMeta, recover, start, writer
from trainers.errors import WorkbenchError
from trainers.spec import LogMode

NUM_KILLS = 4
"""In each mode; ``benchmarks/kill.py`` makes more."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.h5"


def presumed_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a heartbeat: the test knows that the writer is dead."""
    monkeypatch.setattr(recover, "SILENT_AFTER_SECONDS", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six epochs that nothing interrupted."""
    path = tmp_path_factory.mktemp("whole") / "run.h5"
    with runs.create(path) as log:
        for _ in range(6):
            runs.append(log, 1)
            log.append_event(kind="note", epoch=log.committed - 1, step=log.num_steps, message=f"{log.committed} done")
    return path


@pytest.mark.parametrize("mode", ["swmr", "segments"])
@pytest.mark.parametrize("seed", range(NUM_KILLS))
def test_what_was_committed_survives_kill_9(tmp_path: Path, mode: LogMode, seed: int) -> None:
    killed = kill_once(tmp_path, mode, seed)
    assert killed.resumed == killed.committed + 2


@pytest.mark.parametrize("epochs_before", [0, 1, 4])
@pytest.mark.parametrize("ending", ["stopped", "killed in an epoch"])
def test_a_resumed_log_equals_an_uninterrupted_one(
    path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, ending: str, epochs_before: int
) -> None:
    presumed_dead(monkeypatch)
    log = runs.create(path.with_name("first.h5"))
    for _ in range(epochs_before):
        runs.append(log, 1)
        log.append_event(kind="note", epoch=log.committed - 1, step=log.num_steps, message=f"{log.committed} done")
    for number in range(40):  # a whole block and some, which the resumed run makes again
        log.append_step(runs.step(epochs_before, number))
    if ending == "stopped":
        log.close("stopped")
    shutil.copy(log.path, path)
    log.close("failed")
    with LogWriter.resume(path) as log:
        with EnergyLog.open(path) as read:
            assert (read.status, read.committed) == ("running", epochs_before)
        while log.committed < 6:
            runs.append(log, 1)
            log.append_event(kind="note", epoch=log.committed - 1, step=log.num_steps, message=f"{log.committed} done")
    with EnergyLog.open(path) as resumed, EnergyLog.open(whole) as uninterrupted:
        assert runs.contents(resumed) == runs.contents(uninterrupted)


def test_resume_keeps_every_fact_and_the_block_of_steps(path: Path) -> None:
    facts: dict[str, Any] = {"seed": None, "train_attack": None, "config": {"deep": {"list": [1.5, None, "ü"]}}}
    log = LogWriter.create(
        path, runs.meta(**facts), train=runs.keys("train"), probe=runs.keys("probe"), steps_per_epoch=391
    )
    log.close("stopped")
    for _ in range(2):
        LogWriter.resume(path).close("stopped")
    with EnergyLog.open(path) as read:
        assert read.meta == runs.meta(**facts)
        assert isinstance(read.meta, RunMeta)
        assert read._log.step_block == 56


def test_the_old_log_stays_until_the_new_one_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with runs.create(path) as log:
        runs.append(log, 2)
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        assert path.read_bytes() == before
        raise OSError(28, "No space left on device")

    for module, name in ((start, "publish"), (recover, "_copy_rows"), (recover, "create_file")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fail)
            with pytest.raises(WorkbenchError, match=r"run\.h5 \(No space left on device\)"):
                LogWriter.resume(path)
        assert path.read_bytes() == before
        assert runs.names(path.parent) == ["run.h5"]
    with LogWriter.resume(path) as log:
        assert log.committed == 2


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_a_log_that_is_still_written_is_not_taken_over(
    path: Path, monkeypatch: pytest.MonkeyPatch, mode: LogMode
) -> None:
    monkeypatch.setattr(writer, "HEARTBEAT_SECONDS", 0.05)
    with runs.create(path, mode) as log:
        runs.append(log, 1)
        for other in ("swmr", "segments"):
            with pytest.raises(WorkbenchError, match="still being written by another process; stop that one first"):
                LogWriter.resume(path, mode=other)
        runs.append(log, 1)
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 2)


@pytest.mark.parametrize("clock_ahead", [0.0, 1e6])
def test_a_dead_writer_is_waited_for_only_a_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch, clock_ahead: float
) -> None:
    monkeypatch.setattr(recover, "SILENT_AFTER_SECONDS", 0.1)
    with runs.create(path.with_name("live.h5")) as log:
        log._sink.data["/state/heartbeat"][0] = time.time() + clock_ahead
        log._sink.file.flush()
        shutil.copy(log.path, path)
    LogWriter.resume(path).close("stopped")


def test_resume_does_not_copy_damage(path: Path) -> None:
    with runs.create(path) as log:
        runs.append(log, 3)
    data = bytearray(path.read_bytes())
    with EnergyLog.open(path) as read:
        chunk = read._log._data["/train/energy"].id.get_chunk_info_by_coord((1, 0))
    data[chunk.byte_offset + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(WorkbenchError, match=r"run\.h5 is truncated or damaged \(/train/energy"):
        LogWriter.resume(path)
    assert path.read_bytes() == data
    assert runs.names(path.parent) == ["run.h5"]
    with EnergyLog.open(path) as read:
        np.testing.assert_array_equal(read.samples("train", "energy", 2), runs.table(2, "train").energy)
