"""Logs in segments: what readers see, going on, ending, and files that are missing, broken or of another run."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import CRASHED_AFTER_SECONDS, EnergyLog, LogWriter, files, recover, segment_sink, writer
from trainers.energylog.inspection.check import check_log
from trainers.energylog.segments import HEARTBEAT
from trainers.errors import WorkbenchError
from trainers.spec import LogMode
from workbench.summary import summarize


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead writers are known to be dead."""
    monkeypatch.setattr(recover, "SILENT_AFTER_SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a log is to be, on a file system on which h5py refuses SWMR."""

    def refuse(*_: object) -> None:
        raise OSError("Unable to start swmr writing")

    monkeypatch.setattr(h5py.File, "swmr_mode", property(lambda _: False, refuse))
    return tmp_path / "run.h5"


def create(path: Path, num_epochs: int = 0) -> LogWriter:
    log = runs.create(path, mode="segments")
    runs.append(log, num_epochs)
    return log


def killed(path: Path, num_epochs: int) -> None:
    """A log as a killed writer leaves it, with an epoch and a heartbeat half written."""
    live = path.with_name("live")
    live.mkdir()
    log = create(live / "run.h5", num_epochs)
    shutil.copytree(live, path.parent, dirs_exist_ok=True)
    log.close("failed")
    shutil.rmtree(live)
    for name in (f"{num_epochs:06d}.h5", f".{num_epochs:06d}.h5.tmp", f".{HEARTBEAT}.tmp"):
        (path.with_name("run.h5.d") / name).write_bytes(b"\x89HDF half of it")
    path.with_name(".run.h5.tmp").write_bytes(b"\x89HDF half of it")


def test_every_file_is_whole_and_closed_while_the_run_goes_on(path: Path) -> None:
    log = create(path)
    for epoch in range(4):
        runs.append(log, 1)
        assert runs.names(path.parent) == ["run.h5", "run.h5.d"]
        assert runs.names(path.with_name("run.h5.d")) == [f"{number:06d}.h5" for number in range(epoch + 1)]
        with EnergyLog.open(path) as read:
            assert read.status == "running"
            runs.assert_exact(read, epoch + 1, num_steps=(epoch + 1) * runs.STEPS_WRITTEN)
    with h5py.File(path) as index, h5py.File(path.with_name("run.h5.d") / "000002.h5") as segment:
        assert index["state/committed"][0] == 4
        assert index["train/energy"].shape == (0, runs.NUM_TRAIN)  # nobody takes a gap for numbers
        np.testing.assert_array_equal(segment["train/energy"][0], runs.table(2, "train").energy)
        assert segment["epoch"]["epoch"].tolist() == [2]
    log.close("stopped")


def test_one_open_reader_follows_the_run_to_its_end(path: Path) -> None:
    log = create(path)
    with EnergyLog.open(path) as read:
        for epoch in range(5):
            assert not read.refresh()
            runs.append(log, 1)
            assert read.committed == epoch
            assert read.refresh()
            runs.assert_exact(read, epoch + 1)
        log.append_event(kind="note", epoch=4, step=3, message="seen")
        assert read.refresh()
        assert read.events()["message"].tolist() == [b"seen"]
        log.close("finished")
        np.testing.assert_array_equal(read.samples("probe", "correct", 1), runs.table(1, "probe").correct)
        read.refresh()
        assert read.status == "finished"
        runs.assert_exact(read, 5)


def test_two_publications_are_told_apart_even_where_the_inode_is_used_again(path: Path) -> None:
    """A reader that holds nothing open would take the next file for the one it knows."""
    log = create(path, 1)
    with EnergyLog.open(path) as read:
        for number in range(12):
            log.append_event(kind="note", epoch=0, step=number, message="n")
            if number % 2:
                assert read.refresh()
                assert len(read.events()) == number + 1
    log.close("stopped")


def test_a_finished_run_is_one_ordinary_file(path: Path) -> None:
    log = create(path, 3)
    log.append_event(kind="note", epoch=2, step=3, message="here")
    log.append_step(runs.step(3, 0))
    with EnergyLog.open(path) as read:
        before = runs.contents(read)
    log.close("finished")
    assert runs.names(path.parent) == ["run.h5"]
    with EnergyLog.open(path) as read:
        assert read.status == "finished"
        after = runs.contents(read)
        assert len(read.steps()) == 3 * runs.STEPS_WRITTEN + 1
    del before["steps"], after["steps"]
    assert before == after
    with h5py.File(path) as file:
        assert "storage" not in file.attrs
        np.testing.assert_array_equal(file["train/energy_adv"][1], runs.table(1, "train").energy_adv)


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_any_other_end_leaves_the_segments(path: Path, status: str) -> None:
    create(path, 2).close(status)
    with EnergyLog.open(path, clock=lambda: time.time() + 1e6) as read:
        assert read.status == status
        runs.assert_exact(read, 2)
    assert path.with_name("run.h5.d").is_dir()


def test_without_room_for_one_file_the_run_stays_in_segments(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = create(path, 3)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recover, "put_in_place", fail)
    log.close("finished")
    assert runs.names(path.parent) == ["run.h5", "run.h5.d"]
    with EnergyLog.open(path) as read:
        assert read.status == "finished"
        runs.assert_exact(read, 3)


@pytest.mark.parametrize("first", ["swmr", "segments"])
@pytest.mark.parametrize("second", ["swmr", "segments"])
@pytest.mark.parametrize("ending", ["stopped", "finished"])
def test_a_run_goes_on_in_either_way(tmp_path: Path, first: LogMode, second: LogMode, ending: str) -> None:
    path = tmp_path / "run.h5"
    with runs.create(path, mode=first) as log:
        runs.append(log, 2)
        log.append_event(kind="note", epoch=1, step=0, message="first")
        log.append_step(runs.step(2, 0))
        log.close(ending)
    with EnergyLog.open(path) as follower:
        with LogWriter.resume(path, mode=second) as log:
            assert (log.committed, log.num_steps) == (2, 2 * runs.STEPS_WRITTEN)
            assert log.events()["message"].tolist() == [b"first"]
            assert path.with_name("run.h5.d").exists() == (second == "segments")
            runs.append(log, 2)
            assert follower.refresh()
            assert follower.status == "running"
            runs.assert_exact(follower, 4)
        assert follower.refresh()
        assert follower.status == "finished"
        runs.assert_exact(follower, 4, num_steps=4 * runs.STEPS_WRITTEN)
    assert runs.names(path.parent) == ["run.h5"]


@pytest.mark.parametrize("num_epochs", [0, 3])
def test_what_a_killed_writer_left_half_written_is_never_seen(path: Path, num_epochs: int) -> None:
    killed(path, num_epochs)
    with EnergyLog.open(path, clock=lambda: time.time() + CRASHED_AFTER_SECONDS + 1) as read:
        assert read.status == "crashed"
        runs.assert_exact(read, num_epochs)
    with LogWriter.resume(path, mode="segments") as log:
        runs.append(log, 2)
        with EnergyLog.open(path) as read:
            runs.assert_exact(read, num_epochs + 2)
    assert runs.names(path.parent) == ["run.h5"]


def test_the_heart_beats_beside_the_index_and_is_no_news(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "HEARTBEAT_SECONDS", 0.02)
    log = create(path, 1)
    now = [time.time()]
    with EnergyLog.open(path, clock=lambda: now[0]) as read:
        first, index = read.heartbeat, path.stat().st_mtime_ns
        deadline = time.monotonic() + 10
        while read.heartbeat == first and time.monotonic() < deadline:
            time.sleep(0.02)
            assert not read.refresh()
        assert first < read.heartbeat <= time.time()
        assert path.stat().st_mtime_ns == index
        assert read.status == "running"
        log._stop.set()
        log._pulse.join()
        now[0] = time.time() + CRASHED_AFTER_SECONDS + 1
        assert read.status == "crashed"
        log.close("stopped")
        read.refresh()
        assert read.status == "stopped"


@pytest.mark.parametrize("content", [b"", b"nan", b"inf", b"soon", b"\xff" * 100])
def test_a_heartbeat_that_makes_no_sense_is_none(path: Path, content: bytes) -> None:
    log = create(path, 1)
    path.with_name("run.h5.d").joinpath(HEARTBEAT).write_bytes(content)
    with EnergyLog.open(path) as read:
        assert abs(read.heartbeat - time.time()) < 60
    log.close("stopped")


def test_steps_are_seen_with_their_epoch_or_a_pulse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = create(path)
    for number in range(40):  # a block of 35 and some
        log.append_step(runs.step(0, number))
    with EnergyLog.open(path) as read:
        assert len(read.steps()) == 0
        log._sink.pulse(time.time())
        assert not read.refresh()
        monkeypatch.setattr(segment_sink, "STEPS_SECONDS", 0.0)
        log._sink.pulse(time.time())
        assert read.refresh()
        assert len(read.steps()) == 35
    log.close("stopped")


def test_segments_are_durable_before_the_index_counts_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    fsync, rename = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        calls.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def watched_rename(self: Path, target: Path) -> Path:
        calls.append(("rename", target.name))
        return rename(self, target)

    log = create(path)
    monkeypatch.setattr(files.os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_rename)
    runs.append(log, 1)
    monkeypatch.undo()
    assert calls == [
        ("fsync", ".000000.h5.tmp"),
        ("rename", "000000.h5"),
        ("fsync", "run.h5.d"),
        ("fsync", ".run.h5.tmp"),
        ("rename", "run.h5"),
        ("fsync", path.parent.name),
    ]
    log.close("stopped")


def test_a_full_disk_costs_the_epoch_and_no_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = create(path, 2)

    def fail(name: Path, content: bytes, *, lasting: bool) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_new", fail)
        for _ in range(2):
            with pytest.raises(WorkbenchError, match=r"No space left on device\); its 2 committed epochs are safe"):
                runs.append(log, 1)
    log.close("failed")
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 2)
    with LogWriter.resume(path, mode="segments") as log:
        runs.append(log, 1)
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 3)


