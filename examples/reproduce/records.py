"""What is kept of a finished run for good: one JSON file, made from the run directory and from nothing else."""

import hashlib
import json
import math
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reproduce import runs
from reproduce.grid import NOT_OF_THE_RUN, Measure, Run
from reproduce.measure import command, find
from trainers.atomic import write_atomically
from trainers.energylog import EnergyLog
from trainers.energylog.statistics import delta_statistics
from trainers.errors import WorkbenchError
from trainers.loop import read_config
from trainers.rundir import LOG_NAME
from trainers.setup import find_device
from workbench.evaluation import Evaluation
from workbench.onset import Label, catastrophic_label, detect, robust_label
from workbench.summary import summarize_path
from workbench.summary.values import onset_json

FORMAT = "workbench-reproduction"
SCHEMA_VERSION = 1

EPOCH_COLUMNS = (
    *("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy"),
    *("train_clean_accuracy", "train_robust_accuracy", "train_loss"),
    *(f"{split}_delta_energy_{name}" for split in ("train", "probe") for name in ("mean", "std", "q05", "q50", "q95")),
)
STEP_COLUMNS = ("loss", "adversarial_accuracy", *(f"delta_energy_{name}" for name in ("mean", "std", "q05", "q95")))
DIGITS = 4
"""Significant digits of energies; accuracies are shares of some hundred images."""

_LIST = re.compile(r"\[[^\[\]{}\"]*\]")

Record = Mapping[str, Any]
"""As it was read."""


def make(run: Run, out: Path) -> dict[str, Any]:
    """The record of the run in ``out``; of its measures those that are taken."""
    config = read_config(out)
    with EnergyLog.open(out) as log:
        table, steps, status, meta = log.epochs(), log.steps(), log.status, log.meta
    summary = summarize_path(out)
    seconds = table["train_seconds"][np.isfinite(table["train_seconds"])]
    record: dict[str, Any] = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "name": run.name,
        "command": runs.command(run),
        "data": runs.data_word(run),
        "settings": {name: value for name, value in config.to_dict().items() if name not in NOT_OF_THE_RUN},
        "status": status,
        "epochs": len(table),
        "steps_per_epoch": None if not len(table) else round(int(table["last_step"][-1]) / len(table)),
        "best": None if summary.best is None else summary.best.epoch,
        "curves": {name: _numbers(table[name]) for name in EPOCH_COLUMNS},
        "labels": _labels(table),
        "flags": [_flag(onset_json(onset)) for onset in summary.onsets],
        "suspicion": _suspicion(table, steps, meta.train_attack),
        "energies": _energies(out),
        "evaluations": _evaluations(run, out),
        "seconds_per_epoch": _rounded(float(np.median(seconds))) if len(seconds) else None,
        "log_sha256": _digest(out / LOG_NAME),
        "created": meta.created,
        "versions": dict(meta.versions),
        "git_revision": meta.git_revision,
        "device": _device(config.device),
    }
    if run.traced:
        record["steps"] = {name: _numbers(steps[name]) for name in STEP_COLUMNS}
    return record


def save(record: Record, path: Path) -> None:
    """Write it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (_lists_in_a_line(text) + "\n").encode())


def holds(path: Path, measures: Iterable[Measure]) -> bool:
    """Whether there is a record of a run that has ended, with these measures in it."""
    if not path.exists():
        return False
    taken = {(one["attacks"], one["which"], one["num"]) for one in read(path)["evaluations"]}
    return all((measure.attacks, measure.epoch, measure.num) in taken for measure in measures)


def read(path: Path, kind: str = FORMAT) -> Record:
    """A record of a kind.

    Raises:
        WorkbenchError: it is none, or of another version.
    """
    record: Record = json.loads(path.read_text())
    if record.get("format") != kind or record.get("schema_version") != SCHEMA_VERSION:
        raise WorkbenchError(f"{path} is no record of this version; remove it and run the claim again")
    return record


def load(folder: Path, names: Iterable[str]) -> dict[str, Record]:
    """The records of a folder that are there, by name.

    Raises:
        WorkbenchError: a file is no record.
    """
    paths = {name: folder / f"{name}.json" for name in names}
    return {name: read(path) for name, path in paths.items() if path.exists()}


def _labels(table: np.ndarray) -> dict[str, Any]:
    """What the whole run shows: DESIGN's labels of both kinds."""
    catastrophic = catastrophic_label(table["fgsm_accuracy"], table["pgd_accuracy"])
    robust = robust_label(table["pgd_accuracy"], table["train_pgd_accuracy"], catastrophic.epoch)
    return {"catastrophic": _label(catastrophic), "robust": _label(robust)}


def _label(label: Label) -> dict[str, Any]:
    return {"answer": label.answer, "epoch": label.epoch, "reason": label.reason}


def _flag(flag: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "epoch", "detected_epoch", "confidence", "rule", "last_healthy_epoch")
    return {name: flag[name] for name in names} | {"step": flag["evidence"].get("onset_step")}


def _suspicion(table: np.ndarray, steps: np.ndarray, train_attack: str | None) -> dict[str, Any] | None:
    """What the detector says of catastrophic overfitting from the training passes alone, as if there were no probe."""
    blind = table.copy()
    for name in ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy"):
        blind[name] = np.nan
    found = [flag for flag in detect(blind, train_attack=train_attack, steps=steps) if flag.kind == "catastrophic"]
    return _flag(onset_json(found[0])) if found else None


def _energies(out: Path) -> dict[str, Any]:
    """ΔE(x) and ΔE(x,y) of the last epoch, of training samples and of the probe's."""
    energies = {}
    with EnergyLog.open(out) as log:
        for split in ("train", "probe"):
            if not log.committed or not len(log.keys(split).index):
                continue
            columns = {
                name: log.samples(split, name, log.committed - 1).astype(np.float64)
                for name in ("energy", "energy_adv", "joint_energy", "joint_energy_adv")
            }
            for name in ("energy", "joint_energy"):
                found = delta_statistics(columns[name] - columns[f"{name}_adv"])
                energies[f"{split}_delta_{name}"] = {word: _rounded(value) for word, value in found.items()}
    return energies


def _evaluations(run: Run, out: Path) -> list[dict[str, Any]]:
    taken = ((measure, find(measure, out)) for measure in run.measures)
    return [_evaluation(measure, evaluation, run.name) for measure, evaluation in taken if evaluation is not None]


def _evaluation(measure: Measure, evaluation: Evaluation, name: str) -> dict[str, Any]:
    """All images together; classes are in the run directory."""
    return {
        "attacks": measure.attacks,
        "which": measure.epoch,
        "epoch": evaluation.epoch,
        "split": evaluation.split,
        "num": evaluation.num,
        "inputs": {
            inputs.name: {
                "accuracy": _rounded(inputs.overall.accuracy),
                "seconds": _rounded(inputs.seconds),
                **{
                    energy: None if values is None else {word: _rounded(value) for word, value in values.items()}
                    for energy in ("energy", "joint_energy", "delta_energy")
                    for values in (getattr(inputs.overall, energy),)
                },
            }
            for inputs in evaluation.inputs
        },
        "worst": _rounded(evaluation.worst[0].accuracy),
        "created": evaluation.created,
        "device": evaluation.device,
        "command": command(measure, name),
    }


def _device(asked: str) -> str:
    device = find_device(asked)
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [_rounded(float(value)) for value in values]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{DIGITS}g}")


def _lists_in_a_line(text: str) -> str:
    """Lists of numbers on one line each, so that a record can be read and compared."""
    return _LIST.sub(lambda found: " ".join(found.group().split()), text)
