"""A repair keeps what is intact bit for bit, calls the rest not recorded, says so, and invents nothing."""

import random
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.energylog import runs, spoiled
from tests.energylog.spoiled import set_element, set_field, spoil_chunk
from trainers.energylog import EnergyLog, LogWriter
from trainers.energylog.inspection import repair_safely
from trainers.energylog.inspection.check import check_log
from trainers.energylog.inspection.repair import repair_log
from trainers.energylog.schema import EPOCH_COLUMNS
from trainers.errors import WorkbenchError


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoiled.write_log(tmp_path_factory.mktemp("finished") / "run.h5")


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished, tmp_path / "run.h5"))


def contents(path: Path) -> dict[str, Any]:
    """Every data set by plain h5py."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.__setitem__(name, item[...]) if isinstance(item, h5py.Dataset) else None
        )
    return found


def notes(path: Path) -> list[str]:
    with EnergyLog.open(path) as log:
        return [event["message"].decode() for event in log.events() if event["message"].startswith(b"repair: ")]


def assert_same_but(new: Path, old: dict[str, Any], *changed: str) -> None:
    """All data sets but these are as they were; events may follow the old ones."""
    for name, values in contents(new).items():
        if name not in (*changed, "state/committed_events", "events"):
            assert values.tobytes() == old[name].tobytes(), name
    assert contents(new)["events"].tobytes().startswith(old["events"].tobytes())


def test_an_intact_log_is_left_alone(copy: Path) -> None:
    before = copy.read_bytes()
    assert repair_safely(copy) is None
    assert copy.read_bytes() == before
    assert runs.names(copy.parent) == ["run.h5"]


def test_one_lost_table_row_becomes_not_recorded(copy: Path, finished: Path) -> None:
    old = contents(finished)
    spoil_chunk(copy, "train/joint_energy", 3)
    spoil_chunk(copy, "probe/correct", 1)
    damaged = copy.read_bytes()
    report = repair_safely(copy)
    assert report is not None
    assert Path(report.kept_as).read_bytes() == damaged
    assert runs.names(copy.parent) == ["run.h5", Path(report.kept_as).name]
    assert not check_log(copy).findings
    assert_same_but(copy, old, "train/joint_energy", "probe/correct")
    new = contents(copy)
    assert np.isnan(new["train/joint_energy"][3]).all()
    assert (new["probe/correct"][1] == 255).all()
    np.testing.assert_array_equal(new["train/joint_energy"][[0, 1, 2, 4]], old["train/joint_energy"][[0, 1, 2, 4]])
    assert notes(copy) == [
        "repair: epoch 1, /probe/correct: unreadable, not recorded",
        "repair: epoch 3, /train/joint_energy: unreadable, not recorded",
    ]
    with EnergyLog.open(copy) as log:
        assert (log.status, log.committed, log.meta) == ("finished", 5, spoiled.TEN_CLASSES)


def test_a_lost_epoch_row_keeps_its_samples_and_their_statistics(copy: Path, finished: Path) -> None:
    spoil_chunk(copy, "epoch", 2)
    assert repair_log(copy) is not None
    assert_same_but(copy, contents(finished), "epoch")
    row = contents(copy)["epoch"][2]
    delta = runs.table(2, "train").energy.astype(np.float64) - runs.table(2, "train").energy_adv
    assert row["epoch"] == 2
    assert row["last_step"] == 3 * runs.STEPS_WRITTEN
    assert row["train_delta_energy_mean"] == pytest.approx(delta.mean(), rel=1e-5)
    assert row["train_delta_energy_q75"] == pytest.approx(np.percentile(delta, 75), rel=1e-5)
    for column in EPOCH_COLUMNS:
        if column.dtype == "f8" and "delta_energy" not in column.name:
            assert np.isnan(row[column.name]), column.name
    assert any("epoch 2, /epoch: measures are not recorded" in note for note in notes(copy))


def test_a_lost_histogram_is_made_from_the_samples_and_a_lost_one_without_samples_is_empty(
    copy: Path, finished: Path
) -> None:
    old = contents(finished)
    spoil_chunk(copy, "histogram/delta_energy", 1)
    spoil_chunk(copy, "histogram/probe_delta_energy", 4)
    spoil_chunk(copy, "probe/energy_adv", 4)
    assert repair_log(copy) is not None
    assert_same_but(copy, old, "histogram/probe_delta_energy", "probe/energy_adv")
    new = contents(copy)
    assert new["histogram/probe_delta_energy"][4].sum() == 0
    assert np.isnan(new["probe/energy_adv"][4]).all()


@pytest.mark.parametrize("which", ["statistics", "histogram", "samples"])
def test_of_three_witnesses_two_are_believed(copy: Path, finished: Path, which: str) -> None:
    old = contents(finished)
    if which == "statistics":
        set_field(copy, "epoch", 1, "probe_delta_energy_q50", 77.0)
    elif which == "histogram":
        set_element(copy, "histogram/probe_delta_energy", (1, 3), 9)
    else:
        set_element(copy, "probe/energy", (1, 3), 300.0)
    assert repair_log(copy) is not None
    assert not check_log(copy).damaged
    assert_same_but(copy, old, *(("probe/energy", "probe/energy_adv") if which == "samples" else ()))
    assert np.isnan(contents(copy)["probe/energy"][1]).all() == (which == "samples")


@pytest.mark.parametrize("value", [2, 0, -1, 2**62])
def test_a_counter_that_lies_costs_nothing(copy: Path, finished: Path, value: int) -> None:
    set_element(copy, "state/committed", 0, value)
    assert repair_log(copy) is not None
    assert_same_but(copy, contents(finished))
    assert contents(copy)["state/committed"][0] == spoiled.NUM_EPOCHS


def test_lost_steps_and_events_and_keys(copy: Path, finished: Path) -> None:
    old = contents(finished)
    spoil_chunk(copy, "step/loss", 36)
    spoil_chunk(copy, "events", 0)
    spoil_chunk(copy, "probe/label")
    report = repair_log(copy)
    assert report is not None
    assert not check_log(copy).findings
    new = contents(copy)
    np.testing.assert_array_equal(new["step/loss"], np.delete(old["step/loss"], slice(35, 70)))
    assert new["events"]["message"][0] == b"two"
    assert new["probe/energy"].shape == (5, 0)
    np.testing.assert_array_equal(new["histogram/probe_delta_energy"], old["histogram/probe_delta_energy"])
    np.testing.assert_array_equal(new["train/energy"], old["train/energy"])
    assert len(notes(copy)) == len(report.lost) == 3


def test_of_a_shortened_log_the_epochs_before_the_cut_are_kept_and_training_can_go_on(
    finished: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(finished.read_bytes()[: spoiled.end_of_epoch(finished, 2)])
    report = repair_log(path)
    assert report is not None
    assert report.epochs in (3, 4)
    with EnergyLog.open(path) as log:
        assert log.status == "failed"
        for epoch in range(3):
            for split in ("train", "probe"):
                np.testing.assert_array_equal(log.samples(split, "energy", epoch), runs.table(epoch, split).energy)
        assert [float(value) for value in log.epochs()["train_loss"][:3]] == [1.0, 1 / 2, 1 / 3]
    with LogWriter.resume(path) as writer:
        assert writer.committed == report.epochs


def damaged_at_random(data: bytes, rng: random.Random) -> bytes:
    spoiled_data = bytearray(data)
    kind, start = rng.randrange(3), rng.randrange(1000, len(data))
    if kind == 0:
        return bytes(data[:start])
    size = 1 if kind == 1 else 4096
    spoiled_data[start : start + size] = bytes(byte ^ 0x55 for byte in spoiled_data[start : start + size])
    return bytes(spoiled_data)


def test_no_number_is_invented(finished: Path, tmp_path: Path) -> None:
    """Whatever was damaged: each number is the one that was written, or "not recorded"."""
    truth, data, rng = contents(finished), finished.read_bytes(), random.Random(0)
    path, num_repaired = tmp_path / "run.h5", 0
    for number in range(10):
        path.write_bytes(damaged_at_random(data, rng))
        try:
            if repair_log(path) is None:
                continue
        except WorkbenchError:
            continue
        num_repaired += 1
        assert not check_log(path).damaged
        new = contents(path)
        num = len(new["epoch"])
        for name, values in new.items():
            if name.startswith(("train/", "probe/")) and values.ndim == 2 and values.size:
                missing = np.isnan(values) if values.dtype.kind == "f" else values == 255
                assert (missing | (values == truth[name][:num])).all(), (number, name)
            elif name.startswith("histogram/") and values.ndim == 2:
                empty = (values == 0).all(axis=1)
                assert (empty | (values == truth[name][:num]).all(axis=1)).all(), (number, name)
        for field in new["epoch"].dtype.names:
            values, wanted = new["epoch"][field], truth["epoch"][field][:num]
            if field != "last_step":
                assert (np.isnan(values) | np.isclose(values, wanted, rtol=1e-12) | np.isnan(wanted)).all(), (
                    number,
                    field,
                )
        steps = dict(zip(truth["step/step"], truth["step/loss"], strict=True))
        assert all(
            steps[step] == loss for step, loss in zip(new["step/step"], new["step/loss"], strict=True) if step >= 0
        )
    assert num_repaired >= 5


def test_the_new_log_can_go_elsewhere(copy: Path) -> None:
    spoil_chunk(copy, "train/energy", 0)
    before, new = copy.read_bytes(), copy.with_name("new.h5")
    report = repair_safely(copy, new)
    assert report is not None
    assert copy.read_bytes() == before
    assert runs.names(copy.parent) == ["new.h5", "run.h5"]
    assert not check_log(new).damaged
    with pytest.raises(WorkbenchError, match=r"new\.h5 exists; give another --out"):
        repair_safely(copy, new)
    with pytest.raises(WorkbenchError, match="cannot write"):
        repair_safely(copy, copy.parent / "nowhere" / "new.h5")
    assert runs.names(copy.parent) == ["new.h5", "run.h5"]


def test_a_log_in_segments_becomes_one_file(tmp_path: Path, finished: Path) -> None:
    writer = spoiled.create(tmp_path / "run.h5", mode="segments")
    runs.append(writer, 3)
    writer.close("stopped")
    (tmp_path / "run.h5.d" / "000001.h5").unlink()
    report = repair_log(tmp_path / "run.h5")
    assert report is not None
    kept = Path(report.kept_as).name
    assert runs.names(tmp_path) == ["run.h5", kept, f"{kept}.d"]
    assert not check_log(tmp_path / "run.h5").damaged
    assert check_log(Path(report.kept_as)).whole == ((0, 0), (2, 2))
    new, old = contents(tmp_path / "run.h5"), contents(finished)
    assert np.isnan(new["train/energy"][1]).all()
    np.testing.assert_array_equal(new["train/energy"][[0, 2]], old["train/energy"][[0, 2]])
    assert new["epoch"].tobytes() == old["epoch"][:3].tobytes()


def test_what_cannot_or_must_not_be_repaired(copy: Path, tmp_path: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file.attrs["config"] = "{"
    with pytest.raises(WorkbenchError, match="attribute config is no JSON; without that it cannot be repaired"):
        repair_safely(copy)
    copy.write_bytes(copy.read_bytes()[:3000])
    with pytest.raises(WorkbenchError, match="nothing in it can be read"):
        repair_safely(copy)
    with spoiled.create(tmp_path / "live.h5") as writer:
        runs.append(writer, 1)
        damaged = tmp_path / "damaged.h5"
        damaged.write_bytes((tmp_path / "live.h5").read_bytes())
        with h5py.File(damaged, swmr=True) as file:
            chunk = file["train/energy"].id.get_chunk_info(0)
        with damaged.open("r+b") as stream:
            stream.seek(chunk.byte_offset)
            stream.write(b"damage")
        with pytest.raises(WorkbenchError, match="is being written, or was less than a minute ago"):
            repair_safely(damaged)
    assert not [name for name in runs.names(tmp_path) if name.endswith(".tmp") or ".damaged-" in name]