def test_where_swmr_is_refused_segments_are_used_unless_it_was_asked_for(path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"with SWMR \(Unable to start swmr writing\).*or --log-mode segments"):
        runs.create(path, mode="swmr")
    assert runs.names(path.parent) == []
    with runs.create(path, mode="auto") as log:
        runs.append(log, 2)
        log.close("stopped")
    with pytest.raises(WorkbenchError, match="or --log-mode segments"):
        LogWriter.resume(path, mode="swmr")
    assert runs.names(path.parent) == ["run.h5", "run.h5.d"]
    with LogWriter.resume(path, mode="auto") as log:
        assert path.with_name("run.h5.d").is_dir()
        runs.append(log, 1)
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 3)


def test_what_is_left_of_another_run_is_not_taken_over(path: Path) -> None:
    create(path, 1).close("stopped")
    path.unlink()
    with pytest.raises(WorkbenchError, match=r"run\.h5\.d holds what is left of a run"):
        create(path)


def remove(segment: Path) -> None:
    segment.unlink()


def cut(segment: Path) -> None:
    segment.write_bytes(segment.read_bytes()[:-5000])


def empty(segment: Path) -> None:
    segment.write_bytes(b"")


def not_hdf5(segment: Path) -> None:
    segment.write_bytes(b"<html>" * 99)


