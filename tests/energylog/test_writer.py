"""What the writer puts where, seen with plain h5py wherever the reader could hide a fault."""

import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import (
    NOT_RECORDED,
    EnergyLog,
    LogWriter,
    SampleKeys,
    SampleTable,
    decode,
    histogram_edges,
    layout,
    start,
    writer,
)
from trainers.energylog.schema import DATASETS, SAMPLE_CHUNK, step_block
from trainers.errors import WorkbenchError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.h5"


def layout_versions(data: bytes) -> set[int]:
    """Versions of the layout messages of all version-2 object headers: above 4 is beyond HDF5 1.14."""
    versions = set()
    start = data.find(b"OHDR")
    while start >= 0:
        flags = data[start + 5]
        first = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(data[first : first + width], "little")
        at, end = first + width, first + width + size
        head = 6 if flags & 0x04 else 4
        while at + head <= end:
            length = int.from_bytes(data[at + 1 : at + 3], "little")
            if data[at] == 0x08 and length:
                versions.add(data[at + head])
            at += head + length
        start = data.find(b"OHDR", start + 4)
    return versions


def test_a_finished_log_reads_back_exactly(path: Path) -> None:
    with runs.create(path) as log:
        runs.append(log, 3)
        assert (log.committed, log.num_steps) == (3, 3 * runs.STEPS_WRITTEN)
    with EnergyLog.open(path) as log:
        runs.assert_exact(log, 3, num_steps=3 * runs.STEPS_WRITTEN)
        assert log.status == "finished"
        assert log.meta == runs.meta()
        assert log.path == path


def test_everything_chunked_checksummed_and_described(path: Path) -> None:
    with runs.create(path) as log:
        runs.append(log, 2)
    with h5py.File(path) as file:
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({f"/{name}": item}) if isinstance(item, h5py.Dataset) else None)
        assert set(found) == {dataset.path for dataset in DATASETS}
        for name, dataset in found.items():
            assert dataset.fletcher32, name
            assert {"unit", "meaning"} <= set(dataset.attrs), name
            assert (
                h5py.check_string_dtype(dataset.attrs["unit"].dtype) is None or dataset.attrs["unit"].dtype.kind != "O"
            )
            # No zeroed block of the file may pass for data: only deflated chunks cannot be all zeros.
            assert name.startswith("/state/") or all(
                dataset.compression == "gzip" and dataset.id.get_chunk_info(i).filter_mask == 0
                for i in range(dataset.id.get_num_chunks())
            )
        assert found["/epoch"].chunks == (1,)
        assert found["/train/energy"].chunks == (1, runs.NUM_TRAIN)
        assert found["/step/loss"].chunks == (35,)
        assert found["/histogram/probe_delta_energy"].chunks == (1, 1024)
        assert found["/state/committed"].shape == (1,)
        assert (
            dict(zip(found["/epoch"].dtype.names, found["/epoch"].attrs["unit"], strict=True))["train_loss"] == b"nat"
        )
        np.testing.assert_array_equal(found["/histogram/edges"][...], histogram_edges())
        assert file["train"].attrs["attack"] == b"fgsm"
        assert file["probe"].attrs["batch_norm"] == b"eval"


def test_the_file_stays_readable_for_hdf5_before_2(path: Path) -> None:
    runs.create(path).close("finished")
    data = path.read_bytes()
    assert data[8] == 3  # the superblock that SWMR needs
    assert layout_versions(data) == {4}


@pytest.mark.parametrize(
    ("steps_per_epoch", "block"), [(None, 32), (0, 32), (1, 1), (20, 20), (64, 64), (65, 33), (128, 64), (391, 56)]
)
def test_step_blocks(steps_per_epoch: int | None, block: int) -> None:
    assert step_block(steps_per_epoch) == block


def test_blocks_of_steps_never_mix_epochs(path: Path) -> None:
    with LogWriter.create(path, runs.meta(), train=runs.keys("train", 3), probe=runs.keys("probe", 0)) as log:
        for epoch, num_steps in enumerate((40, 0, 32, 1)):
            for _ in range(num_steps):
                log.append_step({"loss": 1.5})
            log.append_epoch({"epoch": epoch}, None, None)
        log.append_step({})
    with h5py.File(path) as file:
        steps, epochs = file["step/step"][...].reshape(-1, 32), file["step/epoch"][...].reshape(-1, 32)
        assert (epochs == epochs[:, :1]).all()
        assert epochs[:, 0].tolist() == [0, 0, 2, 3, 4]
        assert (steps >= 0).sum(axis=1).tolist() == [32, 8, 32, 1, 1]
        assert file["step/loss"].shape == (5 * 32,)
    with EnergyLog.open(path) as log:
        assert log.steps()["step"].tolist() == list(range(74))
        assert log.epochs()["last_step"].tolist() == [40, 40, 72, 73]


