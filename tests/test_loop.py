"""A run from its configuration to its files: what is logged, and that stopping and going on changes nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainers import loop
from trainers.callbacks import Answer, BatchReport, EpochReport, Notebook, StartReport
from trainers.checkpoints import load_resume, load_weights
from trainers.data import load_data
from trainers.energylog import EnergyLog, LogWriter
from trainers.energylog.schema import EVENT_DTYPE, STEP_DTYPE
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, resume
from trainers.recipes import METHODS, complete
from trainers.setup import Parts
from trainers.spec import TrainConfig
from workbench.onset.monitor import OnsetMonitor

TINY = {
    "data": "digits",
    "eps": 0.27,
    "model": "small-cnn",
    "width": 4,
    "epochs": 3,
    "train_size": 200,
    "probe_size": 60,
    "train_probe_size": 40,
    "lr": 0.05,
    "device": "cpu",
}
NUM_BATCHES = 4


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def tiny(**settings: Any) -> TrainConfig:
    return complete({"method": "fgsm", **TINY, **settings})


class StopAt:
    """Answers STOP once, after the n-th batch of this process."""

    def __init__(self, num_batches: int) -> None:
        self._left = num_batches

    def on_start(self, report: StartReport) -> None:
        pass

    def on_batch(self, report: BatchReport) -> Answer:
        self._left -= 1
        return Answer.STOP if self._left == 0 else Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        return Answer.STOP if self._left <= 0 else Answer.CONTINUE


def contents(run: Path) -> dict[str, NDArray[Any]]:
    """Every data set of a finished log but the clock's, by path."""
    found: dict[str, NDArray[Any]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(("state", "events")):
            found[name] = item[()]

    with h5py.File(run / "run.h5", "r", swmr=True) as file:
        file.visititems(visit)
    epochs = found.pop("epoch")
    for name in epochs.dtype.names:
        if not name.endswith("seconds"):
            found[f"epoch.{name}"] = epochs[name]
    return found


def assert_same_run(one: Path, two: Path) -> None:
    first, second = contents(one), contents(two)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)
    last = "checkpoints/epoch-000002.safetensors"
    for (name, a), b in zip(
        load_weights(one / last)[0].state_dict().items(),
        load_weights(two / last)[0].state_dict().values(),
        strict=True,
    ):
        assert torch.equal(a, b), name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run") / "whole"
    assert fit(tiny(method="rs-fgsm-der"), out) is Outcome.FINISHED
    return out


def test_a_run_leaves_a_log_checkpoints_and_its_configuration(uninterrupted: Path) -> None:
    with EnergyLog.open(uninterrupted) as log:
        assert log.status == "finished"
        assert log.committed == 3
        assert log.meta.method == "rs-fgsm-der"
        assert log.meta.train_attack == "rs-fgsm"
        assert log.meta.probe_attack == "pgd-10"
        assert log.meta.config["eps"] == 0.27
        assert list(log.steps()["step"]) == list(range(3 * NUM_BATCHES))
        assert len(log.keys("train").index) == 200
        assert not set(log.keys("train").index) & set(log.keys("probe").index)
        for epoch in range(3):
            for column in ("energy", "energy_adv", "joint_energy", "joint_energy_adv"):
                assert np.isfinite(log.samples("train", column, epoch)).all()
                assert np.isfinite(log.samples("probe", column, epoch)).all()
    assert sorted(p.name for p in (uninterrupted / "checkpoints").iterdir()) == [
        *(f"epoch-{epoch:06d}.safetensors" for epoch in range(3)),
        "resume.safetensors",
    ]
    assert not [p.name for p in uninterrupted.rglob("*tmp*")]


