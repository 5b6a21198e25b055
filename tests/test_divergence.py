"""Losses that are not finite: the run stops and says why, or goes back and on; interruptions change nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import Cli, assert_refused
from tests.test_loop import NUM_BATCHES, StopAt, assert_same_run, tiny
from trainers import loop
from trainers.checkpoints import load_resume, load_weights
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, resume
from trainers.setup import Parts
from trainers.spec import TrainConfig
from workbench.onset.monitor import OnsetMonitor
from workbench.summary import summarize_path

TRAIN_BATCH = loop._train_batch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def breaks(monkeypatch: pytest.MonkeyPatch, *, epoch: int = 1, above: float = 0.04) -> None:
    """After the second batch of an epoch one weight is NaN, as long as the peak learning rate is too high."""

    def train_batch(parts: Parts, tally: Any, number: int, rows: Any, rate: float, config: TrainConfig) -> None:
        TRAIN_BATCH(parts, tally, number, rows, rate, config)
        if number == epoch and parts.config.lr > above and torch.equal(rows, loop.epoch_batches(parts, epoch)[1]):
            with torch.no_grad():
                next(iter(parts.module.parameters())).view(-1)[0] = torch.nan

    monkeypatch.setattr(loop, "_train_batch", train_batch)


def losses(run: Path) -> Any:
    with EnergyLog.open(run) as log:
        return log.epochs()["train_loss"]


def events(run: Path) -> list[tuple[str, int, str]]:
    with EnergyLog.open(run) as log:
        return [
            (bytes(event["kind"]).decode(), int(event["epoch"]), bytes(event["message"]).decode())
            for event in log.events()
            if event["kind"] not in (b"restart", b"stop")
        ]


def test_a_loss_that_is_not_finite_ends_the_run_and_names_step_parts_and_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    out = tmp_path / "run"
    with pytest.raises(WorkbenchError) as caught:
        fit(tiny(method="rs-fgsm-der"), out)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for words in (
        f"the loss of step {NUM_BATCHES + 2} (epoch 1)",
        "attack rs-fgsm, loss adversarial, regularizer delta-energy",
        str(out / "checkpoints" / "epoch-000000.safetensors"),
        "--lr or --der-beta",
    ):
        assert words in message
    with EnergyLog.open(out) as log:
        assert (log.status, log.committed) == ("failed", 1)


def test_the_last_healthy_checkpoint_has_finite_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken after the last batch of epoch 1, so its own checkpoint is saved and useless."""

    def train_batch(parts: Parts, tally: Any, number: int, rows: Any, rate: float, config: TrainConfig) -> None:
        TRAIN_BATCH(parts, tally, number, rows, rate, config)
        if number == 1 and torch.equal(rows, loop.epoch_batches(parts, 1)[-1]):
            with torch.no_grad():
                next(iter(parts.module.parameters())).view(-1)[0] = torch.nan

    monkeypatch.setattr(loop, "_train_batch", train_batch)
    for action in ("stop", "rollback"):
        with pytest.raises(WorkbenchError, match=r"epoch-000000\.safetensors"):
            fit(tiny(on_nan=action), tmp_path / action)
        assert (tmp_path / action / "checkpoints" / "epoch-000001.safetensors").exists()


@pytest.fixture
def recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    breaks(monkeypatch)
    out = tmp_path / "recovered"
    assert fit(tiny(method="rs-fgsm", on_nan="rollback"), out, [OnsetMonitor()]) is Outcome.FINISHED
    return out