def test_what_is_not_given_is_missing(path: Path) -> None:
    table = SampleTable.empty(3)
    table.energy[1] = -2.0
    with LogWriter.create(path, runs.meta(), train=runs.keys("train", 3), probe=runs.keys("probe", 2)) as log:
        log.append_step({"loss": 0.5})
        log.append_epoch({"epoch": 0, "clean_accuracy": 0.25}, table, None)
    with EnergyLog.open(path) as log:
        row = log.epochs()[0]
        assert row["clean_accuracy"] == 0.25
        assert np.isnan([row["pgd_accuracy"], row["train_delta_energy_mean"], row["probe_delta_energy_q50"]]).all()
        np.testing.assert_array_equal(log.samples("train", "energy", 0), [np.nan, -2.0, np.nan])
        assert np.isnan(log.samples("probe", "joint_energy", 0)).all()
        assert log.samples("probe", "correct", 0).tolist() == [NOT_RECORDED] * 2
        assert log.histogram("train").sum() == log.histogram("probe").sum() == 0
        assert np.isnan(log.steps()["delta_energy_mean"]).all()


def test_more_samples_than_a_chunk_and_none_at_all(path: Path) -> None:
    size = SAMPLE_CHUNK + 5
    table = SampleTable.empty(size)
    table.energy[:] = np.arange(size)
    empty = runs.keys("probe", 0)
    with LogWriter.create(path, runs.meta(), train=runs.keys("train", size), probe=empty) as log:
        log.append_epoch({"epoch": 0}, table, SampleTable.empty(0))
    with EnergyLog.open(path) as log:
        np.testing.assert_array_equal(log.samples("train", "energy", 0), np.arange(size))
        assert log.samples("probe", "energy", 0).shape == (0,)
        assert len(log.keys("probe")) == 0
    LogWriter.resume(path).close("finished")
    with EnergyLog.open(path) as log:
        np.testing.assert_array_equal(log.samples("train", "energy", 0), np.arange(size))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": None, "planned_epochs": None, "git_revision": None, "train_attack": None, "probe_attack": None},
        {"config": {}, "versions": {}, "class_names": ()},
        {"class_names": tuple(f"class {i}" for i in range(20_000)), "config": {"long": "x" * 300_000}},
        {"run_id": "", "method": "[red]\x1b[31m", "class_names": ("", "nul\x00in", "\ud800", "日本"), "seed": -(2**62)},
    ],
)
def test_every_fact_of_a_run_survives(path: Path, changes: dict[str, Any]) -> None:
    runs.create(path, **changes).close("finished")
    with EnergyLog.open(path) as log:
        assert log.meta == runs.meta(**changes)


def test_text_that_utf8_cannot_hold_is_replaced(path: Path) -> None:
    runs.create(path, run_id="a\ud800b").close("finished")
    with EnergyLog.open(path) as log:
        assert log.meta.run_id == "a?b"


def test_events(path: Path) -> None:
    before = time.time()
    with runs.create(path) as log:
        log.append_event(kind="catastrophic", epoch=2, step=9, message="PGD fell: ½ → 0")
        log.append_event(kind="note", epoch=3, step=10, message="ü" * 1_000)
    with EnergyLog.open(path) as log:
        events = log.events()
        assert [(decode(event["kind"]), event["epoch"], event["step"]) for event in events] == [
            ("catastrophic", 2, 9),
            ("note", 3, 10),
        ]
        assert decode(events[0]["message"]) == "PGD fell: ½ → 0"
        assert decode(events[1]["message"]) == "ü" * 240  # 480 bytes, no half character
        assert (before <= events["time"]).all()
        assert (events["time"] <= time.time()).all()


@pytest.mark.parametrize("status", ["finished", "stopped", "failed"])
def test_closing_says_how_it_ended_and_only_once(path: Path, status: str) -> None:
    log = runs.create(path)
    log.append_step({"loss": 1.0})
    log.close(status)
    log.close("finished")
    with EnergyLog.open(path) as read:
        assert read.status == status
        assert len(read.steps()) == 1  # what was pending is not lost


def test_leaving_the_block_by_an_exception_means_failed(path: Path) -> None:
    with pytest.raises(KeyError), runs.create(path):
        raise KeyError
    with EnergyLog.open(path) as log:
        assert log.status == "failed"