def test_probe_energies_in_the_log_are_those_of_the_saved_weights(uninterrupted: Path) -> None:
    """E(x) of the probe set, recomputed in float64 from the checkpoint by an independent formula."""
    model, facts = load_weights(uninterrupted / "checkpoints" / "epoch-000002.safetensors")
    data = load_data("digits", train_size=200, probe_size=60)
    x, y = data.probe.batch(torch.arange(60))
    logits = model.double()(x.double()).detach().numpy()
    energy = -np.log(np.exp(logits).sum(1))
    with EnergyLog.open(uninterrupted) as log:
        np.testing.assert_allclose(log.samples("probe", "energy", 2), energy, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            log.samples("probe", "joint_energy", 2), -logits[np.arange(60), y.numpy()], rtol=1e-4, atol=1e-4
        )
        row = log.epochs()[2]
    assert row["clean_accuracy"] == pytest.approx((logits.argmax(1) == y.numpy()).mean())
    assert facts["epoch"] == 2
    assert facts["pgd_accuracy"] == row["pgd_accuracy"]


@pytest.mark.parametrize("num_batches", [1, NUM_BATCHES, NUM_BATCHES + 2, 2 * NUM_BATCHES + 3])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(uninterrupted: Path, tmp_path: Path, num_batches: int) -> None:
    out = tmp_path / "stopped"
    assert fit(tiny(method="rs-fgsm-der"), out, [StopAt(num_batches)]) is Outcome.STOPPED
    with EnergyLog.open(out) as log:
        assert log.status == "stopped"
        assert log.committed == num_batches // NUM_BATCHES
    assert resume(out) is Outcome.FINISHED
    assert_same_run(uninterrupted, out)
    with EnergyLog.open(out) as log:
        assert [event["kind"] for event in log.events()] == [b"stop", b"restart"]


@pytest.mark.parametrize("method", ["elle-a", "free-der", "trades-awp"])
def test_what_a_method_remembers_survives_a_stop(method: str, tmp_path: Path) -> None:
    """λ and the errors so far of elle-a, δ of free, and the warm-up of AWP: bit for bit, in the middle of an epoch."""
    settings = {"free-der": {"replays": 2}, "trades-awp": {"awp_warmup": 1}}.get(method, {})
    small = tiny(method=method, **settings, train_size=70, probe_size=30, train_probe_size=0, batch_size=16)
    fit(small, tmp_path / "whole")
    states = []
    for name, num_batches in (("early", 3), ("late", 7)):
        out = tmp_path / name
        assert fit(small, out, [StopAt(num_batches)]) is Outcome.STOPPED
        states.append(load_resume(out / "checkpoints" / "resume.safetensors").memory)
        assert resume(out) is Outcome.FINISHED
        assert_same_run(tmp_path / "whole", out)
    assert method == "trades-awp" or states[0], "nothing to remember proves nothing"
    for name, value in states[0].items():
        assert not torch.equal(value, states[1][name]), name


def test_weights_are_moved_after_the_warm_up_only(tmp_path: Path) -> None:
    small = {"epochs": 2, "train_size": 70, "probe_size": 30, "train_probe_size": 0}
    losses = {}
    for name, settings in {"pgd": {}, "pgd-awp": {"awp_warmup": 1}}.items():
        fit(tiny(method=name, **settings, **small), tmp_path / name)
        with EnergyLog.open(tmp_path / name) as log:
            losses[name] = log.epochs()["train_loss"]
    assert losses["pgd"][0] == losses["pgd-awp"][0]
    assert losses["pgd"][1] != losses["pgd-awp"][1]


def test_beta_grows_evenly_over_the_warm_up_and_a_stop_does_not_disturb_it(tmp_path: Path) -> None:
    """The recorded regularizer over β·φ(ΔE) of the same energies, epoch by epoch, against the mean of the line."""
    config = tiny(method="fgsm-der", der_warmup=2.0, lr=1e-6, schedule="flat", train_probe_size=0)
    fit(config, tmp_path / "whole")
    fit(config, tmp_path / "stopped", [StopAt(NUM_BATCHES + 2)])
    resume(tmp_path / "stopped")
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
    with EnergyLog.open(tmp_path / "whole") as log:
        rows = log.epochs()
        means = [
            float(np.abs(log.samples("train", "energy", epoch) - log.samples("train", "energy_adv", epoch)).mean())
            for epoch in range(3)
        ]
    betas = [row["train_regularizer"] / mean for row, mean in zip(rows, means, strict=True)]
    sizes, middles = np.array([64, 64, 64, 8]), (np.arange(NUM_BATCHES) + 0.5) / NUM_BATCHES
    expected = [15.0 * np.average(np.minimum((epoch + middles) / 2.0, 1.0), weights=sizes) for epoch in range(3)]
    assert betas == pytest.approx(expected, rel=0.02)
    assert betas[2] == pytest.approx(15.0, rel=1e-4)