def enlarge(segment: Path) -> None:
    with segment.open("r+b") as stream:
        stream.truncate(1 << 40)


def other_epoch(segment: Path) -> None:
    shutil.copy(segment.with_name("000000.h5"), segment)


def other_hdf5(segment: Path) -> None:
    with h5py.File(segment, "w") as file:
        file["train/energy"] = np.zeros((1, runs.NUM_TRAIN), dtype=np.float32)


def fifo(segment: Path) -> None:
    segment.unlink()
    os.mkfifo(segment)


def flip(segment: Path) -> None:
    data = bytearray(segment.read_bytes())
    with h5py.File(segment) as file:
        data[file["train/energy"].id.get_chunk_info_by_coord((0, 0)).byte_offset + 100] ^= 1
    segment.write_bytes(data)


@pytest.mark.parametrize("spoil", [remove, cut, empty, not_hdf5, enlarge, other_epoch, other_hdf5, fifo, flip])
def test_a_broken_segment_is_an_error_and_costs_nothing_else(path: Path, spoil: Any) -> None:
    create(path, 3).close("stopped")
    spoil(path.with_name("run.h5.d") / "000001.h5")
    with EnergyLog.open(path) as read:
        assert read.epochs()["epoch"].tolist() == [0, 1, 2]
        with pytest.raises(WorkbenchError, match=r"000001\.h5 is truncated or damaged") as caught:
            read.samples("train", "energy", 1)
        assert "\n" not in str(caught.value)
        assert str(caught.value).count("damaged") == 1
        for epoch in (0, 2):
            runs.assert_epoch(read, epoch)


