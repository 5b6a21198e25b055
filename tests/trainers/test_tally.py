"""What training passes leave in the log: by stable row whatever the order, and the same after an interruption."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from numpy.typing import NDArray

from trainers.checkpoints import ResumeState, load_resume, save_resume
from trainers.data import load_data
from trainers.energylog import EnergyLog, LogWriter, RunMeta, SampleKeys, SampleTable
from trainers.energylog.schema import NOT_RECORDED, SAMPLE_COLUMNS
from trainers.fabric import Fabric
from trainers.provenance import describe_run
from trainers.recipes import complete, get_method
from trainers.setup import prepare
from trainers.steps import train_step
from trainers.tally import EnergyTally, batch_energies, to_table

CPU = torch.device("cpu")
NUM, CLASSES, BATCH = 100, 4, 8
STEPS = 13
"""Steps per epoch: twelve batches of 8 and one of 4."""

INDEX = np.arange(NUM) * 3 + 1000
COLUMNS = [column.name for column in SAMPLE_COLUMNS]
META = RunMeta(
    run_id="r",
    method="fgsm",
    dataset="digits",
    class_names=("a", "b", "c", "d"),
    config={"eps": 0.1},
    seed=0,
    planned_epochs=3,
    train_attack="fgsm",
    probe_attack="pgd-10",
    versions={},
    git_revision=None,
    created="2026-01-01T00:00:00+00:00",
)


@dataclass
class Epoch:
    """Made-up logits of every training sample in one epoch, the order of training, and what the log should hold."""

    number: int
    clean: bool = True
    adversarial: bool = True
    labels: NDArray[np.int64] = field(default_factory=lambda: np.random.default_rng(0).integers(0, CLASSES, NUM))

    def __post_init__(self) -> None:
        noise = np.random.default_rng(self.number + 1)
        self.logits = 4 * noise.standard_normal((2, NUM, CLASSES)).astype(np.float32)
        self.logits[1] += 2 * noise.standard_normal((NUM, 1)).astype(np.float32)
        self.order = noise.permutation(NUM)
        self.losses = noise.random(STEPS).astype(np.float32)
        self.regularizers = noise.random(STEPS).astype(np.float32)

    @property
    def present(self) -> tuple[bool, bool]:
        return self.clean, self.adversarial

    def expected(self) -> dict[str, NDArray[np.float64]]:
        columns = {}
        for suffix, logits, present in zip(("", "_adv"), self.logits.astype(np.float64), self.present, strict=True):
            missing = 0 if present else np.nan
            columns[f"energy{suffix}"] = -scipy.special.logsumexp(logits, axis=1) + missing
            columns[f"joint_energy{suffix}"] = -logits[np.arange(NUM), self.labels] + missing
            columns[f"correct{suffix}"] = (logits.argmax(1) == self.labels) + missing
        return columns

    def batches(self) -> list[NDArray[np.int64]]:
        return [self.order[start : start + BATCH] for start in range(0, NUM, BATCH)]

    def feed(self, tally: EnergyTally, first: int = 0, last: int = STEPS) -> None:
        for number, rows in list(enumerate(self.batches()))[first:last]:
            logits = [
                torch.from_numpy(values[rows]) if present else None
                for values, present in zip(self.logits, self.present, strict=True)
            ]
            tally.batch(
                epoch=self.number,
                learning_rate=0.1 / (number + 1),
                rows=torch.from_numpy(rows),
                y=torch.from_numpy(self.labels[rows]),
                clean_logits=logits[0],
                adv_logits=logits[1],
                loss=torch.tensor(self.losses[number]),
                regularizer=torch.tensor(self.regularizers[number]),
            )

    def finish(self, tally: EnergyTally) -> np.void | None:
        measures = {"epoch": self.number, "train_seconds": 1.5, "pgd_accuracy": 0.25}
        return tally.end_epoch(measures, SampleTable.empty(1))


def writer_at(path: Path) -> LogWriter:
    labels = Epoch(0).labels.astype(np.int32)
    probe = SampleKeys(index=np.array([5]), label=np.array([0], dtype=np.int32))
    train = SampleKeys(index=INDEX, label=labels)
    return LogWriter.create(path, META, train=train, probe=probe, steps_per_epoch=STEPS)


@contextmanager
def tallying(path: Path, num_recorded: int = NUM) -> Iterator[EnergyTally]:
    with writer_at(path) as writer:
        yield EnergyTally(writer, num_recorded=num_recorded, device=CPU)


def read(path: Path, epoch: int) -> dict[str, NDArray[Any]]:
    with EnergyLog.open(path) as log:
        return {name: log.samples("train", name, epoch) for name in COLUMNS}


def assert_table(read: dict[str, NDArray[Any]], expected: dict[str, NDArray[np.float64]], rows: slice) -> None:
    for name, values in read.items():
        if name.startswith("correct"):
            wanted = np.where(np.isnan(expected[name]), NOT_RECORDED, expected[name])
            np.testing.assert_array_equal(values[rows], wanted[rows], err_msg=name)
        else:
            np.testing.assert_allclose(values[rows], expected[name][rows], rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(("clean", "adversarial"), [(True, True), (True, False), (False, True)])
def test_energies_arrive_by_row_whatever_the_order(tmp_path: Path, clean: bool, adversarial: bool) -> None:
    epochs = [Epoch(number, clean, adversarial) for number in range(3)]
    with tallying(tmp_path / "run.h5") as tally:
        for epoch in epochs:
            epoch.feed(tally)
            epoch.finish(tally)
    for epoch in epochs:
        assert_table(read(tmp_path / "run.h5", epoch.number), epoch.expected(), slice(None))
    with EnergyLog.open(tmp_path / "run.h5") as log:
        np.testing.assert_array_equal(log.keys("train").index, INDEX)


def test_steps_and_epochs_are_summed_up_as_they_should(tmp_path: Path) -> None:
    epochs = [Epoch(number) for number in range(2)]
    with tallying(tmp_path / "run.h5") as tally:
        rows = []
        for epoch in epochs:
            epoch.feed(tally)
            rows.append(epoch.finish(tally))
    with EnergyLog.open(tmp_path / "run.h5") as log:
        table, steps, histogram = log.epochs(), log.steps(), log.histogram("train")
    assert [row.tobytes() for row in table] == [row.tobytes() for row in rows]
    np.testing.assert_array_equal(steps["step"], np.arange(2 * STEPS))
    np.testing.assert_array_equal(steps["epoch"], np.repeat([0, 1], STEPS))
    for epoch in epochs:
        expected, row = epoch.expected(), table[epoch.number]
        delta = expected["energy"] - expected["energy_adv"]
        sizes = np.array([len(batch) for batch in epoch.batches()])
        assert (row["epoch"], row["last_step"]) == (epoch.number, STEPS * (epoch.number + 1))
        assert row["learning_rate"] == 0.1 / STEPS
        assert row["train_loss"] == pytest.approx((epoch.losses * sizes).sum() / NUM, rel=1e-6)
        assert row["train_regularizer"] == pytest.approx((epoch.regularizers * sizes).sum() / NUM, rel=1e-6)
        assert row["train_clean_accuracy"] == pytest.approx(expected["correct"].mean())
        assert row["train_robust_accuracy"] == pytest.approx(expected["correct_adv"].mean())
        assert (row["train_seconds"], row["pgd_accuracy"]) == (1.5, 0.25)
        assert math.isnan(row["fgsm_accuracy"])
        assert row["train_delta_energy_mean"] == pytest.approx(delta.mean(), rel=1e-5)
        assert row["train_delta_energy_std"] == pytest.approx(delta.std(), rel=1e-5)
        assert row["train_delta_energy_q05"] == pytest.approx(np.quantile(delta, 0.05), rel=1e-5)
        assert histogram[epoch.number].sum() == NUM
        for number, batch in enumerate(epoch.batches()):
            step = steps[epoch.number * STEPS + number]
            assert step["learning_rate"] == 0.1 / (number + 1)
            assert step["loss"] == pytest.approx(epoch.losses[number], rel=1e-6)
            assert step["adversarial_accuracy"] == pytest.approx(expected["correct_adv"][batch].mean())
            assert step["delta_energy_mean"] == pytest.approx(delta[batch].mean(), rel=1e-4, abs=1e-5)
            assert step["delta_energy_std"] == pytest.approx(delta[batch].std(), rel=1e-4)
            for name, share in {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}.items():
                wanted = np.quantile(delta[batch], share)
                assert step[f"delta_energy_{name}"] == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("num_recorded", [0, 1, 37, NUM])
def test_rows_beyond_the_recorded_ones_count_but_are_not_stored(tmp_path: Path, num_recorded: int) -> None:
    """``record="subset:N"``: accuracies and steps are of all samples, the tables of the first N."""
    assert complete({"record": f"subset:{max(num_recorded, 1)}"}).num_recorded(NUM) == max(num_recorded, 1)
    epoch = Epoch(0)
    with writer_at_subset(tmp_path / "run.h5", num_recorded) as writer:
        tally = EnergyTally(writer, num_recorded=num_recorded, device=CPU)
        epoch.feed(tally)
        row = epoch.finish(tally)
    assert row is not None
    assert row["train_robust_accuracy"] == pytest.approx(epoch.expected()["correct_adv"].mean())
    stored = read(tmp_path / "run.h5", 0)
    assert {len(values) for values in stored.values()} == {num_recorded}
    assert_table(stored, {name: values[:num_recorded] for name, values in epoch.expected().items()}, slice(None))
    with EnergyLog.open(tmp_path / "run.h5") as log:
        assert log.histogram("train")[0].sum() == num_recorded
        assert len(log.steps()) == STEPS


def writer_at_subset(path: Path, num_recorded: int) -> LogWriter:
    labels = Epoch(0).labels.astype(np.int32)[:num_recorded]
    probe = SampleKeys(index=np.array([5]), label=np.array([0], dtype=np.int32))
    return LogWriter.create(
        path, META, train=SampleKeys(index=INDEX[:num_recorded], label=labels), probe=probe, steps_per_epoch=STEPS
    )


@pytest.mark.parametrize("stop_at", [0, 1, 7, STEPS])
def test_an_interrupted_epoch_ends_as_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    epochs = [Epoch(number) for number in range(3)]
    with tallying(tmp_path / "whole.h5") as tally:
        for epoch in epochs:
            epoch.feed(tally)
            epoch.finish(tally)

    with writer_at(tmp_path / "run.h5") as writer:
        tally = EnergyTally(writer, num_recorded=NUM, device=CPU)
        epochs[0].feed(tally)
        epochs[0].finish(tally)
        epochs[1].feed(tally, last=stop_at)
        state = ResumeState(epoch=1, next_batch=stop_at, seconds=0, model={}, optimizer={}, recorder=tally.state_dict())
        save_resume(tmp_path / "resume", state)
    with LogWriter.resume(tmp_path / "run.h5") as writer:
        tally = EnergyTally(writer, num_recorded=NUM, device=CPU)
        tally.load_state_dict(load_resume(tmp_path / "resume").recorder)
        assert tally.next_step == STEPS + stop_at
        epochs[1].feed(tally, first=stop_at)
        epochs[1].finish(tally)
        epochs[2].feed(tally)
        epochs[2].finish(tally)

    with EnergyLog.open(tmp_path / "whole.h5") as whole, EnergyLog.open(tmp_path / "run.h5") as log:
        assert log.epochs().tobytes() == whole.epochs().tobytes()
        assert log.steps().tobytes() == whole.steps().tobytes()
        for name in COLUMNS:
            for number in range(3):
                one, other = (source.samples("train", name, number) for source in (log, whole))
                assert one.tobytes() == other.tobytes(), name


def test_a_state_keeps_its_values_while_the_recorder_goes_on(tmp_path: Path) -> None:
    """What was saved must not be a view of what is still being filled, once it is on disk."""
    with tallying(tmp_path / "run.h5") as tally:
        epoch = Epoch(0)
        epoch.feed(tally, last=3)
        state = ResumeState(epoch=0, next_batch=3, seconds=0, model={}, optimizer={}, recorder=tally.state_dict())
        save_resume(tmp_path / "resume", state)
        epoch.feed(tally, first=3)
        loaded = load_resume(tmp_path / "resume").recorder
    seen = np.concatenate(epoch.batches()[:3])
    recorded = ~np.isnan(loaded["columns"].numpy()[0])
    assert sorted(np.flatnonzero(recorded)) == sorted(seen)
    assert len(loaded["steps"]) == len(loaded["rates"]) == 3


def test_epochs_that_the_log_holds_are_not_written_again(tmp_path: Path) -> None:
    """A run killed between its log and its resume state makes an epoch once more; what was committed stays."""
    first, repeated = Epoch(0), replace(Epoch(0), number=0)
    repeated.logits = repeated.logits + 1
    repeated.losses = repeated.losses + 1
    with tallying(tmp_path / "run.h5") as tally:
        first.feed(tally)
        committed = first.finish(tally)
    with LogWriter.resume(tmp_path / "run.h5") as writer:
        tally = EnergyTally(writer, num_recorded=NUM, device=CPU)
        repeated.feed(tally)
        assert repeated.finish(tally) is None
        second = Epoch(1)
        second.feed(tally)
        assert second.finish(tally)["last_step"] == 2 * STEPS
    with EnergyLog.open(tmp_path / "run.h5") as log:
        assert log.committed == 2
        assert log.epochs()[0].tobytes() == committed.tobytes()
        np.testing.assert_array_equal(log.steps()["step"], np.arange(2 * STEPS))
        np.testing.assert_array_equal(log.steps()["loss"][:STEPS], first.losses)
    assert_table(read(tmp_path / "run.h5", 0), first.expected(), slice(None))
    assert_table(read(tmp_path / "run.h5", 1), second.expected(), slice(None))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_named_before_its_epoch_is_committed(tmp_path: Path, value: float) -> None:
    with tallying(tmp_path / "run.h5") as tally:
        Epoch(0).feed(tally)
        Epoch(0).finish(tally)
        assert tally.diverged is None
        bad = Epoch(1)
        bad.losses[5:7] = value
        bad.feed(tally)
        tally.flush(1)
        assert tally.diverged == STEPS + 5


def test_divergence_is_noticed_within_a_long_epoch(tmp_path: Path) -> None:
    """The loss is read in blocks, so that the device is not waited for; a run must not go on for a whole epoch."""
    zeros, rows = torch.zeros(2, CLASSES), torch.tensor([0, 1])
    batch = {"rows": rows, "y": rows, "clean_logits": zeros, "adv_logits": zeros}
    with tallying(tmp_path / "run.h5") as tally:
        for number in range(100):
            loss = torch.tensor(math.nan if number >= 3 else 1.0)
            tally.batch(epoch=0, learning_rate=0.1, loss=loss, regularizer=loss, **batch)
        assert tally.diverged == 3


def test_the_steps_of_an_epoch_are_those_of_the_log_whenever_they_are_asked_for(tmp_path: Path) -> None:
    with tallying(tmp_path / "run.h5") as tally:
        for number in range(2):
            Epoch(number).feed(tally)
            tally.flush(number)
            steps = tally.steps
            Epoch(number).finish(tally)
    with EnergyLog.open(tmp_path / "run.h5") as log:
        assert steps.tobytes() == log.steps()[STEPS:].tobytes()


def test_the_last_batch_is_told_as_it_was(tmp_path: Path) -> None:
    epoch = Epoch(0)
    with tallying(tmp_path / "run.h5") as tally:
        epoch.feed(tally)
        loss, accuracy, delta = tally.latest()
    rows, expected = epoch.batches()[-1], epoch.expected()
    assert loss == pytest.approx(epoch.losses[-1])
    assert accuracy == pytest.approx(expected["correct_adv"][rows].mean())
    assert delta == pytest.approx((expected["energy"] - expected["energy_adv"])[rows].mean(), rel=1e-5)


def test_columns_are_in_the_order_of_the_log() -> None:
    y = torch.tensor([1])
    columns = batch_energies(y, torch.tensor([[0.0, 2.0]]), torch.tensor([[3.0, 0.0]]))
    expected = dict.fromkeys(COLUMNS, 0.0) | {
        "energy": -math.log(1 + math.exp(2)),
        "energy_adv": -math.log(1 + math.exp(3)),
        "joint_energy": -2.0,
        "joint_energy_adv": 0.0,
        "correct": 1.0,
        "correct_adv": 0.0,
    }
    assert columns[:, 0].tolist() == pytest.approx([expected[name] for name in COLUMNS])
    assert columns.dtype == torch.float32
    table = to_table(columns)
    assert {name: getattr(table, name)[0] for name in COLUMNS} == pytest.approx(expected)
    half = batch_energies(y, torch.tensor([[0.0, 2.0]], dtype=torch.bfloat16), None)
    assert half.dtype == torch.float32
    empty = to_table(half)
    assert math.isnan(empty.energy_adv[0])
    assert empty.correct_adv.tolist() == [NOT_RECORDED]
    assert empty.correct_adv.dtype == np.uint8


@pytest.mark.parametrize("method", ["standard", "fgsm", "rs-fgsm", "n-fgsm-der"])
@pytest.mark.parametrize("record", ["all", "subset:25"])
def test_a_real_epoch_is_logged_as_its_passes_were(tmp_path: Path, fabric: Fabric, method: str, record: str) -> None:
    """Frozen weights, shuffled batches: the logged energies are those of one look at each sample's own batch."""
    config = complete(
        {"method": method, "record": record, "width": 4, "train_size": 40, "probe_size": 10, "device": "cpu"}
    )
    parts = prepare(config)
    for group in parts.sgd.param_groups:
        group["lr"] = 0.0
    num_recorded = config.num_recorded(40)
    labels = parts.data.train.labels.numpy().astype(np.int32)[:num_recorded]
    train = SampleKeys(index=parts.data.train.index.numpy()[:num_recorded], label=labels)
    probe = SampleKeys(index=np.array([5]), label=np.array([0], dtype=np.int32))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1)).split(16)
    expected = {name: np.full(40, np.nan) for name in COLUMNS}
    parts.model.train()
    with LogWriter.create(tmp_path / "run.h5", META, train=train, probe=probe) as writer:
        tally = EnergyTally(writer, num_recorded=num_recorded, device=CPU)
        for rows in order:
            x, y = parts.data.train.batch(rows)
            seen: list[torch.Tensor] = []
            hook = parts.module.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].detach()))
            result = train_step(
                parts.fabric,
                parts.model,
                parts.optimizer,
                x,
                y,
                method=get_method(method),
                config=config,
                generator=torch.Generator(),
                record=True,
            )
            hook.remove()
            tally.batch(
                epoch=0,
                learning_rate=0.0,
                rows=rows,
                y=y,
                clean_logits=result.clean_logits,
                adv_logits=result.adv_logits,
                loss=result.loss,
                regularizer=result.regularizer,
            )
            last = {"": x} if method == "standard" else {"": x, "_adv": seen[-1]}
            for suffix, images in last.items():
                with torch.no_grad():
                    logits = parts.module(images).double().numpy()
                expected[f"energy{suffix}"][rows] = -scipy.special.logsumexp(logits, axis=1)
                expected[f"joint_energy{suffix}"][rows] = -logits[np.arange(len(y)), y]
                expected[f"correct{suffix}"][rows] = logits.argmax(1) == y.numpy()
        tally.end_epoch({"epoch": 0}, SampleTable.empty(1))
    stored = read(tmp_path / "run.h5", 0)
    wanted = {name: values[:num_recorded] for name, values in expected.items()}
    for name, values in stored.items():
        target = np.where(np.isnan(wanted[name]), NOT_RECORDED, wanted[name]) if "correct" in name else wanted[name]
        np.testing.assert_allclose(values, target, rtol=1e-4, atol=1e-5, err_msg=name)
    digits = load_data("digits", train_size=40, probe_size=10)
    with EnergyLog.open(tmp_path / "run.h5") as log:
        np.testing.assert_array_equal(log.keys("train").index, digits.train.index[:num_recorded])


def test_a_log_says_which_attack_and_mode_made_its_energies() -> None:
    data = load_data("digits", train_size=20, probe_size=10)
    config = complete({"method": "rs-fgsm-der", "seed": 4, "epochs": 6})
    meta = describe_run(config, get_method("rs-fgsm-der"), data)
    assert (meta.method, meta.dataset, meta.seed, meta.planned_epochs) == ("rs-fgsm-der", "digits", 4, 6)
    assert (meta.train_attack, meta.train_batch_norm) == ("rs-fgsm", "train")
    assert (meta.probe_attack, meta.probe_batch_norm) == ("pgd-10", "eval")
    assert meta.config == config.to_dict()
    assert meta.class_names == tuple("0123456789")
    assert meta.versions["torch"] == torch.__version__.split("+")[0] or meta.versions["torch"] == torch.__version__
    assert meta.run_id != describe_run(config, get_method("rs-fgsm-der"), data).run_id
    assert describe_run(complete({"method": "standard"}), get_method("standard"), data).train_attack is None
