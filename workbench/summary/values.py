"""A summary as JSON values: the shape that ``inspect --json`` documents."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.evaluation import Found
from workbench.evaluation import to_json as evaluation_json
from workbench.onset import Onset
from workbench.summary.attacks import AttackSummary
from workbench.summary.checkpoints import last_healthy_checkpoint
from workbench.summary.epochs import DeltaEnergy, EpochSummary, number
from workbench.summary.run import RunSummary


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
        "onsets": [onset_json(onset, summary.weights) for onset in summary.onsets],
        "attacks": None if summary.attacks is None else _attacks_json(summary.attacks),
        **evaluations_json(summary.evaluations),
    }


def evaluations_json(found: Found) -> dict[str, Any]:
    """Strong evaluations as JSON values, each as in its file with its path; and why others cannot be shown."""
    stored = [{"path": str(one.path), **evaluation_json(one.evaluation)} for one in found.stored]
    return {"evaluations": stored, "evaluation_errors": list(found.troubles)}


def onset_json(onset: Onset, weights: Mapping[int, Path] | None = None) -> dict[str, Any]:
    """A flag as JSON values; ``weights`` are those that the run keeps, by epoch."""
    healthy = last_healthy_checkpoint(weights or {}, onset)
    return {
        "kind": onset.kind,
        "epoch": onset.epoch,
        "detected_epoch": onset.detected_epoch,
        "confidence": onset.confidence,
        "rule": onset.rule,
        "sentence": onset.sentence,
        "last_healthy_epoch": onset.last_healthy_epoch,
        "last_healthy_checkpoint": None if healthy is None else str(healthy),
        "rolled_back": onset.rolled_back,
        "evidence": {name: number(value) for name, value in onset.evidence.items()},
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


def _attacks_json(attacks: AttackSummary) -> dict[str, Any]:
    rows = [asdict(row) for row in attacks.rows]
    energies = None if attacks.energies is None else asdict(attacks.energies)
    return {"path": str(attacks.path), "error": attacks.trouble, "epochs": rows, "energies": energies}


def _accuracies(epoch: EpochSummary | None) -> dict[str, Any] | None:
    if epoch is None:
        return None
    return {name: getattr(epoch, name) for name in ("epoch", "clean_accuracy", "fgsm_accuracy", "pgd_accuracy")}
