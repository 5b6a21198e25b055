"""A log with everything an export must get right: missing values, infinite energies, hostile text, an onset."""

from pathlib import Path

import numpy as np

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

NUM_EPOCHS = 6
SIZES = {"train": 500, "probe": 40}
STEPS = 3
HOSTILE = "=cmd|' /C calc'!A0\x1b]0;t\x07\n[red]x\u202e, \"quoted\""
# FGSM and PGD accuracy: catastrophic overfitting from epoch 3 on.
CURVES = [(0.5, 0.40), (0.6, 0.50), (0.6, 0.50), (0.7, 0.15), (0.8, 0.05), (0.8, 0.0)]


def meta(**changes: object) -> RunMeta:
    facts = {
        "run_id": "digits\x1b[31m",
        "method": "fgsm",
        "dataset": "digits",
        "class_names": ("zero", "zwölf"),
        "config": {"eps": 0.3, "lr": float("inf"), "record": "all", "keep_bits": None},
        "seed": 7,
        "planned_epochs": NUM_EPOCHS,
        "train_attack": "fgsm",
        "probe_attack": "pgd-10",
        "versions": {"numpy": "2.4"},
        "git_revision": None,
        "created": "2026-01-02T03:04:05Z",
    }
    return RunMeta(**(facts | changes))  # type: ignore[arg-type]


def table(epoch: int, split: str) -> SampleTable:
    size = SIZES[split]
    rng = np.random.default_rng([epoch, size])
    filled = SampleTable.empty(size)
    for name in ("energy", "energy_adv", "joint_energy", "joint_energy_adv"):
        getattr(filled, name)[:] = rng.normal(-10.0, 1.0 + epoch, size)
    filled.correct[:] = rng.integers(0, 2, size)
    filled.correct_adv[:] = rng.integers(0, 2, size)
    filled.energy_adv[3] = np.nan
    filled.correct_adv[3] = 255
    filled.energy[4] = np.inf
    return filled


def write(folder: Path, *, num_epochs: int = NUM_EPOCHS, status: str = "finished", **facts: object) -> Path:
    """A run in ``folder``; the training tables of epoch 1 were not recorded."""
    folder.mkdir(parents=True)
    writer = start(folder, **facts)
    append(writer, num_epochs)
    writer.append_event(kind="note", epoch=min(2, num_epochs), step=6, message=HOSTILE)
    writer.close(status)
    return folder


def start(folder: Path, **facts: object) -> LogWriter:
    keys = {
        split: SampleKeys(index=np.arange(size) * 3 + 1, label=(np.arange(size) % 2).astype(np.int32))
        for split, size in SIZES.items()
    }
    return LogWriter.create(folder / "run.h5", meta(**facts), **keys, steps_per_epoch=STEPS)


def append(writer: LogWriter, num_epochs: int) -> None:
    for epoch in range(num_epochs):
        for number in range(STEPS):
            writer.append_step({"loss": 1.0 / (1 + epoch * STEPS + number), "delta_energy_mean": 0.1 * epoch})
        fgsm, pgd = CURVES[epoch]
        measures = {"epoch": epoch, "clean_accuracy": 0.9, "fgsm_accuracy": fgsm, "pgd_accuracy": pgd}
        measures |= {"train_seconds": 30.0, "evaluation_seconds": 10.0}
        writer.append_epoch(measures, None if epoch == 1 else table(epoch, "train"), table(epoch, "probe"))
