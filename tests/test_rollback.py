"""Flags that are acted upon: what a rollback does to a run, that interruptions change nothing, and who is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import Cli, assert_refused, write_small_log
from tests.test_loop import NUM_BATCHES, StopAt, contents, tiny
from tests.trainers.plain_torch import Der, step
from trainers import loop
from trainers.callbacks import Answer, BatchReport, EpochReport, Notebook, Rollback, StartReport, Stop
from trainers.checkpoints import load_resume, load_weights
from trainers.data import load_data
from trainers.energylog import EnergyLog, LogWriter, SampleTable
from trainers.energylog.schema import EPOCH_DTYPE, EVENT_DTYPE, STEP_DTYPE
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, resume
from trainers.rollback import RAMP_EPOCHS, der_beta
from trainers.seeding import seeded_generator
from trainers.setup import epoch_batches, initial_weights, prepare
from trainers.spec import RolledBack, TrainConfig, read_toml
from workbench.onset import Onset, lineage
from workbench.onset.monitor import OnsetMonitor
from workbench.summary import summarize_path

NUM_EPOCHS = 5
SMALL = {"train_size": 80, "batch_size": 20, "probe_size": 20, "train_probe_size": 0}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class FlagsAt:
    """In place of the detectors: CO in certain epochs; the last healthy epoch is the one before on the way there."""

    epochs: tuple[int, ...] = (1, 3)
    kind = "catastrophic"

    def __init__(self, **_: object) -> None:
        self._seen: list[int] = []

    def update(self, row: np.void, steps: object) -> Onset | None:
        self._seen.append(int(row["epoch"]))
        if self._seen[-1] not in self.epochs:
            return None
        return Onset(
            kind=self.kind,  # type: ignore[arg-type]
            epoch=self._seen[-1],
            detected_epoch=self._seen[-1],
            confidence=1.0,
            rule="collapse",
            sentence=f"seen {self._seen}",
            last_healthy_epoch=self._seen[-2],
        )


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> type[FlagsAt]:
    monkeypatch.setattr(lineage, "OnsetDetector", FlagsAt)
    return FlagsAt


def healing(**settings: Any) -> TrainConfig:
    return tiny(**{"epochs": NUM_EPOCHS, "on_co": "rollback", **SMALL, **settings})


def events(run: Path) -> list[tuple[str, int, str]]:
    with EnergyLog.open(run) as log:
        return [
            (event["kind"].decode(), int(event["epoch"]), event["message"].decode())
            for event in log.events()
            if event["kind"] not in (b"restart", b"stop")
        ]


def kept(run: Path) -> list[int]:
    return [int(path.stem[6:]) for path in sorted((run / "checkpoints").glob("epoch-*"))]


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("healed") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineage, "OnsetDetector", FlagsAt)
        assert fit(healing(), out, [OnsetMonitor()]) is Outcome.FINISHED
    return out


def test_the_log_tells_the_rollbacks_and_the_detector_knows_nothing_of_what_was_left(healed: Path) -> None:
    assert [(kind, epoch) for kind, epoch, _ in events(healed)] == [
        ("catastrophic", 1),
        ("rollback", 1),
        ("catastrophic", 3),
        ("rollback", 3),
    ]
    first, second = (message for kind, _, message in events(healed) if kind == "rollback")
    assert first.startswith("after epoch 1 back to the weights of epoch 0, on with method fgsm-der, der_beta 15,")
    assert second.startswith("after epoch 3 back to the weights of epoch 2, on with der_beta 30;")
    assert "momentum starts at zero" in first
    assert events(healed)[2][2] == "seen [0, 2, 3]"
    with EnergyLog.open(healed) as log:
        assert log.epochs()["epoch"].tolist() == list(range(NUM_EPOCHS))
        assert log.status == "finished"
        assert (log.epochs()["train_regularizer"] > 0).tolist() == [False, False, True, True, True]
    assert kept(healed)[:2] == [0, 2]
    assert TrainConfig.from_dict(read_toml(healed / "config.toml")) == healing()


def test_the_first_step_after_a_rollback_is_that_of_the_old_weights_with_der_and_without_momentum(
    tmp_path: Path, flags: type[FlagsAt]
) -> None:
    """Against the methods in plain torch: loss of the step, and the weights after it."""
    out, config = tmp_path / "run", healing()
    fit(config, out, [OnsetMonitor(), StopAt(2 * NUM_BATCHES + 1)])
    model, _ = load_weights(out / "checkpoints" / "epoch-000000.safetensors")
    parts = prepare(config)
    x, y = load_data("digits", train_size=config.train_size, probe_size=config.probe_size).train.batch(
        epoch_batches(parts, 2)[0]
    )
    beta = 15.0 * 0.5 / NUM_BATCHES / RAMP_EPOCHS
    generator = seeded_generator(torch.device("cpu"), config.seed, "attack", 2 * NUM_BATCHES)
    done = step(model, x, y, "fgsm-der", eps=config.eps, der=Der(beta=beta, penalty="abs"), generator=generator)
    with EnergyLog.open(out) as log:
        assert log.committed == 2
    recorded = load_resume(out / "checkpoints" / "resume.safetensors")
    assert float(recorded.recorder["steps"][0, 0]) == pytest.approx(done.loss.item(), rel=1e-5)
    rate = float(recorded.recorder["rates"][0])
    assert rate == pytest.approx(config.lr * (1 - abs(2 * (2 * NUM_BATCHES + 0.5) / (NUM_EPOCHS * NUM_BATCHES) - 1)))
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        expected = weight.detach() - rate * (weight.grad + config.weight_decay * weight.detach())
        torch.testing.assert_close(recorded.model[name], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("num_batches", [NUM_BATCHES + 1, 2 * NUM_BATCHES, 4 * NUM_BATCHES + 3])
def test_a_run_that_is_stopped_and_resumed_heals_in_the_same_way(
    healed: Path, flags: type[FlagsAt], tmp_path: Path, num_batches: int
) -> None:
    out = tmp_path / "run"
    assert fit(healing(), out, [OnsetMonitor(), StopAt(num_batches)]) is Outcome.STOPPED
    assert resume(out, [OnsetMonitor()]) is Outcome.FINISHED
    assert_same_healing(healed, out)


def assert_same_healing(one: Path, two: Path) -> None:
    first, second = contents(one), contents(two)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)
    assert events(one) == events(two)
    assert kept(one) == kept(two)
    last = f"checkpoints/epoch-{NUM_EPOCHS - 1:06d}.safetensors"
    (model, facts), (other, other_facts) = load_weights(one / last), load_weights(two / last)
    assert facts == other_facts
    for (name, tensor), twin in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(tensor, twin), name


class KilledError(BaseException):
    """The process ends here."""


def dies_after(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A function that ends the process when its ``count``-th call is done."""
    left = [count]

    def wrapped(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        result = function(*arguments, **options)
        if left[0] == 0:
            raise KilledError
        return result

    return wrapped


@pytest.mark.parametrize(
    ("owner", "name", "count"),
    [
        pytest.param(LogWriter, "append_epoch", 2, id="the epoch is in the log"),
        pytest.param(LogWriter, "append_event", 1, id="and the flag"),
        pytest.param(loop, "roll_back", 1, id="the weights are back"),
        pytest.param(LogWriter, "append_event", 2, id="and that is in the log"),
        pytest.param(loop, "save_resume", 2, id="the state is saved"),
        pytest.param(LogWriter, "append_event", 4, id="the second rollback is in the log"),
    ],
)
def test_a_kill_between_the_steps_of_a_rollback_loses_nothing(
    healed: Path, flags: type[FlagsAt], tmp_path: Path, owner: Any, name: str, count: int
) -> None:
    out = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dies_after(getattr(owner, name), count))
        with pytest.raises(KilledError):
            fit(healing(), out, [OnsetMonitor()])
    assert resume(out, [OnsetMonitor()]) is Outcome.FINISHED
    assert_same_healing(healed, out)


