from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

MakeRun = Callable[..., Path]
NUM_SAMPLES = 5
FACTS: dict[str, Any] = {
    "run_id": "r1",
    "method": "fgsm",
    "dataset": "digits",
    "class_names": tuple("0123456789"),
    "config": {"eps": 0.3, "model": "small-cnn"},
    "seed": 7,
    "planned_epochs": 6,
    "train_attack": "fgsm",
    "probe_attack": "pgd-10",
    "versions": {},
    "git_revision": None,
    "created": "2026-01-02T03:04:05Z",
}


def samples(delta: Sequence[float] | None) -> SampleTable | None:
    """A table with these delta energies."""
    if delta is None:
        return None
    table = SampleTable.empty(NUM_SAMPLES)
    table.energy[:] = delta
    table.energy_adv[:] = 0.0
    return table


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A function that writes a run directory from facts and epochs: measures, and ΔE per sample as "train", "probe"."""

    def make(
        epochs: Sequence[Mapping[str, Any]] = (),
        *,
        name: str = "run",
        status: str = "finished",
        kept: Sequence[int] = (),
        **facts: Any,
    ) -> Path:
        folder = tmp_path / name
        (folder / "checkpoints").mkdir(parents=True)
        for epoch in kept:
            (folder / "checkpoints" / f"epoch-{epoch:06d}.safetensors").touch()
        keys = SampleKeys(index=np.arange(NUM_SAMPLES), label=np.zeros(NUM_SAMPLES, dtype=np.int32))
        meta = RunMeta(**{**FACTS, **facts})
        with LogWriter.create(folder / "run.h5", meta, train=keys, probe=keys) as writer:
            for number, epoch in enumerate(epochs):
                measures = {key: value for key, value in epoch.items() if key not in ("train", "probe")}
                tables = (samples(epoch.get(split)) for split in ("train", "probe"))
                writer.append_epoch({"epoch": number, **measures}, *tables)
            writer.close(status)
        return folder

    return make


def accuracies(clean: float, fgsm: float, pgd: float) -> dict[str, float]:
    return {"clean_accuracy": clean, "fgsm_accuracy": fgsm, "pgd_accuracy": pgd}


@pytest.fixture
def collapsed() -> list[dict[str, Any]]:
    """Six epochs; PGD accuracy is best at 2 and collapses at 4."""
    pgd = [0.2, 0.4, 0.5, 0.45, 0.1, 0.0]
    return [
        accuracies(0.9, value + 0.2 if epoch < 4 else 0.8, value)
        | {"train": np.arange(5.0) * (epoch + 1), "probe": [2.0] * 5}
        for epoch, value in enumerate(pgd)
    ]
