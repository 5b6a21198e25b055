"""A check says exactly what is damaged, in which epochs, and what is whole all the same."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.energylog import runs, spoiled
from tests.energylog.spoiled import set_element, set_field, spoil_chunk
from trainers.energylog import SampleTable
from trainers.energylog.inspection import CheckReport, check_safely
from trainers.energylog.inspection.check import check_log
from trainers.energylog.inspection.guard import Beat, guarded
from trainers.errors import WorkbenchError

WHOLE = ((0, spoiled.NUM_EPOCHS - 1),)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoiled.write_log(tmp_path_factory.mktemp("finished") / "run.h5")


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished, tmp_path / "run.h5"))


def said(report: CheckReport) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(finding.where, finding.what, finding.epochs) for finding in report.findings]


def test_an_intact_log(finished: Path) -> None:
    report = check_log(finished)
    assert not report.findings
    assert not report.damaged
    assert report.whole == WHOLE
    assert (report.status, report.epochs, report.steps, report.events) == ("finished", 5, 5 * runs.STEPS_WRITTEN, 2)
    assert report == check_safely(finished.parent)


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_a_log_that_is_being_written(tmp_path: Path, mode: str) -> None:
    with spoiled.create(tmp_path / "run.h5", mode=mode) as writer:
        for num in range(3):
            report = check_safely(tmp_path)
            assert (report.status, report.epochs, report.damaged) == ("running", num, False)
            runs.append(writer, 1)
        writer.append_step(runs.step(3, 0))
        assert check_safely(tmp_path).findings == ()


def test_a_log_whose_writer_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with spoiled.create(tmp_path / "live.h5") as writer:
        runs.append(writer, 2)
        shutil.copy(tmp_path / "live.h5", tmp_path / "run.h5")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 61)
    report = check_log(tmp_path / "run.h5")
    assert (report.status, report.epochs, report.findings) == ("crashed", 2, ())


def test_a_run_that_diverged_is_strange_and_not_damaged(tmp_path: Path) -> None:
    table = SampleTable.empty(runs.NUM_TRAIN)
    table.energy[:], table.energy_adv[:] = -np.inf, 3.0
    with spoiled.create(tmp_path / "run.h5") as writer:
        writer.append_step({"loss": np.inf})
        writer.append_epoch({"epoch": 0, "train_loss": np.inf}, table, None)
    report = check_log(tmp_path / "run.h5")
    assert not report.damaged
    assert {finding.where for finding in report.findings} == {"/train/energy", "/epoch", "/step/loss"}


def virtual(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        view = h5py.VirtualLayout(shape=file["train/energy"].shape, dtype="f4")
        view[...] = h5py.VirtualSource("elsewhere.h5", "secret", shape=file["train/energy"].shape)
        del file["train/energy"]
        file.create_virtual_dataset("train/energy", view)


def linked(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["probe/correct"]
        file["probe/correct"] = h5py.ExternalLink("/etc/passwd", "/")


CHECKSUM = "the checksum does not match"
DAMAGE: dict[str, tuple[Callable[[Path], None], str, str, tuple[int, ...]]] = {
    "samples": (lambda path: spoil_chunk(path, "train/energy", 3), "/train/energy", CHECKSUM, (3,)),
    "flags": (lambda path: spoil_chunk(path, "probe/correct_adv", 0), "/probe/correct_adv", CHECKSUM, (0,)),
    "epoch row": (lambda path: spoil_chunk(path, "epoch", 2), "/epoch", CHECKSUM, (2,)),
    "histogram": (
        lambda path: spoil_chunk(path, "histogram/delta_energy", 4),
        "/histogram/delta_energy",
        CHECKSUM,
        (4,),
    ),
    "edges": (lambda path: spoil_chunk(path, "histogram/edges"), "/histogram/edges", CHECKSUM, ()),
    "step": (lambda path: spoil_chunk(path, "step/loss", 80), "/step/loss", CHECKSUM, ()),
    "event": (lambda path: spoil_chunk(path, "events", 1), "/events", CHECKSUM, ()),
    "label": (lambda path: spoil_chunk(path, "train/label"), "/train/label", CHECKSUM, ()),
    "counter": (lambda path: spoil_chunk(path, "state/committed"), "/state/committed", CHECKSUM, ()),
    "virtual": (virtual, "/train/energy", "is not stored in chunks in this file", ()),
    "link": (linked, "/probe/correct", "is missing or a link to elsewhere", ()),
    "too few": (
        lambda path: set_element(path, "state/committed", 0, 3),
        "/state/committed",
        "it counts 3 epochs, but 5 are on disk",
        (),
    ),
    "absurdly many": (
        lambda path: set_element(path, "state/committed", 0, 2**62),
        "/state/committed",
        f"it counts {2**62} epochs, but 5 are on disk",
        (),
    ),
    "negative": (lambda path: set_element(path, "state/committed", 0, -1), "/state/committed", "it counts -1 rows", ()),
    "status": (lambda path: set_element(path, "state/status", 0, 9), "/state/status", "9 is no status", ()),
    "fraction": (
        lambda path: set_field(path, "epoch", 1, "pgd_accuracy", 1.5),
        "/epoch",
        "pgd_accuracy is no fraction",
        (1,),
    ),
    "infinite": (
        lambda path: set_field(path, "epoch", 1, "learning_rate", np.inf),
        "/epoch",
        "learning_rate is infinite",
        (1,),
    ),
    "number": (lambda path: set_field(path, "epoch", 1, "epoch", 3), "/epoch", "the number of another epoch", (1,)),
    "went back": (
        lambda path: set_field(path, "epoch", 3, "last_step", 5),
        "/epoch",
        "fewer steps than by the epoch before",
        (3,),
    ),
    "statistics": (
        lambda path: set_field(path, "epoch", 2, "train_delta_energy_mean", 9.0),
        "/epoch",
        "ΔE statistics of train differ from those of the samples",
        (2,),
    ),
    "counts": (
        lambda path: set_element(path, "histogram/probe_delta_energy", (2, 7), 4),
        "/histogram/probe_delta_energy",
        "counts differ from those of the samples",
        (2,),
    ),
    "flag": (
        lambda path: set_element(path, "train/correct", (2, 7), 4),
        "/train/correct",
        "flags other than 0, 1 and 255",
        (2,),
    ),
    "other edges": (
        lambda path: set_element(path, "histogram/edges", 7, 4.0),
        "/histogram/edges",
        "other edges than every log has",
        (),
    ),
    "step order": (lambda path: set_element(path, "step/step", 40, 3), "/step/step", "steps out of order", ()),
    "mixed block": (lambda path: set_element(path, "step/epoch", 40, 3), "/step/epoch", "a block of two epochs", ()),
    "padding": (lambda path: set_element(path, "step/step", 40, -1), "/step/step", "padding inside a block", ()),
    "text": (lambda path: set_field(path, "events", 0, "message", b"\xff"), "/events", "a text that is not UTF-8", ()),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named_with_its_epochs(copy: Path, case: str) -> None:
    spoil, where, what, epochs = DAMAGE[case]
    spoil(copy)
    report = check_log(copy)
    assert report.damaged
    assert (where, what, epochs) in said(report)
    named = {epoch for _, _, some in said(report) for epoch in some}
    assert report.epochs == spoiled.NUM_EPOCHS
    if case in ("virtual", "link"):
        assert report.whole == ()
    else:
        assert {epoch for first, last in report.whole for epoch in range(first, last + 1)} == set(range(5)) - named


def test_what_differs_from_the_samples_is_all_that_is_said_of_a_changed_energy(copy: Path) -> None:
    set_element(copy, "train/energy", (1, 5), 400.0)
    assert {(where, epochs) for where, _, epochs in said(check_log(copy))} == {
        ("/epoch", (1,)),
        ("/histogram/delta_energy", (1,)),
    }


def test_of_a_shortened_log_the_epochs_before_the_cut_are_whole(finished: Path, tmp_path: Path) -> None:
    data, path = finished.read_bytes(), tmp_path / "run.h5"
    for epoch in range(1, spoiled.NUM_EPOCHS - 1):
        path.write_bytes(data[: spoiled.end_of_epoch(finished, epoch)])
        report = check_log(path)
        assert ("file", "shorter than it says", ()) in said(report)
        assert report.whole[0][0] == 0
        assert report.whole[-1][1] in (epoch, epoch + 1)


def test_a_missing_segment_and_one_of_another_run(tmp_path: Path) -> None:
    for name in ("run", "other"):
        writer = spoiled.create(tmp_path / f"{name}.h5", mode="segments")
        runs.append(writer, 3)
        writer.close("stopped")
    (tmp_path / "run.h5.d" / "000001.h5").unlink()
    shutil.copy(tmp_path / "other.h5.d" / "000000.h5", tmp_path / "run.h5.d" / "000002.h5")
    report = check_log(tmp_path / "run.h5")
    assert report.whole == ((0, 0),)
    assert said(report) == [
        ("run.h5.d/000001.h5", "missing", (1,)),
        ("run.h5.d/000002.h5", "it belongs to another run", (2,)),
    ]


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="does not exist"):
        check_safely(tmp_path / "gone.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(WorkbenchError, match="HDF5 but no energy log"):
        check_safely(tmp_path / "foreign.h5")


def hang(_: Beat) -> dict[str, object]:
    time.sleep(60)
    return {}


def endless(beat: Beat) -> dict[str, object]:
    while True:
        beat()
        time.sleep(0.05)


def spin(beat: Beat) -> dict[str, object]:
    while True:
        beat()


CALAMITIES: dict[str, tuple[Callable[[Beat], dict[str, object]], str]] = {
    "crash": (lambda _: {"": os.kill(os.getpid(), signal.SIGSEGV)}, r"the HDF5 library crashed reading .*\(SIGSEGV\)"),
    "exit": (lambda _: os._exit(3), r"crashed reading .*\(exit 3\)"),
    "hang": (hang, "took too long"),
    "endless": (endless, "took too long"),
    "busy": (spin, "took too long"),
    "memory": (lambda _: {"": len(bytearray(4 << 30))}, "needs too much memory"),
    "refusal": (lambda _: check_log(Path("gone.h5")) and {}, "gone.h5 does not exist"),
}


@pytest.mark.parametrize("case", CALAMITIES)
def test_what_happens_to_the_child_is_one_line(finished: Path, case: str) -> None:
    work, words = CALAMITIES[case]
    with pytest.raises(WorkbenchError, match=words) as caught:
        guarded(work, finished, patience=0.02 if case in ("hang", "endless", "busy") else 2)
    assert "\n" not in str(caught.value)


def test_a_fault_of_our_own_is_not_taken_for_damage(finished: Path) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        guarded(lambda _: {"": 1 // 0}, finished)