@pytest.mark.parametrize("spoil", [remove, cut, other_epoch])
@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_a_run_with_a_broken_segment_is_not_continued(tmp_path: Path, mode: LogMode, spoil: Any) -> None:
    path = tmp_path / "run.h5"
    create(path, 3).close("stopped")
    spoil(path.with_name("run.h5.d") / "000001.h5")
    before = path.read_bytes()
    with pytest.raises(WorkbenchError, match=r"000001\.h5 is truncated or damaged"):
        LogWriter.resume(path, mode=mode)
    assert path.read_bytes() == before
    assert runs.names(path.parent) == ["run.h5", "run.h5.d"]


def test_a_run_is_summarized_without_opening_a_segment(path: Path) -> None:
    create(path, 3).close("stopped")
    with EnergyLog.open(path) as read:
        expected = summarize(read, now=0.0).epochs
    for segment in path.with_name("run.h5.d").glob("*.h5"):
        segment.unlink()
    with EnergyLog.open(path) as read:
        assert repr(summarize(read, now=0.0).epochs) == repr(expected)
        assert len(read.steps()) == 3 * runs.STEPS_WRITTEN
        assert read.histogram("train").sum() == 3 * runs.NUM_TRAIN


def test_a_run_directory_cannot_make_a_writer_write_elsewhere(path: Path) -> None:
    killed(path, 1)
    target = path.with_name("precious")
    target.write_bytes(b"kept")
    folder = path.with_name("run.h5.d")
    for name in (folder / f".{HEARTBEAT}.tmp", folder / ".000001.h5.tmp", path.with_name(".run.h5.tmp")):
        name.unlink()
        name.symlink_to(target)
    log = LogWriter.resume(path, mode="segments")
    log._sink.pulse(time.time())
    runs.append(log, 1)
    log.close("stopped")
    assert target.read_bytes() == b"kept"
    assert (folder / "000001.h5").is_file()


def test_a_link_to_a_log_is_as_good_as_the_log(path: Path) -> None:
    create(path, 2).close("stopped")
    link = path.with_name("elsewhere") / "latest.h5"
    link.parent.mkdir()
    link.symlink_to(path)
    with EnergyLog.open(link) as log:
        assert log.samples("train", "energy", 1).shape == (runs.NUM_TRAIN,)
    assert not check_log(link).damaged
    with LogWriter.resume(link, mode="segments") as log:
        runs.append(log, 1)
    for name, num_epochs in ((link, 3), (path, 2)):
        with EnergyLog.open(name) as log:
            runs.assert_exact(log, num_epochs)