def test_the_heart_beats_between_epochs_and_stops_at_close(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "HEARTBEAT_SECONDS", 0.02)
    log = runs.create(path)
    with EnergyLog.open(path) as read:
        first = read.heartbeat
        deadline = time.monotonic() + 10
        while read.heartbeat == first and time.monotonic() < deadline:
            time.sleep(0.02)
            assert not read.refresh()  # a pulse is no news
        assert first < read.heartbeat <= time.time()
    log.close("stopped")
    with EnergyLog.open(path) as read:
        last = read.heartbeat
        time.sleep(0.1)
        read.refresh()
        assert read.heartbeat == last


@pytest.mark.parametrize(
    "call",
    [
        lambda log: log.append_epoch({"epoch": 2}, None, None),
        lambda log: log.append_epoch({"epoch": 1, "accuracy": 0.5}, None, None),
        lambda log: log.append_epoch({"epoch": 1}, SampleTable.empty(7), None),
        lambda log: log.append_step({"loss": 1.0, "los": 1.0}),
        lambda log: log.append_step({"epoch": 0}),
        lambda log: log.append_step({"step": -1}),
        lambda log: log.close("running"),
    ],
)
def test_misuse_is_refused_and_leaves_the_log_usable(path: Path, call: Any) -> None:
    log = runs.create(path)
    runs.append(log, 1)
    with pytest.raises(AssertionError):
        call(log)
    runs.append(log, 1)
    log.close("finished")
    with EnergyLog.open(path) as read:
        runs.assert_exact(read, 2, num_steps=2 * runs.STEPS_WRITTEN)


def test_a_row_may_never_share_a_chunk_with_a_committed_one(path: Path) -> None:
    with runs.create(path) as log:
        runs.append(log, 1)
        with pytest.raises(AssertionError, match="share a chunk"):
            log._sink.write("/step/loss", 1, np.zeros(35))


@pytest.mark.parametrize(("axis", "name"), [("epoch", "committed"), ("step", "committed_steps")])
def test_rows_are_flushed_before_they_are_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch, axis: str, name: str
) -> None:
    """And the count after it is raised: else it may reach the disk before the rows."""
    order: list[str] = []

    class Watched:
        def __init__(self, target: Any, label: str) -> None:
            self.target, self.label = target, label

        def __getattr__(self, attribute: str) -> Any:
            if attribute == "flush":
                order.append("flush")
            return getattr(self.target, attribute)

        def __setitem__(self, key: object, value: object) -> None:
            order.append(self.label)
            self.target[key] = value

    log = runs.create(path)
    with monkeypatch.context() as patch:
        patch.setattr(log._sink, "file", Watched(log._sink.file, "file"))
        for dataset in DATASETS:
            label = "count" if dataset.path == f"/state/{name}" else dataset.axes[0]
            patch.setitem(log._sink.data, dataset.path, Watched(log._sink.data[dataset.path], label))
        runs.append(log, 1)
    log.close("finished")
    count = order.index("count")
    last = max(i for i, label in enumerate(order[:count]) if label == axis)
    assert "flush" in order[last:count]
    assert order[count + 1] == "flush"


def test_an_existing_run_is_not_touched(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(WorkbenchError, match="exists"):
        runs.create(path)
    assert path.read_text() == "precious"
    assert runs.names(path.parent) == ["run.h5"]


def test_create_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"no/run\.h5.*create its directory"):
        runs.create(tmp_path / "no" / "run.h5")
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="Not a directory"):
        runs.create(tmp_path / "file" / "run.h5")


def test_a_failed_creation_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layout, "write_meta", fail)
    with pytest.raises(WorkbenchError, match="No space left on device"):
        runs.create(path)
    assert runs.names(path.parent) == []


def test_what_a_killed_creation_left_is_cleared_away(path: Path) -> None:
    (path.parent / ".run.h5.tmp").write_bytes(b"half a file")
    runs.create(path).close("finished")
    assert runs.names(path.parent) == ["run.h5"]


def test_two_creations_at_once_do_not_write_into_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = start.publish

    def race(file: Any, name: Path, target: Path) -> None:
        name.unlink()
        name.write_bytes(b"the other process's file")
        original(file, name, target)

    monkeypatch.setattr(start, "publish", race)
    with pytest.raises(WorkbenchError, match="another process"):
        runs.create(path)
    assert not path.exists()


def test_keys_must_fit() -> None:
    with pytest.raises(AssertionError):
        SampleKeys(index=np.arange(3), label=np.zeros(2, dtype=np.int32))


def test_a_writer_that_is_never_closed_ends_the_log_as_failed(path: Path) -> None:
    process = runs.child("forget", path)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    with EnergyLog.open(path) as log:
        assert log.status == "failed"
        runs.assert_exact(log, 2)
