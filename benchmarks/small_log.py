"""A small real log in the three forms that one can be found in, to be mutated."""

import shutil
import struct
from pathlib import Path

import h5py
import numpy as np

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

BASES = ("finished", "killed", "segments")
NUM_EPOCHS = 9
SIZES = {"train": 150, "probe": 40}
STEPS_PER_EPOCH = 12


def build_bases(root: Path) -> None:
    """Write ``root/BASE/run.h5`` for each of BASES: closed, as a killed writer leaves it, and stopped in segments."""
    for base in BASES:
        (root / base).mkdir()
    with _create(root / "finished" / "run.h5", "swmr") as writer:
        _fill(writer)
    with _create(root / "live.h5", "swmr") as writer:
        _fill(writer)
        shutil.copy(root / "live.h5", root / "killed" / "run.h5")
    _grow_old(root / "killed" / "run.h5")
    writer = _create(root / "segments" / "run.h5", "segments")
    _fill(writer)
    writer.close("stopped")


def _create(path: Path, mode: str) -> LogWriter:
    keys = {name: _keys(size) for name, size in SIZES.items()}
    return LogWriter.create(path, _META, **keys, steps_per_epoch=STEPS_PER_EPOCH, mode=mode)


def _grow_old(path: Path) -> None:
    """Set the heartbeat of a copy of a live log back: a reader would take it for live otherwise."""
    with h5py.File(path, "r", swmr=True) as file:
        chunk = file["state/heartbeat"].id.get_chunk_info(0)
    value = struct.pack("<d", 1.7e9)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset)
        stream.write(value + fletcher32(value))


def fletcher32(data: bytes) -> bytes:
    """The checksum that HDF5 appends to a chunk, little endian.

    Sums of big-endian 16-bit words modulo 65535; an odd last byte counts as the high one.
    """
    words = np.frombuffer(data + b"\0" * (len(data) % 2), dtype=">u2").astype(np.uint64)
    low = int(words.sum() % 65_535)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % 65_535
    high = int((words * weights % 65_535).sum() % 65_535)
    return ((high or (65_535 if words.any() else 0)) << 16 | (low or (65_535 if words.any() else 0))).to_bytes(
        4, "little"
    )


def _keys(size: int) -> SampleKeys:
    index = np.arange(size, dtype=np.int64) * 2
    return SampleKeys(index=index, label=(index % 3).astype(np.int32))


def _table(rng: np.random.Generator, size: int, spread: float) -> SampleTable:
    table = SampleTable.empty(size)
    table.energy[:] = rng.normal(-8, 1, size)
    table.energy_adv[:] = table.energy + rng.normal(0.2, spread, size)
    table.joint_energy[:], table.joint_energy_adv[:] = table.energy + 0.5, table.energy_adv + 1.0
    table.correct[:], table.correct_adv[:] = rng.integers(0, 2, (2, size))
    return table


def _fill(writer: LogWriter) -> None:
    rng = np.random.default_rng(0)
    for epoch in range(NUM_EPOCHS):
        for _ in range(STEPS_PER_EPOCH - 1):
            writer.append_step({"loss": float(rng.normal()), "learning_rate": 0.1, "adversarial_accuracy": 0.5})
        collapsed = epoch > 5
        measures = {
            "epoch": epoch,
            "train_loss": 2.0 - 0.1 * epoch,
            "clean_accuracy": 0.5 + 0.02 * epoch,
            "fgsm_accuracy": 0.45 + 0.03 * epoch,
            "pgd_accuracy": 0.02 if collapsed else 0.3 + 0.02 * epoch,
        }
        tables = [_table(rng, size, 2.0 if collapsed else 0.2) for size in SIZES.values()]
        writer.append_epoch(measures, *tables)
    writer.append_event(kind="catastrophic", epoch=6, step=70, message="PGD accuracy collapsed")


_META = RunMeta(
    run_id="small",
    method="fgsm",
    dataset="digits",
    class_names=("zero", "one", "two"),
    config={"eps": 0.3, "model": "small-cnn"},
    seed=3,
    planned_epochs=NUM_EPOCHS,
    train_attack="fgsm",
    probe_attack="pgd-10",
    versions={"numpy": "2"},
    git_revision=None,
    created="2026-01-01T00:00:00+00:00",
)
