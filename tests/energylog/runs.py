"""A run whose every number follows from its epoch, so that any process can write it and any other can check it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers.energylog import EnergyLog, LogWriter, RunMeta, SampleKeys, SampleTable
from trainers.spec import LogMode

NUM_TRAIN = 2_000
NUM_PROBE = 50
STEPS_PER_EPOCH = 70  # two blocks of 35
STEPS_WRITTEN = 68  # so that the second one is padded
ENERGIES = ("energy", "energy_adv", "joint_energy", "joint_energy_adv")
FLAGS = ("correct", "correct_adv")
SIZE = {"train": NUM_TRAIN, "probe": NUM_PROBE}
ROOT = Path(__file__).resolve().parents[2]


def meta(**changes: Any) -> RunMeta:
    facts: dict[str, Any] = {
        "run_id": "digits-fgsm",
        "method": "fgsm",
        "dataset": "digits",
        "class_names": ("zero", "ein", "zwölf"),
        "config": {"eps": 0.3, "epochs": 40, "nested": {"schedule": [1, 2, None]}},
        "seed": 7,
        "planned_epochs": 40,
        "train_attack": "fgsm",
        "probe_attack": "pgd-10",
        "versions": {"numpy": "2.4"},
        "git_revision": "0123abc",
        "created": "2026-01-02T03:04:05Z",
    }
    return RunMeta(**(facts | changes))


def keys(split: str, size: int | None = None) -> SampleKeys:
    size = SIZE[split] if size is None else size
    index = np.arange(size, dtype=np.int64) * 3 + 1
    return SampleKeys(index=index, label=(index % 10).astype(np.int32))


def table(epoch: int, split: str) -> SampleTable:
    rng = np.random.default_rng([epoch, len(split), split == "train"])
    filled = SampleTable.empty(SIZE[split])
    for name in ENERGIES:
        getattr(filled, name)[:] = rng.normal(-10.0, 1.0 + epoch, SIZE[split])
    for name in FLAGS:
        getattr(filled, name)[:] = rng.integers(0, 2, SIZE[split])
    return filled


def measures(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "train_loss": 1.0 / (1 + epoch), "pgd_accuracy": 0.1 + 0.001 * epoch}


def step(epoch: int, number: int) -> dict[str, float]:
    return {"epoch": epoch, "step": epoch * STEPS_WRITTEN + number, "loss": epoch + number / 100.0}


def create(path: Path, mode: LogMode = "swmr", **changes: Any) -> LogWriter:
    train, probe = keys("train"), keys("probe")
    return LogWriter.create(path, meta(**changes), train=train, probe=probe, steps_per_epoch=STEPS_PER_EPOCH, mode=mode)


def append(writer: LogWriter, num_epochs: int) -> None:
    """The next epochs of the run."""
    for _ in range(num_epochs):
        epoch = writer.committed
        for number in range(STEPS_WRITTEN):
            writer.append_step(step(epoch, number))
        writer.append_epoch(measures(epoch), table(epoch, "train"), table(epoch, "probe"))


def assert_exact(log: EnergyLog, num_epochs: int, *, num_steps: int | None = None) -> None:
    """The log holds exactly the first ``num_epochs`` of the run."""
    assert log.committed == num_epochs
    for split in ("train", "probe"):
        assert len(log.histogram(split)) == len(log.epochs()) == num_epochs
        np.testing.assert_array_equal(log.keys(split).index, keys(split).index)
        np.testing.assert_array_equal(log.keys(split).label, keys(split).label)
    for epoch in range(num_epochs):
        assert_epoch(log, epoch)
    steps = log.steps()
    wanted = [step(epoch, number) for epoch in range(num_epochs) for number in range(STEPS_WRITTEN)]
    if num_steps is None:
        assert len(steps) >= len(wanted)
    else:
        assert len(steps) == num_steps
    for name in ("step", "epoch", "loss"):
        np.testing.assert_array_equal(steps[name][: len(wanted)], [row[name] for row in wanted])


def assert_epoch(log: EnergyLog, epoch: int) -> None:
    """The log holds this epoch of the run, bit for bit, and statistics that follow from it."""
    row = log.epochs()[epoch]
    for name, value in measures(epoch).items():
        assert row[name] == value
    for split in ("train", "probe"):
        expected = table(epoch, split)
        for name in (*ENERGIES, *FLAGS):
            np.testing.assert_array_equal(log.samples(split, name, epoch), getattr(expected, name))
        delta = expected.energy.astype(np.float64) - expected.energy_adv
        assert row[f"{split}_delta_energy_mean"] == pytest.approx(delta.mean(), rel=1e-5, abs=1e-5)
        assert row[f"{split}_delta_energy_q95"] == pytest.approx(np.percentile(delta, 95), rel=1e-5)
        assert log.histogram(split)[epoch].sum() == SIZE[split]


def contents(log: EnergyLog) -> dict[object, object]:
    """Everything a reader can say, but for times."""
    found: dict[object, object] = {
        "meta": log.meta,
        "committed": log.committed,
        "epochs": log.epochs().tobytes(),
        "steps": log.steps().tobytes(),
        "events": [event.tolist()[1:] for event in log.events()],
    }
    for split in ("train", "probe"):
        found[split, "histogram"] = log.histogram(split).tobytes()
        found[split, "keys"] = log.keys(split).index.tobytes() + log.keys(split).label.tobytes()
        for name in (*ENERGIES, *FLAGS):
            for epoch in range(log.committed):
                found[split, name, epoch] = log.samples(split, name, epoch).tobytes()
    return found


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def child(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start ``tests/energylog/child.py`` with pipes."""
    command = [sys.executable, "-m", "tests.energylog.child", *map(str, arguments)]
    pipes: Mapping[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **(pipes | options))


def reports(process: subprocess.Popen[str]) -> Iterator[int]:
    """The numbers of committed epochs that a child says, one per line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("\n") and line.strip().isdigit():
            yield int(line)