def test_a_run_that_lost_its_resume_state_starts_over_and_heals_in_the_same_way(
    healed: Path, flags: type[FlagsAt], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    fit(healing(), out, [OnsetMonitor(), StopAt(3 * NUM_BATCHES + 1)])
    (out / "checkpoints" / "resume.safetensors").unlink()
    assert resume(out, [OnsetMonitor()]) is Outcome.FINISHED
    assert_same_healing(healed, out)


@pytest.mark.parametrize(
    ("went_back", "second", "flags", "words"),
    [
        (False, 0.6, [(1, None)], "It lies after the onset of catastrophic overfitting (epoch 1)."),
        (True, 0.6, [(1, 1)], "It comes after the rollback at epoch 1."),
        (True, 0.0, [(1, 1), (2, None)], "It lies after the onset of catastrophic overfitting (epoch 2)."),
    ],
)
def test_who_looks_back_at_a_log_follows_its_rollbacks(
    tmp_path: Path, went_back: bool, second: float, flags: list[tuple[int, int | None]], words: str
) -> None:
    """Epoch 1 collapses; after the rollback epoch 2 is judged as the successor of epoch 0."""
    write_small_log(tmp_path)
    nothing = SampleTable.empty(4)
    with LogWriter.resume(tmp_path / "run.h5") as writer:
        for epoch, pgd in ((1, 0.0), (2, second)):
            writer.append_epoch({"epoch": epoch, "fgsm_accuracy": 0.7, "pgd_accuracy": pgd}, nothing, nothing)
        if went_back:
            rolled = RolledBack(epoch=1, checkpoint=0, changes={"method": "fgsm-der"})
            writer.append_event(kind="rollback", epoch=1, step=0, message=f"{rolled.sentence}; slowly")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch-000002.safetensors").touch()
    summary = summarize_path(tmp_path)
    assert [(onset.epoch, onset.rolled_back) for onset in summary.onsets] == flags
    assert summary.checkpoint.why.endswith(words)


def test_what_the_live_monitor_flagged_is_what_the_log_shows(healed: Path) -> None:
    """The stand-in detector flags epochs 1 and 3; each flag is undone by its rollback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineage, "OnsetDetector", FlagsAt)
        patch.setattr(FlagsAt, "doubts", {}, raising=False)
        flags = summarize_path(healed).onsets
    assert [(flag.epoch, flag.rolled_back, flag.sentence) for flag in flags] == [
        (1, 1, "seen [0, 1]"),
        (3, 3, "seen [0, 2, 3]"),
    ]


@pytest.mark.parametrize("checkpoint", [None, 0, 7])
def test_a_rollback_is_read_from_its_own_sentence(checkpoint: int | None) -> None:
    rolled = RolledBack(epoch=9, checkpoint=checkpoint, changes={"der_beta": 2.0})
    assert RolledBack.checkpoint_in(rolled.sentence) == checkpoint
    with pytest.raises(WorkbenchError, match="no sentence about a rollback"):
        RolledBack.checkpoint_in(f"x{rolled.sentence}")


class BackToTheStart(StopAt):
    """After the first epoch, back to the beginning, with other settings."""

    def on_epoch(self, report: EpochReport) -> Answer:
        if report.row["epoch"] == 0:
            return Rollback(checkpoint=None, changes={"method": "pgd"})
        return super().on_epoch(report)


def test_a_rollback_to_the_start_takes_the_weights_of_the_seed(tmp_path: Path) -> None:
    config = tiny(epochs=2, **SMALL)
    out = tmp_path / "run"
    fit(config, out, [BackToTheStart(1_000), StopAt(NUM_BATCHES)])
    state = load_resume(out / "checkpoints" / "resume.safetensors")
    assert (state.epoch, state.next_batch, dict(state.optimizer)) == (1, 0, {})
    assert state.rollbacks == (RolledBack(epoch=0, checkpoint=None, changes={"method": "pgd"}),)
    for name, weight in initial_weights(prepare(config)).items():
        assert torch.equal(state.model[name], weight), name
    resume(out)
    assert load_weights(out / "checkpoints" / "epoch-000001.safetensors")[1]["method"] == "pgd"


class Says:
    """A stand-in for the screen."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __call__(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.mark.parametrize(
    ("kind", "option", "action", "outcome", "said"),
    [
        ("catastrophic", "on_co", "ignore", Outcome.FINISHED, []),
        ("catastrophic", "on_co", "warn", Outcome.FINISHED, ["catastrophic overfitting from epoch 1: seen [0, 1]"]),
        ("catastrophic", "on_co", "stop", Outcome.STOPPED, ["catastrophic overfitting from epoch 1: seen [0, 1]"]),
        ("robust", "on_ro", "ignore", Outcome.FINISHED, []),
        ("robust", "on_ro", "warn", Outcome.FINISHED, ["robust overfitting from epoch 1: seen [0, 1]"]),
        ("robust", "on_ro", "stop", Outcome.STOPPED, ["robust overfitting from epoch 1: seen [0, 1]"]),
    ],
)
def test_a_flag_is_always_noted_and_what_else_was_asked_for_is_done(
    flags: type[FlagsAt],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
    option: str,
    action: str,
    outcome: Outcome,
    said: list[str],
) -> None:
    monkeypatch.setattr(flags, "epochs", (1,))
    monkeypatch.setattr(flags, "kind", kind)
    out, says = tmp_path / "run", Says()
    config = tiny(epochs=3, **SMALL, **{option: action})
    assert fit(config, out, [OnsetMonitor(say=says)]) is outcome
    assert says.sentences == said
    assert events(out) == [(kind, 1, "seen [0, 1]")]
    if outcome is Outcome.STOPPED:
        with EnergyLog.open(out) as log:
            last = log.events()[-1]
            assert (log.status, log.committed) == ("stopped", 2)
        reason = f"stopped by --{option.replace('_', '-')} stop: {kind} overfitting from epoch 1"
        assert (last["kind"], last["message"].decode()) == (b"stop", reason)
        assert resume(out, [OnsetMonitor(say=says)]) is Outcome.FINISHED
        assert says.sentences == said