def test_a_run_goes_back_to_where_its_epoch_began_at_half_the_learning_rate(recovered: Path) -> None:
    ((kind, epoch, message),) = events(recovered)
    assert (kind, epoch) == ("rollback", 0)
    assert message == (
        "after epoch 0 back to the weights of epoch 0, on with lr 0.025;"
        f" the loss of step {NUM_BATCHES + 2} was not finite, momentum starts at zero"
    )
    assert np.isfinite(losses(recovered)).all()
    with EnergyLog.open(recovered) as log:
        steps = log.steps()
        assert log.committed == 3
        assert steps["step"].tolist() == list(range(len(steps)))
        given_up = steps[(steps["epoch"] == 1) & ~np.isfinite(steps["loss"])]
        assert given_up["step"].min() == NUM_BATCHES + 2
        again = steps[steps["step"] > given_up["step"].max()]
        assert np.isfinite(again["loss"]).all()
        assert again["epoch"].tolist() == [1] * NUM_BATCHES + [2] * NUM_BATCHES
        first = steps[steps["epoch"] == 1]["learning_rate"]
        assert again["learning_rate"][0] == pytest.approx(first[0] / 2)
        assert np.isfinite(log.samples("train", "energy", 1)).all()
    model, _ = load_weights(recovered / "checkpoints" / "epoch-000002.safetensors")
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert summarize_path(recovered).status == "finished"


@pytest.mark.parametrize("num_batches", [NUM_BATCHES + 1, NUM_BATCHES + 6, 2 * NUM_BATCHES + 5, 3 * NUM_BATCHES + 2])
def test_a_stop_on_the_way_changes_nothing(recovered: Path, tmp_path: Path, num_batches: int) -> None:
    out = tmp_path / "stopped"
    outcome = fit(tiny(method="rs-fgsm", on_nan="rollback"), out, [OnsetMonitor(), StopAt(num_batches)])
    if outcome is Outcome.STOPPED:
        assert resume(out, [OnsetMonitor()]) is Outcome.FINISHED
    assert_same_run(recovered, out)
    assert events(out) == events(recovered)


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("name", "count"), [("roll_back", 1), ("save_resume", 2)])
def test_a_kill_on_the_way_back_changes_nothing(
    recovered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    left, out, real = [count], tmp_path / "killed", getattr(loop, name)

    def dying(*arguments: Any) -> Any:
        left[0] -= 1
        result = real(*arguments)
        if left[0] == 0:
            raise KilledError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(loop, name, dying)
        with pytest.raises(KilledError):
            fit(tiny(method="rs-fgsm", on_nan="rollback"), out, [OnsetMonitor()])
    assert resume(out, [OnsetMonitor()]) is Outcome.FINISHED
    assert_same_run(recovered, out)
    assert events(out) == events(recovered)


def test_what_a_method_remembers_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch)
    out = tmp_path / "run"
    fit(tiny(method="elle-a", on_nan="rollback"), out, [StopAt(2 * NUM_BATCHES + 2)])
    memory = load_resume(out / "checkpoints" / "resume.safetensors").memory["elle"]
    assert memory.isfinite().all()
    assert memory[1] < 2 * NUM_BATCHES, "errors of the epoch that was given up are counted still"


def test_the_first_epoch_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no checkpoint was saved yet; there is nothing to go back to"):
        fit(tiny(lr=1e30, schedule="flat", on_nan="rollback"), tmp_path / "run")


def test_a_run_goes_back_as_often_as_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch, above=0.0)
    out = tmp_path / "run"
    with pytest.raises(WorkbenchError, match="had all 2 of --max-rollbacks"):
        fit(tiny(on_nan="rollback", max_rollbacks=2), out)
    assert [message.split("; ")[0][-8:] for _, _, message in events(out)] == ["lr 0.025", "r 0.0125"]


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--on-nan", "ignore"), ("on_nan", "stop, rollback")), (("--max-rollbacks", "5"), ("--on-nan rollback",))],
)
def test_bad_options_are_refused(cli: Cli, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert_refused(cli("train", *options, "--out", "run"), *words)


def test_the_command_line_says_it_in_one_line(cli: Cli) -> None:
    small = ("--train-size", 80, "--probe-size", 20, "--train-probe-size", 0, "--width", 4, "--epochs", 2)
    result = cli("train", "--method", "fgsm", "--lr", "1e30", "--schedule", "flat", *small, "--out", "run")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].startswith("workbench: training diverged: the loss of step ")
