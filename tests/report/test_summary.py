"""Summaries of real log files, against numbers worked out by hand."""

import json
import math

import numpy as np
import pytest

from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from workbench.summary import summarize, summarize_path, to_json

RUN_KEYS = {"id", "method", "dataset", "eps", "seed", "status", "committed", "best", "last"}
EPOCH_KEYS = {
    "epoch",
    "train_loss",
    "train_robust_accuracy",
    "clean_accuracy",
    "fgsm_accuracy",
    "pgd_accuracy",
    "delta_energy",
    "probe_delta_energy",
}
DELTA_KEYS = {"set", "attack", "mean", "std", "q05", "q50", "q95"}
ONSET_KEYS = {"kind", "epoch", "detected_epoch", "confidence", "evidence"}


def test_json_has_the_documented_shape(make_run, collapsed) -> None:
    result = to_json(summarize_path(make_run(collapsed)))
    assert set(result) == {"run", "epochs", "onsets", "attacks", "evaluations", "evaluation_errors"}
    assert result["attacks"] is None, "there is no probe of several attacks beside it"
    assert set(result["run"]) >= RUN_KEYS
    assert len(result["epochs"]) == 6
    for epoch in result["epochs"]:
        assert set(epoch) >= EPOCH_KEYS
        assert set(epoch["delta_energy"]) == set(epoch["probe_delta_energy"]) == DELTA_KEYS
    (onset,) = result["onsets"]
    assert set(onset) >= ONSET_KEYS
    json.dumps(result, allow_nan=False)


def test_facts_and_numbers(make_run, collapsed) -> None:
    result = to_json(summarize_path(make_run(collapsed)))
    run = result["run"]
    assert (run["id"], run["method"], run["dataset"], run["model"]) == ("r1", "fgsm", "digits", "small-cnn")
    assert (run["eps"], run["seed"], run["status"], run["committed"], run["planned_epochs"]) == (
        0.3,
        7,
        "finished",
        6,
        6,
    )
    assert run["last"] == {"epoch": 5, "clean_accuracy": 0.9, "fgsm_accuracy": 0.8, "pgd_accuracy": 0.0}
    assert (result["onsets"][0]["kind"], result["onsets"][0]["epoch"]) == ("catastrophic", 4)
    delta = result["epochs"][1]["delta_energy"]
    assert (delta["set"], delta["attack"], delta["mean"], delta["q50"]) == ("train", "fgsm", 4.0, 4.0)
    assert delta["std"] == pytest.approx(2 * math.sqrt(2))
    probe = result["epochs"][1]["probe_delta_energy"]
    assert (probe["set"], probe["attack"], probe["mean"], probe["std"]) == ("probe", "pgd-10", 2.0, 0.0)


def test_missing_values_are_null(make_run) -> None:
    result = to_json(summarize_path(make_run([{}, {"train_loss": float("inf")}], seed=None, config={"eps": "wide"})))
    assert [epoch["train_loss"] for epoch in result["epochs"]] == [None, None]
    assert result["run"]["eps"] is None
    assert result["run"]["seed"] is None
    assert result["run"]["best"] is None
    assert result["epochs"][0]["delta_energy"]["mean"] is None
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("eps", [10**400, True, None, [1], float("nan")])
def test_foreign_configurations_may_hold_anything(make_run, eps) -> None:
    assert summarize_path(make_run([], config={"eps": eps, "model": ["a"]})).eps is None


def test_delta_energy_is_of_the_probe_set_where_training_has_none(make_run) -> None:
    folder = make_run([{"probe": np.arange(5.0)}], train_attack=None, method="elsewhere")
    (epoch,) = to_json(summarize_path(folder))["epochs"]
    assert (epoch["delta_energy"]["set"], epoch["delta_energy"]["attack"]) == ("probe", "pgd-10")
    assert epoch["delta_energy"]["mean"] == 2.0


def test_a_log_without_epochs(make_run) -> None:
    summary = summarize_path(make_run([], status="failed"))
    assert (summary.status, summary.committed, summary.best, summary.last, summary.epochs) == (
        "failed",
        0,
        None,
        None,
        (),
    )
    assert summary.checkpoint.path is None
    json.dumps(to_json(summary), allow_nan=False)