def row(epoch: int, fgsm: float, pgd: float) -> np.void:
    values = np.zeros(1, dtype=EPOCH_DTYPE)
    values["epoch"], values["fgsm_accuracy"], values["pgd_accuracy"] = epoch, fgsm, pgd
    result: np.void = values[0]
    return result


class Monitored:
    """A monitor with the real detectors, told of epochs that were never trained."""

    def __init__(self, config: TrainConfig, kept: set[int]) -> None:
        self.says = Says()
        self.monitor = OnsetMonitor(say=self.says)
        self.noted: list[tuple[str, int]] = []
        self.notebook = Notebook(
            note=lambda kind, epoch, _: self.noted.append((kind, epoch)), keep=lambda _: None, kept=lambda: kept
        )
        self.monitor.on_start(
            StartReport(
                config=config,
                train_attack="fgsm",
                adversarial=True,
                rows=np.empty(0, dtype=EPOCH_DTYPE),
                steps=np.empty(0, dtype=STEP_DTYPE),
                events=np.empty(0, dtype=EVENT_DTYPE),
                notebook=self.notebook,
            )
        )
        self._epoch = 0

    def epoch(self, fgsm: float, pgd: float) -> Answer:
        report = EpochReport(
            row=row(self._epoch, fgsm, pgd), steps=np.empty(0, dtype=STEP_DTYPE), notebook=self.notebook
        )
        self._epoch += 1
        return self.monitor.on_epoch(report)