class Impatient(StopAt):
    """Ctrl-C a second time: no question, an interrupt."""

    def on_batch(self, report: BatchReport) -> Answer:
        if super().on_batch(report) is Answer.STOP:
            raise KeyboardInterrupt
        return Answer.CONTINUE


def test_an_interrupt_goes_back_to_the_last_saved_state(uninterrupted: Path, tmp_path: Path) -> None:
    out = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(method="rs-fgsm-der"), out, [Impatient(NUM_BATCHES + 2)])
    with EnergyLog.open(out) as log:
        assert (log.status, log.committed) == ("stopped", 1)
    assert resume(out) is Outcome.FINISHED
    assert_same_run(uninterrupted, out)


def test_a_log_ahead_of_the_resume_state_keeps_its_rows(uninterrupted: Path, tmp_path: Path) -> None:
    """Killed between the log's commit and the resume state's: the epoch is trained again, its row stays."""
    out = tmp_path / "killed"
    fit(tiny(method="rs-fgsm-der"), out, [StopAt(2 * NUM_BATCHES + 1)])
    earlier = tmp_path / "earlier"
    fit(tiny(method="rs-fgsm-der"), earlier, [StopAt(NUM_BATCHES + 1)])
    state = "checkpoints/resume.safetensors"
    (out / state).write_bytes((earlier / state).read_bytes())
    assert resume(out) is Outcome.FINISHED
    assert_same_run(uninterrupted, out)


def test_a_run_without_a_resume_state_starts_over(uninterrupted: Path, tmp_path: Path) -> None:
    """Killed before the first state was saved."""
    out = tmp_path / "early"
    fit(tiny(method="rs-fgsm-der"), out, [StopAt(1)])
    (out / "checkpoints" / "resume.safetensors").unlink()
    assert resume(out) is Outcome.FINISHED
    assert_same_run(uninterrupted, out)


def test_a_finished_run_is_left_alone(uninterrupted: Path) -> None:
    before = (uninterrupted / "run.h5").read_bytes()
    assert resume(uninterrupted) is Outcome.ALREADY_FINISHED
    assert (uninterrupted / "run.h5").read_bytes() == before


def test_a_taken_directory_is_refused(uninterrupted: Path) -> None:
    with pytest.raises(WorkbenchError, match="already holds a run; continue it with --resume"):
        fit(tiny(), uninterrupted)


def test_a_state_of_another_model_is_refused(uninterrupted: Path, tmp_path: Path) -> None:
    out = tmp_path / "other"
    fit(tiny(width=8), out, [StopAt(1)])
    state = "checkpoints/resume.safetensors"
    (out / state).write_bytes((uninterrupted / state).read_bytes())
    with pytest.raises(WorkbenchError, match="another model or data set"):
        resume(out)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_with_finite_energies(method: str, tmp_path: Path) -> None:
    out = tmp_path / method
    fit(tiny(method=method, epochs=1, train_size=100, probe_size=30, train_probe_size=0), out)
    with EnergyLog.open(out) as log:
        row = log.epochs()[0]
        adversarial = METHODS[method].attack is not None
        assert np.isfinite(row["train_loss"])
        assert np.isfinite(log.samples("train", "energy", 0)).all()
        assert np.isfinite(log.samples("train", "energy_adv", 0)).all() == adversarial
        assert np.isfinite(row["train_delta_energy_mean"]) == adversarial
        assert np.isfinite(row["probe_delta_energy_mean"])
        assert log.histogram("probe")[0].sum() == 30
        assert log.histogram("train")[0].sum() == (100 if adversarial else 0)
        regularizers = METHODS[method].regularizers
        if regularizers not in (("aaer",), ("elle-adaptive",)):  # which may sleep through an epoch
            assert bool(row["train_regularizer"] > 0) is bool(regularizers)


