"""A file that cannot grow any more: a clear error, what was committed stays, the interpreter ends in peace."""

import os
from pathlib import Path

import pytest

from tests.energylog import runs
from trainers.energylog import EnergyLog, LogWriter, recover, writer
from trainers.energylog.files import descriptor
from trainers.errors import WorkbenchError
from trainers.spec import LogMode

ENDINGS = ["leave", "close", "again", "raise"]


@pytest.mark.parametrize(
    ("room", "ending"),
    [(0, "leave"), (700, "close"), (5_000, "raise"), (40_000, "again"), (41_111, "leave"), (150_000, "close")],
)
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, ending: str) -> None:
    path = tmp_path / "run.h5"
    process = runs.child("fill", path, room, ending)
    output, errors = process.communicate(timeout=60)
    if ending == "raise":
        assert process.returncode != 0
        assert errors.rstrip().endswith("KeyboardInterrupt")
    else:
        assert (process.returncode, errors) == (0, "")
    committed, message, *more = output.splitlines()
    assert f"to {path} (File too large); its {committed} committed epochs are safe" in message
    assert more == ([message] * 2 if ending == "again" else [])
    with EnergyLog.open(path) as log:
        assert log.status == "failed"
        assert int(committed) <= log.committed <= int(committed) + 1
        kept = log.committed
        runs.assert_exact(log, kept)
    monkeypatch.setattr(recover, "SILENT_AFTER_SECONDS", 0.0)
    with LogWriter.resume(path) as log:
        runs.append(log, 2)
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, kept + 2, num_steps=(kept + 2) * runs.STEPS_WRITTEN)


@pytest.mark.parametrize("room", [-100_000, 1_000])
def test_no_room_to_resume_leaves_the_old_log(tmp_path: Path, room: int) -> None:
    path = tmp_path / "run.h5"
    with runs.create(path) as log:
        runs.append(log, 8)
    before = path.read_bytes()
    process = runs.child("resume", path, len(before) + room if room < 0 else room)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output == f"cannot write {path} (File too large); choose another directory, or make room and try again\n"
    assert path.read_bytes() == before
    assert runs.names(tmp_path) == ["run.h5"]


@pytest.mark.parametrize("with_reader", ["no", "yes"])
def test_a_device_that_fails(tmp_path: Path, with_reader: str) -> None:
    """Not even the status can be written, and in one process the reader's handle goes down with the writer's."""
    path = tmp_path / "run.h5"
    process = runs.child("lose", path, with_reader)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    first, second, status = output.splitlines()
    assert first == second
    assert f"to {path} (Bad file descriptor); its 1 committed epochs are safe" in first
    assert status == "running"  # until its pulse is missed


def test_a_heartbeat_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to a close that would otherwise have nothing to say."""
    path = tmp_path / "run.h5"
    monkeypatch.setattr(writer, "HEARTBEAT_SECONDS", 0.01)
    log = runs.create(path)
    runs.append(log, 1)
    with path.open("rb") as read_only:
        os.dup2(read_only.fileno(), descriptor(log._sink.file))
    log._pulse.join(timeout=30)
    with pytest.raises(WorkbenchError, match=r"cannot write the heartbeat to .*its 1 committed epochs are safe"):
        log.close("finished")
    log.close("finished")
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 1)


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_ctrl_c_within_a_write_gives_the_log_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: LogMode) -> None:
    path = tmp_path / "run.h5"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    log = runs.create(path, mode=mode)
    runs.append(log, 2)
    with monkeypatch.context() as patch:
        patch.setattr(LogWriter, "_commit", interrupt)
        with pytest.raises(KeyboardInterrupt), log:
            log.append_epoch(runs.measures(2), None, None)
    with pytest.raises(WorkbenchError, match="interrupted"):
        runs.append(log, 1)
    with EnergyLog.open(path) as read:
        assert read.status == "stopped"
        runs.assert_exact(read, 2)