@pytest.mark.parametrize(
    ("kept", "checkpoint"), [({0, 1, 2, 3}, 2), ({0, 1, 3}, 1), ({0, 3}, 0), ({3}, None), (set(), None)]
)
def test_a_rollback_goes_to_the_last_healthy_epoch_or_the_best_one_kept_before_or_the_start(
    kept: set[int], checkpoint: int | None
) -> None:
    run = Monitored(healing(), kept)
    for pgd in (0.35, 0.4, 0.38):
        assert run.epoch(0.6, pgd) is Answer.CONTINUE
    answer = run.epoch(0.6, 0.0)
    assert isinstance(answer, Rollback)
    assert answer.checkpoint == checkpoint
    assert answer.changes["method"] == "fgsm-der"


def test_every_collapse_is_judged_afresh_until_the_rollbacks_are_used_up() -> None:
    run = Monitored(healing(epochs=20, max_rollbacks=2), set(range(20)))
    answers = [run.epoch(0.6, pgd) for pgd in (0.4, 0.0, 0.4, 0.4, 0.0, 0.4, 0.0, 0.0, 0.4)]
    rollbacks = [(number, answer) for number, answer in enumerate(answers) if answer != Answer.CONTINUE]
    assert [(number, answer.checkpoint) for number, answer in rollbacks if isinstance(answer, Rollback)] == [
        (1, 0),
        (4, 3),
    ]
    assert dict(rollbacks[1][1].changes) == {"der_beta": 30.0}  # type: ignore[attr-defined]
    assert run.noted == [("catastrophic", 1), ("catastrophic", 4), ("catastrophic", 6)]
    assert run.says.sentences[-1] == "no rollback: the run has had all 2 of --max-rollbacks"