@pytest.mark.parametrize(("record", "num_recorded"), [("probe", 0), ("subset:50", 50), ("all", 100)])
def test_what_is_recorded_is_a_setting_and_does_not_change_training(
    record: str, num_recorded: int, tmp_path: Path
) -> None:
    small = {"epochs": 1, "train_size": 100, "probe_size": 30, "train_probe_size": 0, "method": "rs-fgsm"}
    fit(tiny(**small, record=record), tmp_path / record)
    fit(tiny(**small), tmp_path / "reference")
    with EnergyLog.open(tmp_path / record) as log, EnergyLog.open(tmp_path / "reference") as reference:
        assert len(log.keys("train").index) == num_recorded
        assert log.epochs()[0]["pgd_accuracy"] == reference.epochs()[0]["pgd_accuracy"]
        assert log.epochs()[0]["train_loss"] == reference.epochs()[0]["train_loss"]
        if num_recorded:
            np.testing.assert_array_equal(
                log.samples("train", "energy", 0), reference.samples("train", "energy", 0)[:num_recorded]
            )


def test_checkpoints_beyond_the_last_and_the_best_go(tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit(tiny(epochs=5, keep_last=1), out)
    with EnergyLog.open(out) as log:
        best = int(np.argmax(log.epochs()["pgd_accuracy"]))
    kept = {int(path.stem[6:]) for path in (out / "checkpoints").glob("epoch-*.safetensors")}
    assert kept == {best, 4}


def test_a_diverged_run_is_marked_failed(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(WorkbenchError, match=r"training diverged: the loss of step \d+"):
        fit(tiny(lr=1e30, schedule="flat"), out)
    with EnergyLog.open(out) as log:
        assert log.status == "failed"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data": "folder:/nowhere"}, "no such folder"),
        ({"data": "npz:/nowhere.npz"}, "no such file"),
        ({"probe_size": 5000}, "too few"),
        ({"device": "tpu-of-dreams"}, "cannot use the device"),
    ],
)
def test_bad_input_leaves_nothing_behind(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=words):
        fit(tiny(**{"train_size": 0, **settings}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_runs_differ_by_seed_and_only_by_seed(tmp_path: Path) -> None:
    small = {"epochs": 1, "train_size": 100, "probe_size": 30, "train_probe_size": 0}

    def make(name: str, seed: int) -> Path:
        fit(tiny(**small, seed=seed), tmp_path / name)
        return tmp_path / name

    one, two, other = contents(make("a", 1)), contents(make("b", 1)), contents(make("c", 2))
    np.testing.assert_array_equal(one["train/energy"], two["train/energy"])
    assert not np.array_equal(one["train/energy"], other["train/energy"])
    np.testing.assert_array_equal(one["train/index"], other["train/index"])


def test_the_configuration_in_the_log_builds_the_same_run(uninterrupted: Path) -> None:
    with EnergyLog.open(uninterrupted) as log:
        again = TrainConfig.from_dict(json.loads(json.dumps(dict(log.meta.config))))
    assert again == tiny(method="rs-fgsm-der")


def test_a_directory_that_is_taken_meanwhile_is_refused(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "contested"
    prepare = loop.prepare

    def slowly(config: TrainConfig) -> Parts:
        shutil.copytree(uninterrupted, out)
        return prepare(config)

    monkeypatch.setattr(loop, "prepare", slowly)
    with pytest.raises(WorkbenchError, match="already holds a run"):
        fit(tiny(method="pgd"), out)
    assert (out / "run.h5").read_bytes() == (uninterrupted / "run.h5").read_bytes()


def test_changed_data_are_refused(tmp_path: Path) -> None:
    arrays = {"x_train": np.zeros((60, 8, 8), dtype=np.uint8), "y_train": np.arange(60) % 3}
    np.savez(tmp_path / "data.npz", **arrays)
    out = tmp_path / "run"
    config = tiny(data=f"npz:{tmp_path / 'data.npz'}", train_size=0, probe_size=12, train_probe_size=0)
    fit(config, out, [StopAt(1)])
    arrays["y_train"] = (np.arange(60) + 1) % 3
    np.savez(tmp_path / "data.npz", **arrays)
    before = (out / "run.h5").read_bytes()
    with pytest.raises(WorkbenchError, match="has changed since"):
        resume(out)
    assert (out / "run.h5").read_bytes() == before


def test_a_log_behind_the_resume_state_is_refused(tmp_path: Path) -> None:
    out, earlier = tmp_path / "run", tmp_path / "earlier"
    fit(tiny(), out, [StopAt(NUM_BATCHES)])
    shutil.copytree(out, earlier)
    resume(out, [StopAt(NUM_BATCHES)])
    (out / "run.h5").write_bytes((earlier / "run.h5").read_bytes())
    with pytest.raises(WorkbenchError, match=r"delete .*resume.safetensors to train again"):
        resume(out)
    (out / "checkpoints" / "resume.safetensors").unlink()
    assert resume(out) is Outcome.FINISHED


class Keeping(StopAt):
    """Names the first epoch, as a flag would."""

    def on_epoch(self, report: EpochReport) -> Answer:
        report.notebook.keep(0)
        return Answer.CONTINUE


def test_a_named_checkpoint_is_never_pruned(tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit(tiny(epochs=5, keep_last=1, keep_best=False), out, [Keeping(1_000)])
    assert sorted(path.stem for path in (out / "checkpoints").glob("epoch-*")) == ["epoch-000000", "epoch-000004"]


def test_a_diverged_run_leaves_no_checkpoint_of_it(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="diverged"):
        fit(tiny(lr=1e30, schedule="flat"), tmp_path / "run")
    assert not list((tmp_path / "run" / "checkpoints").glob("*.safetensors"))


def test_half_written_checkpoints_of_a_killed_process_go(tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit(tiny(), out, [StopAt(1)])
    leftover = out / "checkpoints" / ".resume.safetensors.999.tmp"
    leftover.write_bytes(b"half")
    resume(out)
    assert not leftover.exists()


def test_a_flag_lost_to_a_kill_is_noted_on_resume(tmp_path: Path) -> None:
    """The log holds the epochs of a collapse, but no event of it."""
    out = tmp_path / "run"
    fit(tiny(epochs=6), out, [StopAt(5 * NUM_BATCHES)])
    with LogWriter.resume(out / "run.h5") as writer:
        table = writer.epochs()
    monitor = OnsetMonitor()
    noted: list[tuple[str, int]] = []
    kept: list[int] = []
    rows = table.copy()
    rows["fgsm_accuracy"], rows["pgd_accuracy"] = 0.6, [0.4, 0.4, 0.4, 0.0, 0.0]
    notebook = Notebook(note=lambda kind, epoch, _: noted.append((kind, epoch)), keep=kept.append, kept=lambda: kept)
    none = np.empty(0, dtype=EVENT_DTYPE)
    facts = {"train_attack": "fgsm", "adversarial": True, "rows": rows, "steps": np.empty(0, dtype=STEP_DTYPE)}
    monitor.on_start(StartReport(config=tiny(epochs=6), events=none, notebook=notebook, **facts))
    assert noted == [("catastrophic", 3)]
    assert kept == [2]
    told = np.zeros(1, dtype=EVENT_DTYPE)
    told["kind"], told["epoch"] = b"catastrophic", 3
    OnsetMonitor().on_start(StartReport(config=tiny(epochs=6), events=told, notebook=notebook, **facts))
    assert len(noted) == 1
