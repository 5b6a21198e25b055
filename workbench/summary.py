"""One run in a nutshell: the one source of what the command line, the app, the JSON and the reports say about it."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog, RunMeta, merit
from trainers.recipes import METHODS
from trainers.rundir import find_weights
from workbench.onset import Onset, run_detector

_STATISTICS = ("mean", "std", "q05", "q50", "q95")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaEnergy:
    """ΔE statistics of one set of samples in one epoch, in nats; None where they were not recorded.

    Attributes:
        split: "train" or "probe".
        attack: the attack that made x*, None where there was none.
    """

    split: str
    attack: str | None
    mean: float | None
    std: float | None
    q05: float | None
    q50: float | None
    q95: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochSummary:
    """One epoch; accuracies are fractions of the probe set in [0, 1] unless named otherwise; None where missing."""

    epoch: int
    learning_rate: float | None
    train_loss: float | None
    train_clean_accuracy: float | None
    train_robust_accuracy: float | None
    train_pgd_accuracy: float | None
    clean_accuracy: float | None
    fgsm_accuracy: float | None
    pgd_accuracy: float | None
    train_seconds: float | None
    evaluation_seconds: float | None
    delta_energy: DeltaEnergy
    probe_delta_energy: DeltaEnergy


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """Which checkpoint to keep.

    Attributes:
        path: the file, None where no checkpoint is left.
        epoch: its epoch (of the run's best epoch where no checkpoint is left), None without epochs.
        why: one sentence.
    """

    path: Path | None
    epoch: int | None
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """What there is to say about one run.

    Attributes:
        path: the log file.
        run_id, method, dataset, model, eps, seed, planned_epochs, created: facts as the run gave them; eps in [0, 1].
        train_attack, probe_attack: the attacks that made x* of the two sets.
        status: running, finished, stopped, failed or crashed.
        committed: epochs on disk.
        heartbeat_age: seconds since the writer's last pulse.
        best: the first epoch of highest probe PGD accuracy, the one that training keeps.
        last: the last committed epoch.
        checkpoint: which checkpoint to keep.
        epochs: all committed epochs in order.
        onsets: the detectors' flags, in the order in which they were raised.
        cannot_tell: why a kind of onset cannot be told, by kind.
    """

    path: Path
    run_id: str
    method: str
    dataset: str
    model: str | None
    eps: float | None
    seed: int | None
    planned_epochs: int | None
    created: str
    train_attack: str | None
    probe_attack: str | None
    status: str
    committed: int
    heartbeat_age: float | None
    best: EpochSummary | None
    last: EpochSummary | None
    checkpoint: Recommendation
    epochs: tuple[EpochSummary, ...]
    onsets: tuple[Onset, ...]
    cannot_tell: Mapping[str, str]


def summarize(log: EnergyLog, *, now: float | None = None) -> RunSummary:
    """Summarize the epochs that the log had when it was opened or last refreshed.

    Args:
        log: an open energy log.
        now: seconds since 1970-01-01 UTC to measure the heartbeat's age from; the clock's by default.
    """
    meta, table = log.meta, log.epochs()
    detector = run_detector(table, train_attack=meta.train_attack, adversarial=_is_adversarial(meta))
    catastrophic = next((onset.epoch for onset in detector.onsets if onset.kind == "catastrophic"), None)
    epochs = _epochs(table, meta)
    best = _best(epochs)
    return RunSummary(
        path=log.path,
        run_id=meta.run_id,
        method=meta.method,
        dataset=meta.dataset,
        model=_text(meta.config.get("model")),
        eps=_number(meta.config.get("eps")),
        seed=meta.seed,
        planned_epochs=meta.planned_epochs,
        created=meta.created,
        train_attack=meta.train_attack,
        probe_attack=meta.probe_attack,
        status=log.status,
        committed=len(epochs),
        heartbeat_age=_number((time.time() if now is None else now) - log.heartbeat),
        best=best,
        last=epochs[-1] if epochs else None,
        checkpoint=_recommend(log.path.parent, epochs, best, catastrophic, _healed(log.events())),
        epochs=epochs,
        onsets=detector.onsets,
        cannot_tell={str(kind): why for kind, why in detector.doubts.items()},
    )


def summarize_path(path: str | Path) -> RunSummary:
    """Summarize the run in a directory or a log file.

    Raises:
        WorkbenchError: there is no readable energy log.
    """
    with EnergyLog.open(path) as log:
        return summarize(log)


def to_json(summary: RunSummary) -> dict[str, Any]:
    """The summary as JSON values (the shape that ``inspect --json`` documents); missing values are None, never NaN."""
    checkpoint = summary.checkpoint
    run = {
        "id": summary.run_id,
        "method": summary.method,
        "dataset": summary.dataset,
        "model": summary.model,
        "eps": summary.eps,
        "seed": summary.seed,
        "status": summary.status,
        "committed": summary.committed,
        "planned_epochs": summary.planned_epochs,
        "created": summary.created,
        "heartbeat_age_seconds": summary.heartbeat_age,
        "path": str(summary.path),
        "train_attack": summary.train_attack,
        "probe_attack": summary.probe_attack,
        "best": _accuracies(summary.best),
        "last": _accuracies(summary.last),
        "checkpoint": {
            "path": None if checkpoint.path is None else str(checkpoint.path),
            "epoch": checkpoint.epoch,
            "why": checkpoint.why,
        },
        "cannot_tell": dict(summary.cannot_tell),
    }
    return {
        "run": run,
        "epochs": [_epoch_json(epoch) for epoch in summary.epochs],
        "onsets": [onset_json(onset) for onset in summary.onsets],
    }


def onset_json(onset: Onset) -> dict[str, Any]:
    """A flag as JSON values."""
    return {
        "kind": onset.kind,
        "epoch": onset.epoch,
        "detected_epoch": onset.detected_epoch,
        "confidence": onset.confidence,
        "rule": onset.rule,
        "sentence": onset.sentence,
        "last_healthy_epoch": onset.last_healthy_epoch,
        "evidence": {name: _number(value) for name, value in onset.evidence.items()},
    }


def _epoch_json(epoch: EpochSummary) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(epoch).items() if not name.endswith("delta_energy")},
        "delta_energy": _delta_json(epoch.delta_energy),
        "probe_delta_energy": _delta_json(epoch.probe_delta_energy),
    }


def _delta_json(delta: DeltaEnergy) -> dict[str, Any]:
    values = asdict(delta)
    return {"set": values.pop("split"), **values}


def _accuracies(epoch: EpochSummary | None) -> dict[str, Any] | None:
    if epoch is None:
        return None
    return {name: getattr(epoch, name) for name in ("epoch", "clean_accuracy", "fgsm_accuracy", "pgd_accuracy")}


def _epochs(table: NDArray[np.void], meta: RunMeta) -> tuple[EpochSummary, ...]:
    """The rows of the table; ΔE is of the training set, or of the probe set where the run has none of the former."""
    attacks = {"train": meta.train_attack, "probe": meta.probe_attack}
    split = "train" if np.isfinite(table["train_delta_energy_mean"]).any() else "probe"
    return tuple(
        EpochSummary(
            epoch=int(row["epoch"]),
            **{
                name: _number(row[name])
                for name in (
                    "learning_rate",
                    "train_loss",
                    "train_clean_accuracy",
                    "train_robust_accuracy",
                    "train_pgd_accuracy",
                    "clean_accuracy",
                    "fgsm_accuracy",
                    "pgd_accuracy",
                    "train_seconds",
                    "evaluation_seconds",
                )
            },
            delta_energy=_delta(row, split, attacks[split]),
            probe_delta_energy=_delta(row, "probe", attacks["probe"]),
        )
        for row in table
    )


def _delta(row: np.void, split: str, attack: str | None) -> DeltaEnergy:
    values = {name: _number(row[f"{split}_delta_energy_{name}"]) for name in _STATISTICS}
    return DeltaEnergy(split=split, attack=attack, **values)


def _best(epochs: Iterable[EpochSummary]) -> EpochSummary | None:
    """The first epoch of highest merit: the measure itself, whatever a detector says of the epoch."""
    measured = [epoch for epoch in epochs if epoch.pgd_accuracy is not None]
    return max(measured, key=lambda epoch: merit(epoch.pgd_accuracy, epoch.clean_accuracy), default=None)


def _healed(events: NDArray[np.void]) -> int | None:
    """The epoch after which the run was last rolled back, None if it never was or has overfitted again since."""
    rollbacks = [int(event["epoch"]) for event in events if event["kind"] == b"rollback"]
    onsets = [int(event["epoch"]) for event in events if event["kind"] == b"catastrophic"]
    last = max(rollbacks, default=None)
    return None if last is None or any(onset > last for onset in onsets) else last


def _recommend(
    run_dir: Path,
    epochs: tuple[EpochSummary, ...],
    best: EpochSummary | None,
    catastrophic: int | None,
    healed: int | None,
) -> Recommendation:
    if not epochs:
        return Recommendation(path=None, epoch=None, why="No epoch is finished yet.")
    kept = find_weights(run_dir)
    if best is None:
        last = max((epoch.epoch for epoch in epochs if epoch.epoch in kept), default=None)
        why = "The last one: no PGD accuracy was recorded to choose by." if last is not None else "None is kept."
        return Recommendation(path=None if last is None else kept[last], epoch=last, why=why)
    chosen = _best(epoch for epoch in epochs if epoch.epoch in kept)
    merit = f"Epoch {best.epoch} has the highest probe PGD accuracy ({best.pgd_accuracy:.1%})"
    merit += " before catastrophic overfitting" if catastrophic is not None and best.epoch < catastrophic else ""
    if chosen is None:
        return Recommendation(path=None, epoch=best.epoch, why=f"{merit}; no file is kept.")
    why = f"{merit}."
    if chosen.epoch != best.epoch:
        why = (
            f"{merit}, but its checkpoint was not kept; of those that are, epoch {chosen.epoch} is best"
            f" ({chosen.pgd_accuracy:.1%})."
        )
    if catastrophic is not None and chosen.epoch >= catastrophic:
        after = healed is not None and chosen.epoch > healed
        why += (
            f" It comes after the rollback at epoch {healed}."
            if after
            else " It is itself catastrophically overfitted."
        )
    return Recommendation(path=kept[chosen.epoch], epoch=chosen.epoch, why=why)


def _is_adversarial(meta: RunMeta) -> bool:
    """False only for a method of ours that trains without an attack; foreign methods get the benefit of the doubt."""
    return meta.method not in METHODS or METHODS[meta.method].attack is not None


def _number(value: object) -> float | None:
    """A finite number of a row or of a foreign configuration, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
