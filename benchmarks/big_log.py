"""Write a large energy log through LogWriter: 200 epochs of 50,000 training samples, with a catastrophic onset.

Command:  python benchmarks/big_log.py OUT/run.h5 [--epochs 200] [--samples 50000] [--probe 1000] [--keep-bits 23]
Result:   a finished log (about 130 MiB at full size, some seconds to write) for the start-up and summary benchmarks;
          prints what its training tables (energies and flags) take on disk, and what writing an epoch takes.

The energies are made up: independent normal numbers, so that no bit of a mantissa follows from another.
"""

import argparse
import time
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.energylog import SAMPLE_COLUMNS, LogWriter, RunMeta, SampleKeys, SampleTable
from trainers.spec import MANTISSA_BITS, LogMode

NUM_CLASSES = 10


def write_big_log(
    path: Path,
    *,
    epochs: int = 200,
    num_train: int = 50_000,
    num_probe: int = 1_000,
    seed: int = 0,
    keep_bits: int = MANTISSA_BITS,
    seconds: list[float] | None = None,
    mode: LogMode = "auto",
    status: str = "finished",
) -> Path:
    """Write a log whose run overfits catastrophically at 60 % of its length.

    Args:
        path: the file to write; must not exist.
        epochs: epochs to write.
        num_train: training samples per epoch.
        num_probe: probe samples per epoch.
        seed: of the made-up energies.
        keep_bits: bits of mantissa that the energies keep.
        seconds: takes how long each epoch took to write.
        mode: how the log is written.
        status: how the run ends; in segments, "stopped" leaves them.

    Returns:
        ``path``.
    """
    rng = np.random.default_rng(seed)
    keys = {
        name: SampleKeys(
            index=np.arange(size, dtype=np.int64), label=rng.integers(0, NUM_CLASSES, size).astype(np.int32)
        )
        for name, size in (("train", num_train), ("probe", num_probe))
    }
    meta = RunMeta(
        run_id="big",
        method="fgsm",
        dataset="synthetic",
        class_names=tuple(str(label) for label in range(NUM_CLASSES)),
        config={"model": "preact-resnet18", "eps": 8 / 255, "epochs": epochs, "batch_size": 128},
        seed=seed,
        planned_epochs=epochs,
        train_attack="fgsm",
        probe_attack="pgd-10",
        versions={},
        git_revision=None,
        created="2025-01-01T00:00:00Z",
        keep_bits=keep_bits,
    )
    onset = int(0.6 * epochs)
    with LogWriter.create(path, meta, train=keys["train"], probe=keys["probe"], steps_per_epoch=1, mode=mode) as writer:
        for epoch in range(epochs):
            train = _table(rng, num_train, _spread(epoch, onset))
            probe = _table(rng, num_probe, 2.0 * _spread(epoch, onset))
            start = time.perf_counter()
            writer.append_step({"step": epoch, "epoch": epoch, "loss": 1.0})
            writer.append_epoch(_measures(epoch, epochs, onset), train, probe)
            if seconds is not None:
                seconds.append(time.perf_counter() - start)
        writer.close(status)
    return path


def bytes_per_sample_epoch(path: Path) -> float:
    """What the training tables of a log take on disk, per sample and epoch; chunks without their index."""
    with h5py.File(path) as log:
        tables = [log[f"train/{column.name}"] for column in SAMPLE_COLUMNS]
        return sum(table.id.get_storage_size() for table in tables) / tables[0].size


def _measures(epoch: int, epochs: int, onset: int) -> dict[str, float]:
    progress = (epoch + 1) / epochs
    collapsed = epoch >= onset
    return {
        "epoch": epoch,
        "last_step": epoch + 1,
        "learning_rate": 0.2 * (1 - progress),
        "train_seconds": 10.0,
        "evaluation_seconds": 1.0,
        "train_loss": 2.3 * np.exp(-3 * progress),
        "train_regularizer": 0.0,
        "train_clean_accuracy": 0.4 + 0.5 * progress,
        "train_robust_accuracy": 0.9 if collapsed else 0.3 + 0.3 * progress,
        "train_pgd_accuracy": 0.02 if collapsed else 0.25 + 0.25 * progress,
        "clean_accuracy": 0.4 + 0.45 * progress,
        "fgsm_accuracy": 0.85 if collapsed else 0.3 + 0.25 * progress,
        "pgd_accuracy": 0.01 if collapsed else 0.25 + 0.25 * progress,
    }


def _spread(epoch: int, onset: int) -> float:
    return 0.4 if epoch < onset else 20.0


def _table(rng: np.random.Generator, size: int, spread: float) -> SampleTable:
    energy = rng.normal(-8.0, 2.0, size)
    delta = rng.normal(-spread, spread, size)
    loss = rng.exponential(0.5, size)
    correct = (loss < 0.7).astype(np.uint8)
    return SampleTable(
        energy=_float32(energy),
        energy_adv=_float32(energy - delta),
        joint_energy=_float32(energy + loss),
        joint_energy_adv=_float32(energy - delta + 2 * loss),
        correct=correct,
        correct_adv=correct * (loss < 0.4).astype(np.uint8),
    )


def _float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)


def main() -> None:
    """Write the log that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--probe", type=int, default=1_000)
    parser.add_argument("--keep-bits", type=int, default=MANTISSA_BITS)
    parser.add_argument("--mode", choices=get_args(LogMode), default="auto")
    parser.add_argument("--status", choices=["finished", "stopped"], default="finished")
    arguments = parser.parse_args()
    seconds: list[float] = []
    start = time.perf_counter()
    write_big_log(
        arguments.path,
        epochs=arguments.epochs,
        num_train=arguments.samples,
        num_probe=arguments.probe,
        keep_bits=arguments.keep_bits,
        seconds=seconds,
        mode=arguments.mode,
        status=arguments.status,
    )
    print(f"writing an epoch: median {np.median(seconds):.3f} s, longest {max(seconds):.3f} s")
    print(f"all of it, making up the energies and ending the run: {time.perf_counter() - start:.0f} s")
    if arguments.status == "stopped" and arguments.mode == "segments":
        return
    size = arguments.path.stat().st_size
    print(
        f"{arguments.path}: {size / 2**20:.0f} MiB, {size / arguments.samples / arguments.epochs:.2f} bytes in all and"
    )
    print(f"{bytes_per_sample_epoch(arguments.path):.2f} bytes of training tables per training sample and epoch")


if __name__ == "__main__":
    main()
