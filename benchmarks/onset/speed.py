"""How long `workbench onset` takes on the log of a long run: 200 epochs of 50,000 samples in 391 steps each.

    python benchmarks/onset/speed.py [--repeats 7] [--log RUN ...]

Prints, for the command on a log with probe accuracies and on one without (then every step is judged), and for a Python
that only imports numpy and h5py, the least wall time and the least processor time (user and system) over the repeats:
on a machine that does other things too, the least is what the program costs. `onset` reads the tables of epochs and
steps and no samples, so the logs that are made here hold few of those.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

EPOCHS, STEPS, SAMPLES = 200, 391, 100
MADE = ("probe", "no-probe")
ONSET = ("-c", "from workbench.cli.entry import main; main()", "onset")
FLOOR = ("-c", "import numpy, h5py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--log", type=Path, nargs="+", help="runs to time the command on, in place of those made here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logs = arguments.log or [write_long_log(Path(folder) / f"{name}.h5", name == "probe") for name in MADE]
        commands = {f"workbench onset {log.name}": (*ONSET, str(log)) for log in logs}
        for name, command in {**commands, "import numpy, h5py": FLOOR}.items():
            spent = [_time([sys.executable, *command]) for _ in range(arguments.repeats)]
            wall, processor = (min(times) for times in zip(*spent, strict=True))
            print(f"{name}: {wall:.2f} s wall, {processor:.2f} s processor (least of {arguments.repeats})")


def write_long_log(path: Path, probed: bool) -> Path:
    """A healthy run with every step that 50,000 samples in batches of 128 take, with or without probe accuracies."""
    rng = np.random.default_rng(0)
    keys = SampleKeys(index=np.arange(SAMPLES), label=(np.arange(SAMPLES) % 10).astype(np.int32))
    meta = RunMeta(
        run_id="long",
        method="fgsm",
        dataset="synthetic",
        class_names=tuple("0123456789"),
        config={"model": "preact-resnet18", "eps": 8 / 255, "epochs": EPOCHS, "batch_size": 128},
        seed=0,
        planned_epochs=EPOCHS,
        train_attack="fgsm",
        probe_attack="pgd-10",
        versions={},
        git_revision=None,
        created="2026-01-01T00:00:00Z",
    )
    with LogWriter.create(path, meta, train=keys, probe=keys, steps_per_epoch=STEPS) as writer:
        for epoch in range(EPOCHS):
            robust = 0.25 + 0.3 * epoch / EPOCHS
            for step in range(epoch * STEPS, (epoch + 1) * STEPS):
                accuracy = robust + rng.normal(0.0, 0.04)
                writer.append_step({"step": step, "epoch": epoch, "adversarial_accuracy": accuracy, **_SPREAD})
            measures = {
                "epoch": epoch,
                "last_step": (epoch + 1) * STEPS,
                "train_clean_accuracy": robust + 0.2,
                "train_robust_accuracy": robust,
            }
            if probed:
                measures |= {"fgsm_accuracy": robust + 0.02, "pgd_accuracy": robust, "train_pgd_accuracy": robust}
            writer.append_epoch(measures, _table(rng), _table(rng))
    return path


_SPREAD = {"loss": 1.0, "delta_energy_mean": -0.4, "delta_energy_std": 0.4}


def _table(rng: np.random.Generator) -> SampleTable:
    energy, delta, loss = rng.normal(-8.0, 2.0, SAMPLES), rng.normal(-0.4, 0.4, SAMPLES), rng.exponential(0.5, SAMPLES)
    parts = (energy, energy - delta, energy + loss, energy - delta + 2 * loss)
    e, e_adv, joint, joint_adv = (part.astype(np.float32) for part in parts)
    correct = (loss < 0.7).astype(np.uint8)
    return SampleTable(
        energy=e, energy_adv=e_adv, joint_energy=joint, joint_energy_adv=joint_adv, correct=correct, correct_adv=correct
    )


def _time(command: Sequence[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, os.times()
    return wall, after.children_user - before.children_user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
