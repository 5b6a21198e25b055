"""One run in a nutshell."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog, RunMeta, decode
from trainers.errors import WorkbenchError
from trainers.recipes import METHODS
from trainers.rundir import LOG_NAME, find_weights
from trainers.spec import RolledBack
from workbench.evaluation.store import FOLDER, Found, find_evaluations
from workbench.onset import Onset, follow, steps_of
from workbench.summary.attacks import AttackSummary, read_attacks
from workbench.summary.checkpoints import Recommendation, by_chance, recommend
from workbench.summary.epochs import EpochSummary, best_of, number, read_epochs

ONE_STEP = ("fgsm", "random-noise")
"""Attacks, by the beginning of their names, under which accuracy says nothing of robustness to PGD."""


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
        weights: the files of weights that the run keeps, by epoch.
        checkpoint: which of them to keep.
        epochs: all committed epochs in order.
        onsets: the detectors' flags, in the order in which they were raised; those that a rollback undid say so.
        cannot_tell: why a kind of onset cannot be told, by kind.
        attacks: energies under several attacks, of a probe that took more than one.
        evaluations: strong evaluations of the weights that the run keeps or kept.
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
    weights: Mapping[int, Path]
    checkpoint: Recommendation
    epochs: tuple[EpochSummary, ...]
    onsets: tuple[Onset, ...]
    cannot_tell: Mapping[str, str]
    attacks: AttackSummary | None = None
    evaluations: Found = field(default_factory=Found)


def summarize(log: EnergyLog, *, now: float | None = None) -> RunSummary:
    """Summarize the epochs that the log had when it was opened or last refreshed.

    Args:
        log: an open energy log.
        now: seconds since 1970-01-01 UTC to measure the heartbeat's age from; the clock's by default.
    """
    meta = log.meta
    all_steps = cache(log.steps)  # read once, and only if the detectors ask for them
    measures_pgd = _measures_pgd(meta)
    table = log.epochs() if measures_pgd else _without_pgd(log.epochs())
    lineage = follow(
        table,
        returns=_returns(log.events()),
        steps_of=lambda epoch: steps_of(all_steps(), epoch),
        train_attack=meta.train_attack,
        adversarial=_is_adversarial(meta),
    )
    epochs = read_epochs(log.epochs(), meta)
    judged = epochs if measures_pgd else read_epochs(table, meta)
    doubts = {str(kind): why for kind, why in lineage.detector.doubts.items()}
    if not measures_pgd:
        doubts = dict.fromkeys(doubts, f"its PGD accuracies are under {meta.probe_attack}, which is one step at most")
    weights = _weights(log)
    return RunSummary(
        path=log.path,
        run_id=meta.run_id,
        method=meta.method,
        dataset=meta.dataset,
        model=_text(meta.config.get("model")),
        eps=number(meta.config.get("eps")),
        seed=meta.seed,
        planned_epochs=meta.planned_epochs,
        created=meta.created,
        train_attack=meta.train_attack,
        probe_attack=meta.probe_attack,
        status=log.status,
        committed=len(epochs),
        heartbeat_age=number((time.time() if now is None else now) - log.heartbeat),
        best=best_of(judged),
        last=epochs[-1] if epochs else None,
        weights=weights,
        checkpoint=recommend(weights, judged, lineage.flags, by_chance(len(meta.class_names), _probe_size(log))),
        epochs=epochs,
        onsets=lineage.flags,
        cannot_tell=doubts,
        attacks=read_attacks(log),
        evaluations=_evaluations(log),
    )


def summarize_path(path: str | Path) -> RunSummary:
    """Summarize the run in a directory or a log file.

    Raises:
        WorkbenchError: there is no readable energy log.
    """
    with EnergyLog.open(path) as log:
        return summarize(log)


def _probe_size(log: EnergyLog) -> int:
    """Samples behind the accuracies; 0 where the log does not say."""
    with suppress(WorkbenchError):
        return len(log.keys("probe").index)
    return 0


def _returns(events: NDArray[np.void]) -> dict[int, int | None]:
    """The checkpoint of every rollback by the epoch after which it was made; events may hold anything."""
    returns: dict[int, int | None] = {}
    for event in events[events["kind"] == b"rollback"]:
        with suppress(WorkbenchError):
            returns[int(event["epoch"])] = RolledBack.checkpoint_in(decode(event["message"]))
    return returns


def _measures_pgd(meta: RunMeta) -> bool:
    """Whether PGD accuracy is of a multi-step attack: a probe of checkpoints fills it with its first attack, any."""
    probed = isinstance(meta.config.get("checkpoints"), list)
    return not (probed and (meta.probe_attack or "").startswith(ONE_STEP))


def _without_pgd(table: NDArray[np.void]) -> NDArray[np.void]:
    blank = table.copy()
    blank["pgd_accuracy"] = np.nan
    return blank


def _is_adversarial(meta: RunMeta) -> bool:
    """False only for a method of ours that trains without an attack; foreign methods get the benefit of the doubt."""
    return meta.method not in METHODS or METHODS[meta.method].attack is not None


def _weights(log: EnergyLog) -> Mapping[int, Path]:
    """The files of weights by epoch: those of a run, or of a probe the checkpoints that were its epochs."""
    config = log.meta.config
    probed = config.get("checkpoint_paths", config.get("checkpoints"))
    if isinstance(probed, list) and all(isinstance(name, str) for name in probed):
        return {epoch: Path(name) for epoch, name in enumerate(probed)}
    return find_weights(log.path.parent)


def _evaluations(log: EnergyLog) -> Found:
    """Those beside the log of a run directory."""
    return find_evaluations(log.path.parent / FOLDER, log.meta.run_id) if log.path.name == LOG_NAME else Found()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