def test_after_the_last_epoch_there_is_nothing_to_heal() -> None:
    run = Monitored(healing(epochs=2), {0})
    run.epoch(0.6, 0.4)
    assert run.epoch(0.6, 0.0) is Answer.CONTINUE
    assert run.says.sentences[-1] == "no rollback: this was the last epoch"


class Both(StopAt):
    """Answers twice after every epoch, by turns."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def on_batch(self, report: BatchReport) -> Answer:
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        return self._answer


def test_a_run_that_is_told_to_go_back_and_to_stop_does_both_and_the_end_is_the_end(tmp_path: Path) -> None:
    back = Both(Rollback(checkpoint=0, changes={"method": "fgsm-der", "der_beta": 1.0}))
    out = tmp_path / "run"
    config = tiny(epochs=2, **SMALL)
    assert fit(config, out, [Both(Stop(reason="enough")), back]) is Outcome.STOPPED
    assert [kind for kind, _, _ in events(out)] == ["rollback"]
    assert resume(out, [Both(Answer.STOP), back]) is Outcome.FINISHED
    assert [kind for kind, _, _ in events(out)] == ["rollback"]
    assert (contents(out)["epoch.train_regularizer"] > 0).tolist() == [False, True]


def test_beta_grows_from_what_the_checkpoint_knew() -> None:
    plain = tiny()
    first = RolledBack(epoch=9, checkpoint=6, changes={"method": "fgsm-der", "der_beta": 6.0})
    again = RolledBack(epoch=11, checkpoint=6, changes={"der_beta": 12.0})
    on_top = RolledBack(epoch=20, checkpoint=18, changes={"der_beta": 12.0})
    assert der_beta(plain, [], 3.5) == 0.0
    warm = tiny(method="fgsm-der", der_beta=8.0, der_warmup=4.0)
    assert [der_beta(warm, [], position) for position in (0.0, 1.0, 4.0, 9.0)] == [0, 2, 8, 8]
    doubled = RolledBack(epoch=2, checkpoint=1, changes={"der_beta": 16.0})
    assert [der_beta(warm, [doubled], 3 + RAMP_EPOCHS * share) for share in (0.0, 1.0)] == [4, 16]
    assert [der_beta(plain, [first], 10 + RAMP_EPOCHS * share) for share in (0.0, 0.5, 1.0, 9.0)] == [0, 3, 6, 6]
    assert [der_beta(plain, [first, again], 12 + RAMP_EPOCHS * share) for share in (0.0, 0.5, 1.0)] == [0, 6, 12]
    assert [der_beta(plain, [first, on_top], 21 + RAMP_EPOCHS * share) for share in (0.0, 0.5, 1.0)] == [6, 9, 12]
    half_way = RolledBack(epoch=11, checkpoint=10, changes={"der_beta": 12.0})
    assert der_beta(plain, [first, half_way], 12.0) == pytest.approx(6 / RAMP_EPOCHS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--on-co", "sometimes"), ("on_co", "rollback")),
        (("--on-ro", "rollback"), ("on_ro", "ignore, warn, stop")),
        (("--on-co", "rollback", "--max-rollbacks", "0"), ("max_rollbacks", "at least 1")),
        (("--max-rollbacks", "5"), ("--max-rollbacks", "--on-co rollback")),
        (("--method", "standard", "--on-co", "rollback"), ("standard", "--on-co rollback")),
    ],
)
def test_the_command_refuses_what_could_not_be_done(cli: Cli, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert_refused(cli("train", *options), *words)
