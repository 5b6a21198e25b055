"""OnsetMonitor in a loop that is not ours: flags rise where ``workbench onset`` finds them in the finished log."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainers import EnergyRecorder
from trainers.energylog import EnergyLog
from workbench.onset import Onset
from workbench.onset.monitor import OnsetMonitor
from workbench.summary import summarize_path

NUM, BATCH, CLASSES = 400, 40, 10
HEALTHY = (0.70, 0.60)
"""Training accuracy on x and on x*."""
INVERTED = (0.60, 0.85)

COLLAPSE = [(0.50, 0.40), (0.55, 0.45), (0.57, 0.46), (0.60, 0.45), (0.80, 0.05), (0.85, 0.02), (0.85, 0.01)]
"""FGSM and PGD accuracy on the probe by epoch: collapse at epoch 4 by the definition of the label."""

DECAY = [0.40, 0.44, 0.46, 0.48, 0.50, 0.50, 0.50, 0.49, 0.48, 0.47, 0.46, 0.45, 0.44, 0.43, 0.42, 0.41]
"""PGD accuracy of a run that overfits robustly; its training accuracy rises by 0.03 an epoch."""


def logits(y: torch.Tensor, accuracy: float, generator: torch.Generator) -> torch.Tensor:
    """Logits of a classifier that is right for the first share of the samples."""
    f = torch.rand(len(y), CLASSES, generator=generator)
    said = torch.where(torch.arange(len(y)) < round(accuracy * len(y)), y, (y + 1) % CLASSES)
    return f + 3 * torch.nn.functional.one_hot(said, CLASSES)


def train(recorder: EnergyRecorder, epochs: list[dict[str, Any]]) -> None:
    """Epochs with the training accuracies ``passes`` (a pair, or one for every batch) and what was measured."""
    y = torch.arange(NUM) % CLASSES
    for settings in epochs:
        measured = dict(settings)
        passes = measured.pop("passes", HEALTHY)
        pairs = passes if isinstance(passes, list) else [passes] * (NUM // BATCH)
        generator = torch.Generator().manual_seed(recorder.epoch)
        for rows, (clean, adversarial) in zip(torch.arange(NUM).split(BATCH), pairs, strict=True):
            both = (logits(y[rows], accuracy, generator) for accuracy in (clean, adversarial))
            recorder.batch(rows, y[rows], *both)
        recorder.end_epoch(**measured)


PROBED = [{"fgsm_accuracy": fgsm, "pgd_accuracy": pgd} for fgsm, pgd in COLLAPSE]
UNPROBED = [{"passes": HEALTHY}] * 4 + [{"passes": INVERTED}] * 3
WITHIN = [{"passes": HEALTHY}] * 4 + [{"passes": [HEALTHY] * 3 + [INVERTED] * 7}, {"passes": INVERTED}]
"""The inversion begins with the fourth batch of epoch 4, which is step 43."""
ROBUST = [
    {"passes": (0.7, 0.4), "fgsm_accuracy": pgd + 0.05, "pgd_accuracy": pgd, "train_pgd_accuracy": 0.4 + 0.03 * epoch}
    for epoch, pgd in enumerate(DECAY)
]
RUNS: dict[str, tuple[list[dict[str, Any]], tuple[str, str, int] | None]] = {
    "probe": (PROBED, ("catastrophic", "collapse", 4)),
    "no probe": (UNPROBED, ("catastrophic", "inversion", 4)),
    "within an epoch": (WITHIN, ("catastrophic", "inversion", 4)),
    "robust": (ROBUST, ("robust", "decay", 10)),
    "healthy": ([{"fgsm_accuracy": 0.5, "pgd_accuracy": 0.4}] * 7, None),
}


def facts(onset: Onset) -> tuple[Any, ...]:
    return onset.kind, onset.rule, onset.epoch, onset.detected_epoch, onset.sentence, dict(onset.evidence)


def record(path: Path, epochs: list[dict[str, Any]], *, resume: bool = False) -> list[tuple[int, Onset]]:
    """Train; the flags with the epoch at whose end they were told."""
    told: list[tuple[int, Onset]] = []
    monitor = OnsetMonitor(on_flag=lambda onset: told.append((recorder.epoch - 1, onset)))
    labels = None if resume else np.arange(NUM) % CLASSES
    recorder = EnergyRecorder(path, num_samples=NUM, labels=labels, callbacks=[monitor], attack="fgsm", resume=resume)
    with recorder:
        train(recorder, epochs)
    return told


@pytest.mark.parametrize("name", RUNS)
def test_flags_rise_once_at_their_epoch_and_are_those_of_the_finished_log(tmp_path: Path, name: str) -> None:
    epochs, wanted = RUNS[name]
    told = record(tmp_path, epochs)
    later = summarize_path(tmp_path).onsets
    assert [facts(onset) for _, onset in told] == [facts(onset) for onset in later]
    with EnergyLog.open(tmp_path) as log:
        events = [(bytes(event["kind"]).decode(), int(event["epoch"])) for event in log.events()]
    assert events == [(onset.kind, onset.epoch) for onset in later]
    if wanted is None:
        assert told == []
        return
    ((when, onset),) = told
    assert (onset.kind, onset.rule) == wanted[:2]
    assert when == onset.detected_epoch
    if onset.kind == "catastrophic":
        assert (onset.epoch, onset.detected_epoch) == (wanted[2], wanted[2])
    else:
        assert abs(onset.epoch - wanted[2]) <= 5


def test_the_steps_tell_where_within_the_epoch_it_set_in(tmp_path: Path) -> None:
    ((_, onset),) = record(tmp_path, WITHIN)
    assert onset.evidence["onset_step"] == 43


@pytest.mark.parametrize("name", ["probe", "no probe"])
@pytest.mark.parametrize("stop_after", [2, 4, 5, 6])
def test_a_resumed_run_tells_each_flag_once(tmp_path: Path, name: str, stop_after: int) -> None:
    """Whether the run was cut off before, at or after the flag; the log is that of a run that was not."""
    epochs, _ = RUNS[name]
    record(tmp_path / "whole", epochs)
    first = record(tmp_path / "run", epochs[:stop_after])
    second = record(tmp_path / "run", epochs[stop_after:], resume=True)
    whole = summarize_path(tmp_path / "whole").onsets
    assert [facts(onset) for _, onset in first + second] == [facts(onset) for onset in whole]
    with EnergyLog.open(tmp_path / "run") as log, EnergyLog.open(tmp_path / "whole") as other:
        kinds = [bytes(event["kind"]) for event in log.events()]
        assert kinds.count(b"catastrophic") == 1
        assert kinds.count(b"restart") == 1
        assert log.epochs().tobytes() == other.epochs().tobytes()


def test_a_loop_may_stop_itself_by_a_flag(tmp_path: Path) -> None:
    """What a callback raises ends the run; the epoch and the flag are in the log by then."""

    def stop(onset: Onset) -> None:
        raise StopIteration(onset.sentence)

    said: list[str] = []
    recorder = EnergyRecorder(tmp_path, num_samples=NUM, callbacks=[OnsetMonitor(say=said.append, on_flag=stop)])
    with pytest.raises(StopIteration), recorder:
        train(recorder, PROBED)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == ("failed", 5)
        assert [bytes(event["kind"]) for event in log.events()] == [b"catastrophic"]


def test_the_monitor_says_what_it_flags(tmp_path: Path) -> None:
    said: list[str] = []
    with EnergyRecorder(tmp_path, num_samples=NUM, callbacks=[OnsetMonitor(say=said.append)]) as recorder:
        train(recorder, PROBED)
    (sentence,) = said
    assert sentence.startswith("catastrophic overfitting from epoch 4: PGD accuracy fell from 46.0%")
