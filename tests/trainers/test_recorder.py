"""EnergyRecorder in loops that are not ours: what is logged, what is refused, and how a run goes on."""

import argparse
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from numpy.typing import NDArray

from trainers import EnergyRecorder
from trainers.callbacks import Answer, EpochReport, StartReport
from trainers.energylog import NOT_RECORDED, SAMPLE_COLUMNS, EnergyLog
from trainers.errors import WorkbenchError

NUM, CLASSES, BATCH = 30, 3, 8
STEPS = 4
"""Steps per epoch: three batches of 8 and one of 6."""
LABELS = np.random.default_rng(0).integers(0, CLASSES, NUM)


def logits(seed: int, num: int = NUM) -> NDArray[np.float64]:
    """Logits of x and of x*, shape (2, num, CLASSES)."""
    return 3 * np.random.default_rng(seed).standard_normal((2, num, CLASSES))


def expected(values: NDArray[np.float64], y: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The log's columns by the formulas of the documentation, in double precision."""
    columns = {}
    for suffix, f in zip(("", "_adv"), values, strict=True):
        columns[f"energy{suffix}"] = -scipy.special.logsumexp(f, axis=1)
        columns[f"joint_energy{suffix}"] = -f[np.arange(len(y)), y]
        columns[f"correct{suffix}"] = (f.argmax(1) == y).astype(float)
    return columns


def feed(recorder: EnergyRecorder, seed: int, order: NDArray[np.int64] | None = None, **options: Any) -> None:
    """One epoch of batches in a shuffled order."""
    values = logits(seed)
    order = np.random.default_rng(seed).permutation(NUM) if order is None else order
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        clean, adversarial = (torch.from_numpy(f[rows]) for f in values)
        recorder.batch(torch.from_numpy(rows), torch.from_numpy(LABELS[rows]), clean, adversarial, **options)


def table(path: Path, epoch: int, split: str = "train") -> dict[str, NDArray[Any]]:
    with EnergyLog.open(path) as log:
        return {column.name: log.samples(split, column.name, epoch) for column in SAMPLE_COLUMNS}


def assert_recorded(path: Path, epoch: int, wanted: dict[str, NDArray[np.float64]], split: str = "train") -> None:
    """Every column is as wanted; NaN stands for what is missing."""
    for name, values in table(path, epoch, split).items():
        target = wanted[name]
        if name.startswith("correct"):
            np.testing.assert_array_equal(values, np.where(np.isnan(target), NOT_RECORDED, target), err_msg=name)
        else:
            np.testing.assert_allclose(values, target, rtol=1e-6, atol=1e-6, err_msg=name)


@dataclass
class Diary:
    """A callback that remembers what it was told."""

    starts: list[StartReport]
    epochs: list[EpochReport]

    def on_start(self, report: StartReport) -> None:
        self.starts.append(report)

    def on_epoch(self, report: EpochReport) -> Answer:
        self.epochs.append(report)
        return Answer.CONTINUE


@pytest.mark.parametrize("labels", [None, LABELS], ids=["learnt", "given"])
@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_shuffled_batches_arrive_by_index(tmp_path: Path, labels: Any, mode: Any) -> None:
    with EnergyRecorder(tmp_path / "run.h5", num_samples=NUM, labels=labels, log_mode=mode) as recorder:
        assert (tmp_path / "run.h5").exists() == (labels is not None)
        for epoch in range(2):
            assert recorder.epoch == epoch
            feed(recorder, seed=epoch, loss=0.5, learning_rate=0.1)
            recorder.end_epoch(pgd_accuracy=0.25 * epoch)
    for epoch in range(2):
        assert_recorded(tmp_path / "run.h5", epoch, expected(logits(epoch), LABELS))
    with EnergyLog.open(tmp_path) as log:
        np.testing.assert_array_equal(log.keys("train").label, LABELS)
        np.testing.assert_array_equal(log.keys("train").index, np.arange(NUM))
        assert log.status == "finished"
        assert log.meta.class_names == ("0", "1", "2")
        epochs, steps = log.epochs(), log.steps()
    wanted = expected(logits(1), LABELS)
    delta = wanted["energy"] - wanted["energy_adv"]
    assert epochs["pgd_accuracy"].tolist() == [0.0, 0.25]
    assert epochs["last_step"].tolist() == [STEPS, 2 * STEPS]
    assert epochs["train_loss"].tolist() == pytest.approx([0.5, 0.5])
    assert epochs["train_clean_accuracy"][1] == pytest.approx(wanted["correct"].mean())
    assert epochs["train_robust_accuracy"][1] == pytest.approx(wanted["correct_adv"].mean())
    assert epochs["train_delta_energy_mean"][1] == pytest.approx(delta.mean(), rel=1e-5)
    assert epochs["train_delta_energy_q95"][1] == pytest.approx(np.quantile(delta, 0.95), rel=1e-5)
    real = steps[steps["step"] >= 0]
    assert real["step"].tolist() == list(range(2 * STEPS))
    assert real["learning_rate"].tolist() == [0.1] * 8
    first = np.random.default_rng(1).permutation(NUM)[:BATCH]
    assert real["delta_energy_q50"][STEPS] == pytest.approx(np.median(delta[first]), rel=1e-5)


def test_a_sample_that_comes_twice_keeps_its_last_energies_and_one_that_never_comes_has_none(tmp_path: Path) -> None:
    first, second = logits(0), logits(1)
    with EnergyRecorder(tmp_path / "run.h5", num_samples=NUM) as recorder:
        for values, rows in ((first, np.arange(0, 20)), (second, np.arange(10, 25))):
            recorder.batch(rows, LABELS[rows], values[0][rows], values[1][rows])
        recorder.end_epoch()
    wanted = {}
    for name, values in expected(first, LABELS).items():
        wanted[name] = values.copy()
        wanted[name][10:25] = expected(second, LABELS)[name][10:25]
        wanted[name][25:] = np.nan
    assert_recorded(tmp_path / "run.h5", 0, wanted)
    with EnergyLog.open(tmp_path) as log:
        assert log.keys("train").label[25:].tolist() == [-1] * 5


@pytest.mark.parametrize(("clean", "adversarial"), [(True, False), (False, True)])
def test_one_side_alone_leaves_the_other_unrecorded(tmp_path: Path, clean: bool, adversarial: bool) -> None:
    values, wanted = logits(0), expected(logits(0), LABELS)
    with EnergyRecorder(tmp_path / "run.h5", num_samples=NUM) as recorder:
        recorder.batch(np.arange(NUM), LABELS, values[0] if clean else None, values[1] if adversarial else None)
        row = recorder.end_epoch()
    for name in wanted:
        if not (adversarial if name.endswith("_adv") else clean):
            wanted[name] = np.full(NUM, np.nan)
    assert_recorded(tmp_path / "run.h5", 0, wanted)
    assert math.isnan(row["train_delta_energy_mean"])
    assert math.isnan(row["train_robust_accuracy"]) == (not adversarial)
    assert math.isnan(row["train_clean_accuracy"]) == (not clean)


FORMS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "list": lambda a: a.tolist(),
    "array": lambda a: a,
    "reversed view": lambda a: a[::-1].copy()[::-1],
    "read-only": lambda a: np.frombuffer(a.tobytes(), dtype=a.dtype).reshape(a.shape),
    "strided tensor": lambda a: torch.from_numpy(np.repeat(a, 2, axis=0))[::2],
    "graph": lambda a: torch.from_numpy(a).requires_grad_() if a.dtype.kind == "f" else torch.from_numpy(a),
    "small integers": lambda a: a.astype(np.uint8) if a.dtype.kind == "i" else a.astype(np.float32),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("error")
def test_batches_may_have_any_form(tmp_path: Path, form: str) -> None:
    make, values = FORMS[form], logits(0)
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        recorder.batch(make(np.arange(NUM)), make(LABELS), make(values[0]), make(values[1]), loss=np.float64(1))
        recorder.end_epoch()
    assert recorder.path == tmp_path / "run.h5"
    assert_recorded(recorder.path, 0, expected(values, LABELS))


@pytest.mark.parametrize(("dtype", "loose"), [(torch.float16, 2e-3), (torch.bfloat16, 2e-2), (torch.float64, 1e-6)])
def test_energies_of_half_precision_are_computed_in_single(tmp_path: Path, dtype: torch.dtype, loose: float) -> None:
    rounded = torch.from_numpy(logits(0)).to(dtype)
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        loss = torch.tensor(60_000.0).to(dtype)  # times the batch size this is infinite in half precision
        recorder.batch(range(NUM), LABELS, rounded[0], rounded[1], loss=loss)
        row = recorder.end_epoch()
    assert_recorded(recorder.path, 0, expected(rounded.double().numpy(), LABELS))
    assert row["train_loss"] == pytest.approx(60_000, rel=loose)


def test_other_modes_of_torch_change_nothing(tmp_path: Path) -> None:
    """Inference mode (as in validation loops), autocast and another default type, epochs begun and ended inside."""
    values = torch.from_numpy(logits(0)).float()
    torch.set_default_dtype(torch.float64)
    try:
        with EnergyRecorder(tmp_path, num_samples=NUM, num_probe=NUM) as recorder:
            for _ in range(2):
                with torch.inference_mode(), torch.autocast("cpu"):
                    recorder.batch(range(NUM), LABELS, values[0] * 1, values[1] * 1)
                    recorder.probe(range(5), LABELS[:5], values[0][:5] * 1)
                    recorder.end_epoch()
                recorder.batch(range(NUM), LABELS, *values)
                recorder.probe(range(NUM), LABELS, *values)
                recorder.end_epoch()
    finally:
        torch.set_default_dtype(torch.float32)
    for epoch in range(4):
        assert_recorded(recorder.path, epoch, expected(values.double().numpy(), LABELS))
    assert_recorded(recorder.path, 3, expected(values.double().numpy(), LABELS), "probe")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_network_that_diverges_is_recorded_as_it_is(tmp_path: Path, bad: float) -> None:
    values = logits(0)
    values[:, 3:5] = bad
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        recorder.batch(range(NUM), LABELS, *values, loss=bad)
        row = recorder.end_epoch(pgd_accuracy=math.nan)
    with np.errstate(invalid="ignore"):
        stored, wanted = table(recorder.path, 0), expected(values, LABELS)
    np.testing.assert_allclose(stored["energy"], wanted["energy"], rtol=1e-6, atol=1e-6)
    healthy = np.delete(np.arange(NUM), [3, 4])
    delta = wanted["energy"][healthy] - wanted["energy_adv"][healthy]
    assert row["train_delta_energy_mean"] == pytest.approx(delta.mean(), rel=1e-5)


def test_an_epoch_without_batches_and_an_empty_batch_are_no_steps(tmp_path: Path) -> None:
    with EnergyRecorder(tmp_path, num_samples=NUM, labels=LABELS) as recorder:
        recorder.end_epoch(clean_accuracy=0.5)
        recorder.batch([], [], np.empty((0, CLASSES)), np.empty((0, CLASSES)))
        feed(recorder, 1)
        recorder.end_epoch(clean_accuracy=0.6)
    with EnergyLog.open(tmp_path) as log:
        assert log.epochs()["clean_accuracy"].tolist() == [0.5, 0.6]
        assert log.epochs()["last_step"].tolist() == [0, STEPS]
        assert np.isnan(log.epochs()["train_clean_accuracy"][0])
    assert np.isnan(table(recorder.path, 0)["energy"]).all()


def test_the_probe_gives_its_accuracies_unless_they_are_given(tmp_path: Path) -> None:
    values, y = logits(5, 10), LABELS[:10]
    wanted = expected(values, y)
    with EnergyRecorder(tmp_path, num_samples=NUM, num_probe=10, probe_attack="PGD-20") as recorder:
        for given in ({}, {"pgd_accuracy": torch.tensor(0.125), "clean_accuracy": np.float32(0.5)}):
            feed(recorder, 0)
            for rows in (np.arange(6), np.arange(6, 10)):
                recorder.probe(rows, y[rows], values[0][rows], values[1][rows])
            row = recorder.end_epoch(**given)
            assert math.isnan(row["fgsm_accuracy"])
            assert row["pgd_accuracy"] == pytest.approx(0.125 if given else wanted["correct_adv"].mean())
            assert row["clean_accuracy"] == pytest.approx(0.5 if given else wanted["correct"].mean())
    assert_recorded(recorder.path, 1, wanted, "probe")
    with EnergyLog.open(tmp_path) as log:
        assert log.meta.probe_attack == "pgd-20"
        np.testing.assert_array_equal(log.keys("probe").label, y)


ROWS, F = np.arange(4), np.zeros((4, CLASSES))
REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no logits": ((ROWS, ROWS % 3), {}, "logits_clean, logits_adv or both"),
    "index too large": ((ROWS + NUM, ROWS % 3, F), {}, "index is from 0 to 29 here; got 30 to 33"),
    "negative index": ((ROWS - 1, ROWS % 3, F), {}, "index is from 0 to 29 here; got -1"),
    "ignored class": ((ROWS, [0, 1, 2, -100], F), {}, "y is from 0 to 2 here; got -100 to 2"),
    "class too large": ((ROWS, ROWS, F), {}, "y is from 0 to 2 here; got 0 to 3"),
    "mask as index": ((ROWS > 1, ROWS % 3, F), {}, "index holds whole numbers; got bool"),
    "soft labels": ((ROWS, [0.1, 0.2, 0.3, 0.4], F), {}, "y holds whole numbers; got float64"),
    "one-hot labels": ((ROWS, np.eye(4, 3, dtype=int), F), {}, "y (4, 3)"),
    "one logit": ((ROWS, ROWS % 3, F[:, 0]), {}, "logits are (B, K); got index (4,), y (4,), logits_clean (4,)"),
    "lengths": ((ROWS, ROWS % 3, F[:3]), {}, "logits_clean (3, 3)"),
    "other classes": ((ROWS, ROWS % 3, F, np.zeros((4, 9))), {}, "logits_adv (4, 9)"),
    "text": ((["a", "b", "c", "d"], ROWS % 3, F), {}, "index is a tensor, an array or a list of numbers"),
    "losses": ((ROWS, ROWS % 3, F), {"loss": torch.zeros(4)}, "loss is one number"),
    "rates": ((ROWS, ROWS % 3, F), {"learning_rate": [0.1, 0.2]}, "learning_rate is one number; got [0.1, 0.2]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_batch_that_does_not_fit_is_refused_and_training_may_go_on(tmp_path: Path, case: str) -> None:
    arguments, options, words = REFUSED[case]
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        with pytest.raises(WorkbenchError) as caught:
            recorder.batch(*arguments, **options)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        feed(recorder, 0)
        assert recorder.end_epoch()["last_step"] == STEPS
    assert_recorded(recorder.path, 0, expected(logits(0), LABELS))


@pytest.mark.parametrize("value", [85.3, 1.001, -0.1, math.inf, "high", torch.ones(2), True + 1])
def test_an_accuracy_that_is_no_fraction_is_refused_before_anything_is_written(tmp_path: Path, value: Any) -> None:
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        feed(recorder, 0)
        with pytest.raises(WorkbenchError, match="pgd_accuracy is"):
            recorder.end_epoch(pgd_accuracy=value)
        assert not recorder.path.exists()
        assert recorder.end_epoch(pgd_accuracy=torch.tensor([0.853]))["pgd_accuracy"] == pytest.approx(0.853)
    with EnergyLog.open(tmp_path) as log:
        assert log.committed == 1


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "samples": ({"num_samples": -1}, "num_samples is a whole number from 0; got -1"),
    "a share of samples": ({"num_samples": 0.5}, "num_samples is a whole number"),
    "labels too short": ({"labels": [0, 1]}, "labels are 30 classes from 0"),
    "labels of text": ({"labels": ["a"] * NUM}, "labels is a tensor"),
    "soft labels": ({"labels": np.zeros(NUM)}, "labels holds whole numbers"),
    "unlabelled": ({"labels": -np.ones(NUM, dtype=int)}, "labels are 30 classes from 0"),
    "names": ({"labels": LABELS, "class_names": ["a", "b"]}, "2 class_names for 3 classes"),
    "mode": ({"log_mode": "fast"}, "log_mode is one of auto, swmr, segments; got 'fast'"),
    "batch norm": ({"batch_norm": "frozen"}, "batch_norm is one of train, eval"),
    "namespace": ({"config": argparse.Namespace(seed=1)}, "config is a mapping, such as vars(arguments)"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, case: str) -> None:
    settings, words = SETTINGS[case]
    with pytest.raises(WorkbenchError) as caught:
        EnergyRecorder(tmp_path, **{"num_samples": NUM, **settings})
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_names_of_fewer_classes_than_logits_are_refused_with_the_first_batch(tmp_path: Path) -> None:
    recorder = EnergyRecorder(tmp_path, num_samples=NUM, class_names=["a", "b"])
    with pytest.raises(WorkbenchError, match="2 class_names for 3 logits"):
        feed(recorder, 0)


def test_a_probe_without_its_size_is_refused(tmp_path: Path) -> None:
    recorder = EnergyRecorder(tmp_path, num_samples=NUM)
    with pytest.raises(WorkbenchError, match="give num_probe="):
        recorder.probe(ROWS, ROWS % 3, F)


def test_where_a_log_goes(tmp_path: Path) -> None:
    for given, file in (("a/lr-0.1", "a/lr-0.1/run.h5"), ("b/log.h5", "b/log.h5"), ("c.HDF5", "c.HDF5")):
        with EnergyRecorder(tmp_path / given, num_samples=NUM, labels=LABELS) as recorder:
            assert recorder.path == tmp_path / file
            assert recorder.path.is_file()
    (tmp_path / "text").write_text("")
    with pytest.raises(WorkbenchError, match="text exists"):
        EnergyRecorder(tmp_path / "text", num_samples=NUM)
    with pytest.raises(WorkbenchError, match="cannot make the folder"):
        EnergyRecorder(tmp_path / "text" / "below", num_samples=NUM, labels=LABELS)
    with pytest.raises(WorkbenchError, match="resume=True"):
        EnergyRecorder(tmp_path / "b/log.h5", num_samples=NUM)


def test_a_config_of_anything_is_kept_as_plain_values(tmp_path: Path) -> None:
    config = {
        "data": Path("some/where"),
        "seed": np.int64(3),
        "epochs": torch.tensor(7),
        "eps": np.float32(0.5),
        "nothing": None,
        "nan": math.nan,
        "nested": {1: [math.inf, (True, {"deep": object})]},
        "name\x00\ud800": "text\x1b[31m\ud800",
    }
    with EnergyRecorder(tmp_path, num_samples=NUM, labels=LABELS, config=config):
        pass
    with EnergyLog.open(tmp_path) as log:
        meta = log.meta
    assert (meta.dataset, meta.seed, meta.planned_epochs) == ("some/where", 3, 7)
    assert meta.config["eps"] == 0.5
    assert meta.config["nan"] == "nan"
    assert meta.config["nothing"] is None
    assert meta.config["nested"] == {"1": ["inf", [True, {"deep": "<class 'object'>"}]]}
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    with pytest.raises(WorkbenchError, match="refers to itself"):
        EnergyRecorder(tmp_path / "other", num_samples=NUM, config=cycle)
    with EnergyRecorder(tmp_path / "huge", num_samples=NUM, labels=LABELS, config={"seed": 2**70}) as recorder:
        assert recorder.path.exists()


def test_of_a_huge_config_the_largest_settings_are_left_out_and_named(tmp_path: Path) -> None:
    config = {"method": "mine", "prompt": "x" * 70_000, "seed": 1, "table": list(range(30_000)), "notes": "y" * 30_000}
    with EnergyRecorder(tmp_path, num_samples=NUM, labels=LABELS, config=config):
        pass
    with EnergyLog.open(tmp_path) as log:
        assert set(log.meta.config) == {"method", "seed", "notes"}
        (event,) = log.events()
    assert event["kind"] == b"note"
    assert b"table (" in event["message"]
    assert b"prompt (70,0" in event["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "stopped"), (SystemExit, "stopped"), (ZeroDivisionError, "failed"), (None, "finished")],
)
def test_how_the_block_ends_is_how_the_log_ends(tmp_path: Path, error: type[BaseException] | None, status: str) -> None:
    def run() -> None:
        with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
            feed(recorder, 0)
            recorder.end_epoch()
            feed(recorder, 1)
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(error):
            run()
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == (status, 1)


def test_after_its_end_a_recorder_says_so(tmp_path: Path) -> None:
    recorder = EnergyRecorder(tmp_path, num_samples=NUM, labels=LABELS)
    with pytest.raises(WorkbenchError, match="status is one of finished, stopped, failed"):
        recorder.close("done")
    recorder.close()
    for call in (lambda: feed(recorder, 0), recorder.end_epoch, lambda: recorder.note("x")):
        with pytest.raises(WorkbenchError, match="is closed; record within its with block"):
            call()
    recorder.close()


@pytest.mark.parametrize("end", ["finished", "stopped"])
@pytest.mark.parametrize("labels", [None, LABELS], ids=["learnt", "given"])
def test_a_resumed_log_is_that_of_an_uninterrupted_run(tmp_path: Path, end: str, labels: Any) -> None:
    diary = Diary([], [])
    options: dict[str, Any] = {"num_samples": NUM, "labels": labels, "attack": "pgd-7", "config": {"epochs": 3}}
    with EnergyRecorder(tmp_path / "whole", **options) as recorder:
        for epoch in range(3):
            feed(recorder, epoch)
            recorder.end_epoch(pgd_accuracy=0.5)
    recorder = EnergyRecorder(tmp_path / "run", **options, resume=True)
    for epoch in range(2):
        feed(recorder, epoch)
        recorder.end_epoch(pgd_accuracy=0.5)
    if end == "stopped":
        feed(recorder, 9, order=np.arange(20))
    recorder.close(end)
    with EnergyRecorder(tmp_path / "run", num_samples=NUM, labels=labels, callbacks=[diary], resume=True) as recorder:
        assert recorder.epoch == 2
        feed(recorder, 2)
        recorder.end_epoch(pgd_accuracy=0.5)
    (start,) = diary.starts
    assert start.train_attack == "pgd-7"
    assert start.rows["epoch"].tolist() == [0, 1]
    with EnergyLog.open(tmp_path / "whole") as whole, EnergyLog.open(tmp_path / "run") as log:
        assert log.status == "finished"
        assert log.epochs().tobytes() == whole.epochs().tobytes()
        assert log.steps().tobytes() == whole.steps().tobytes()
        assert [bytes(event["kind"]) for event in log.events()] == [b"restart"]
        assert diary.epochs[0].steps.tobytes() == whole.steps()[2 * STEPS :].tobytes()
    for epoch in range(3):
        assert_recorded(tmp_path / "run" / "run.h5", epoch, expected(logits(epoch), LABELS))


def record_and_die(folder: Path) -> None:
    """Two whole epochs, then a part of a third that has reached the disk, then SIGKILL."""
    recorder = EnergyRecorder(folder, num_samples=NUM)
    for epoch in range(2):
        feed(recorder, epoch)
        recorder.end_epoch(pgd_accuracy=0.5)
    for _ in range(20):
        feed(recorder, 9)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_killed_within_an_epoch_goes_on_after_its_last_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.energylog.recover.SILENT_AFTER_SECONDS", 0.2)  # it is dead for certain
    process = multiprocessing.get_context("fork").Process(target=record_and_die, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with EnergyRecorder(tmp_path, num_samples=NUM, resume=True) as recorder:
        assert recorder.epoch == 2
        feed(recorder, 2)
        assert recorder.end_epoch()["last_step"] == 3 * STEPS
    with EnergyLog.open(tmp_path) as log:
        assert log.status == "finished"
        assert log.steps()["step"].tolist() == list(range(3 * STEPS))
    for epoch in range(3):
        assert_recorded(recorder.path, epoch, expected(logits(epoch), LABELS))


@pytest.mark.parametrize(
    "other", [{"num_samples": NUM + 1}, {"num_probe": 4}, {"labels": (LABELS + 1) % CLASSES}], ids=str
)
def test_the_log_of_other_samples_is_not_gone_on_with(tmp_path: Path, other: dict[str, Any]) -> None:
    with EnergyRecorder(tmp_path, num_samples=NUM) as recorder:
        feed(recorder, 0, order=np.arange(20))
        recorder.end_epoch()
    before = recorder.path.read_bytes()
    with pytest.raises(WorkbenchError, match="record this run elsewhere"):
        EnergyRecorder(tmp_path, **{"num_samples": NUM, **other}, resume=True)
    assert recorder.path.read_bytes() == before
    with EnergyRecorder(tmp_path, num_samples=NUM, labels=LABELS, resume=True) as recorder:  # ten were never seen
        assert recorder.epoch == 1


@pytest.mark.parametrize(("method", "adversarial"), [("standard", False), ("fgsm", True), ("mine", True)])
def test_callbacks_know_what_the_log_says(tmp_path: Path, method: str, adversarial: bool) -> None:
    diary = Diary([], [])
    config = {"method": method}
    with EnergyRecorder(tmp_path, num_samples=NUM, config=config, callbacks=[diary]) as recorder:
        with pytest.raises(WorkbenchError, match="to have it at once"):
            recorder.note("too early")
        feed(recorder, 0)
        recorder.end_epoch(fgsm_accuracy=0.5)
        diary.epochs[0].notebook.note("note", 0, "from a callback")
        recorder.note("from the loop")
    (start,), (epoch,) = diary.starts, diary.epochs
    assert (start.adversarial, len(start.rows), start.config) == (adversarial, 0, None)
    assert epoch.row["fgsm_accuracy"] == 0.5
    assert epoch.steps["step"].tolist() == list(range(STEPS))
    with EnergyLog.open(tmp_path) as log:
        messages = [bytes(event["message"]) for event in log.events()]
    assert messages == [b"from a callback", b"from the loop"]
