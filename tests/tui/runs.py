"""Small made-up runs, written through LogWriter: what the app is tested on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

NOW = 1_750_000_000.0
"""The clock of every test that shows one: 2025-06-15 15:06:40 UTC."""

NUM_TRAIN, NUM_PROBE = 400, 150
EPOCHS = 40
COLLAPSE = 22

Measures = Callable[[int], dict[str, float]]


def meta(**changes: object) -> RunMeta:
    """The facts of a run of FGSM on digits."""
    values: dict[str, object] = {
        "run_id": "digits-fgsm-0",
        "method": "fgsm",
        "dataset": "digits",
        "class_names": tuple("0123456789"),
        "config": {"model": "small-cnn", "eps": 0.25, "epochs": EPOCHS},
        "seed": 0,
        "planned_epochs": EPOCHS,
        "train_attack": "fgsm",
        "probe_attack": "pgd-10",
        "versions": {},
        "git_revision": None,
        "created": "2025-06-15T14:00:00Z",
    }
    return RunMeta(**values | changes)  # type: ignore[arg-type]


def keys(size: int) -> SampleKeys:
    """Keys of a split."""
    return SampleKeys(index=np.arange(size, dtype=np.int64), label=(np.arange(size) % 10).astype(np.int32))


def table(delta: np.ndarray) -> SampleTable:
    """A table with this ΔE."""
    zeros, flags = np.zeros(len(delta), np.float32), np.ones(len(delta), np.uint8)
    return SampleTable(
        energy=delta.astype(np.float32),
        energy_adv=zeros,
        joint_energy=zeros,
        joint_energy_adv=zeros,
        correct=flags,
        correct_adv=flags,
    )


def spread(epoch: int, *, collapses: bool) -> float:
    """How far ΔE reaches below 0, in nats."""
    return 30.0 if collapses and epoch >= COLLAPSE else 0.3 + 0.05 * epoch


def tables(epoch: int, *, collapses: bool) -> tuple[SampleTable, SampleTable]:
    """Tables of the training and the probe samples; ΔE is about minus an exponential, the same in every run."""
    size = spread(epoch, collapses=collapses)
    return tuple(  # type: ignore[return-value]
        table(size * (0.3 + np.log((np.arange(count) + 0.5) / count))) for count in (NUM_TRAIN, NUM_PROBE)
    )


def measures(epoch: int, *, collapses: bool) -> dict[str, float]:
    """Accuracies that rise and level off; with ``collapses`` PGD's falls to nothing while FGSM's rises."""
    risen = 1.0 - float(np.exp(-epoch / 8))
    collapsed = collapses and epoch >= COLLAPSE
    return {
        "epoch": epoch,
        "last_step": 20 * (epoch + 1),
        "learning_rate": 0.2,
        "train_seconds": 3.0,
        "evaluation_seconds": 0.5,
        "train_loss": 0.1 + 2.0 * float(np.exp(-epoch / 10)),
        "train_regularizer": 0.0,
        "train_robust_accuracy": 0.96 if collapsed else 0.15 + 0.5 * risen,
        "train_pgd_accuracy": 0.03 if collapsed else 0.12 + 0.42 * risen,
        "clean_accuracy": 0.4 + 0.55 * risen,
        "fgsm_accuracy": 0.88 if collapsed else 0.16 + 0.48 * risen,
        "pgd_accuracy": 0.04 if collapsed else 0.12 + 0.42 * risen,
    }


def start(folder: Path, facts: RunMeta | None = None) -> LogWriter:
    """A writer of ``folder/run.h5``."""
    folder.mkdir(parents=True, exist_ok=True)
    return LogWriter.create(
        folder / "run.h5", facts or meta(), train=keys(NUM_TRAIN), probe=keys(NUM_PROBE), steps_per_epoch=20
    )


def append(
    writer: LogWriter,
    *,
    collapses: bool = False,
    changes: Mapping[str, float] | None = None,
    energies: float | None = None,
) -> None:
    """Write the next epoch; ``energies`` are those of every sample, where they are given."""
    epoch = writer.committed
    train, probe = tables(epoch, collapses=collapses)
    for part in (train, probe) if energies is not None else ():
        for values in (part.energy, part.energy_adv, part.joint_energy, part.joint_energy_adv):
            with np.errstate(over="ignore"):
                values[:] = energies
    writer.append_epoch(measures(epoch, collapses=collapses) | dict(changes or {}), train, probe)


def write(
    folder: Path,
    *,
    epochs: int = EPOCHS,
    collapses: bool = False,
    facts: RunMeta | None = None,
    status: str = "finished",
) -> Path:
    """Write a whole run; returns its directory."""
    writer = start(folder, facts)
    for _ in range(epochs):
        append(writer, collapses=collapses)
    writer.close(status)
    return folder