def test_heartbeat_age_and_crash(make_run, collapsed) -> None:
    with EnergyLog.open(make_run(collapsed)) as log:
        assert summarize(log, now=log.heartbeat + 12.0).heartbeat_age == pytest.approx(12.0)


def test_best_is_the_most_robust_epoch_even_after_an_onset(make_run, collapsed) -> None:
    """The epoch whose checkpoint training keeps."""
    collapsed[5]["pgd_accuracy"] = 0.9
    collapsed[5]["fgsm_accuracy"] = 0.9
    summary = summarize_path(make_run(collapsed))
    assert [onset.epoch for onset in summary.onsets] == [4]
    assert summary.best is not None
    assert summary.best.epoch == 5


def test_best_of_a_run_that_was_never_robust_is_the_best_of_all(make_run) -> None:
    epochs = [{"fgsm_accuracy": 0.6, "pgd_accuracy": pgd} for pgd in (0.0, 0.2, 0.1)]
    many = tuple(map(str, range(1000)))  # so that even these are better than guessing
    summary = summarize_path(make_run(epochs, kept=(0, 1, 2), class_names=many))
    assert [onset.epoch for onset in summary.onsets] == [0]
    assert summary.best is not None
    assert summary.best.epoch == 1
    assert "lies after the onset of catastrophic overfitting (epoch 0)" in summary.checkpoint.why


@pytest.mark.parametrize(
    ("kept", "epoch", "words"),
    [
        ((2, 5), 2, "before catastrophic overfitting"),
        ((0, 1, 5), 1, "not kept"),
        ((4, 5), 4, "lies after the onset of catastrophic overfitting (epoch 4)"),
        ((), None, "no file is kept"),
    ],
)
def test_recommended_checkpoint(make_run, collapsed, kept, epoch, words) -> None:
    folder = make_run(collapsed, kept=kept)
    checkpoint = summarize_path(folder).checkpoint
    expected = None if epoch is None else folder / "checkpoints" / f"epoch-{epoch:06d}.safetensors"
    assert checkpoint.path == expected
    assert checkpoint.epoch == (2 if epoch is None else epoch)
    assert "Epoch 2 has the highest probe PGD accuracy (50.0%)" in checkpoint.why
    assert words in checkpoint.why


def test_the_last_checkpoint_is_recommended_without_accuracies(make_run) -> None:
    checkpoint = summarize_path(make_run([{}, {}, {}], kept=(0, 1), train_attack=None)).checkpoint
    assert checkpoint.epoch == 1
    assert "no PGD accuracy" in checkpoint.why


def test_checkpoints_of_epochs_that_were_never_committed_are_not_recommended(make_run, collapsed) -> None:
    assert summarize_path(make_run(collapsed[:3], kept=(1, 3))).checkpoint.epoch == 1


def test_standard_training_is_not_judged(make_run) -> None:
    epochs = [{"fgsm_accuracy": 0.6, "pgd_accuracy": 0.0}] * 6
    summary = summarize_path(make_run(epochs, method="standard", train_attack=None))
    assert summary.onsets == ()
    assert set(summary.cannot_tell) == {"catastrophic", "robust"}


def test_nothing_there(tmp_path) -> None:
    with pytest.raises(WorkbenchError):
        summarize_path(tmp_path)


@pytest.mark.parametrize(("kept", "epoch"), [((0, 1), 1), ((), None)])
def test_no_epoch_that_is_no_better_than_guessing_is_recommended(make_run, kept, epoch) -> None:
    """Ten classes and five samples: 10 % and two standard errors of 13.4 %."""
    runs = {pgd: make_run([{"pgd_accuracy": pgd}] * 3, name=str(pgd), kept=kept) for pgd in (0.36, 0.38)}
    checkpoint = summarize_path(runs[0.36]).checkpoint
    assert checkpoint.epoch == epoch
    assert "No epoch is more robust than chance: the highest probe PGD accuracy is 36.0%" in checkpoint.why
    assert "Epoch 0 has the highest" in summarize_path(runs[0.38]).checkpoint.why


def test_best_of_a_run_without_robustness_is_the_most_accurate(make_run) -> None:
    epochs = [{"clean_accuracy": clean, "pgd_accuracy": 0.0} for clean in (0.2, 0.9, 0.8)]
    summary = summarize_path(make_run(epochs, kept=(0, 1, 2)))
    assert summary.best is not None
    assert summary.best.epoch == 1
    assert summary.checkpoint.epoch == 2
