"""A log of ImageNet's size: 1,000 epochs of 1,281,167 training samples, in bounded memory.

Command:  python benchmarks/scale.py FOLDER [--epochs 1000] [--samples 1281167] [--every 100] [--bound 300]
Result:   a table of times and peak memory (resident set) of the writer and of each reader, every one a process of its
          own; exit 1 if one fails or needs more memory than --bound MiB. A log that is there is not written again.

The layout is whole, the data are sparse: every so many epochs have energies, the others are rows that say "not
recorded". Nothing is left out of the file: each epoch has all its chunks.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

READ_SAMPLES = (
    "import sys; from trainers.energylog import EnergyLog\n"
    "with EnergyLog.open(sys.argv[1]) as log: print(len(log.samples('train', 'energy', int(sys.argv[2]))))"
)


def write_sparse_log(path: Path, *, epochs: int, num_train: int, every: int) -> None:
    """Write a finished log in which every so many epochs have energies."""
    from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

    def keys(size: int) -> SampleKeys:
        index = np.arange(size, dtype=np.int64)
        return SampleKeys(index=index, label=(index % 1000).astype(np.int32))

    def table(size: int, epoch: int) -> SampleTable:
        rng = np.random.default_rng(epoch)
        filled = SampleTable.empty(size)
        rng.standard_normal(out=filled.energy, dtype=np.float32)
        rng.standard_normal(out=filled.energy_adv, dtype=np.float32)
        filled.joint_energy[:] = filled.energy + rng.standard_exponential(size, dtype=np.float32)
        filled.joint_energy_adv[:] = filled.energy_adv + rng.standard_exponential(size, dtype=np.float32)
        filled.correct[:] = filled.joint_energy - filled.energy < 0.7
        filled.correct_adv[:] = filled.joint_energy_adv - filled.energy_adv < 0.4
        return filled

    meta = RunMeta(
        run_id="scale",
        method="fgsm",
        dataset="synthetic",
        class_names=tuple(map(str, range(1000))),
        config={"record": "all", "epochs": epochs},
        seed=0,
        planned_epochs=epochs,
        train_attack="fgsm",
        probe_attack="pgd-10",
        versions={},
        git_revision=None,
        created="2026-01-01T00:00:00Z",
    )
    with LogWriter.create(path, meta, train=keys(num_train), probe=keys(1_000), steps_per_epoch=8) as writer:
        for epoch in range(epochs):
            for _ in range(8):
                writer.append_step({"loss": 1.0})
            train = table(num_train, epoch) if epoch % every == 0 else None
            accuracies = {"clean_accuracy": 0.6, "fgsm_accuracy": 0.4, "pgd_accuracy": 0.3 + 0.0001 * epoch}
            writer.append_epoch({"epoch": epoch, **accuracies}, train, table(1_000, epoch))


def measure(name: str, arguments: list[str], bound: int) -> bool:
    """Run Python with these arguments, print what it took, and say whether it kept to the bound."""
    start = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments],
        {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    code, peak = os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024
    remark = "" if code == 0 else f"   exit {code}"
    remark += "" if peak <= bound else f"   over {bound} MiB"
    seconds = f"{time.perf_counter() - start:8.1f} s {used.ru_utime + used.ru_stime:8.1f} s of processor"
    print(f"{name:44} {seconds} {peak:7.0f} MiB{remark}", flush=True)
    return code == 0 and peak <= bound


def main() -> None:
    """Write the log, and read it in every way that there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=1_000)
    parser.add_argument("--samples", type=int, default=1_281_167)
    parser.add_argument("--every", type=int, default=100, help="epochs from one with energies to the next")
    parser.add_argument("--bound", type=int, default=300, help="MiB")
    parser.add_argument("--write", action="store_true", help="only write the log")
    parser.add_argument("--skip-check", action="store_true", help="leave out check, which reads every chunk")
    options = parser.parse_args()
    log = options.folder / "run.h5"
    if options.write:
        write_sparse_log(log, epochs=options.epochs, num_train=options.samples, every=options.every)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    sizes = [f"--epochs={options.epochs}", f"--samples={options.samples}", f"--every={options.every}"]
    last = (options.epochs - 1) // options.every * options.every
    one = ["--tables", "samples", "--epochs", f"{last}:{last + 1}", "--split", "train", "--force"]
    file = str(options.folder / "samples.parquet")
    rows = {
        "inspect --json": ["-m", "workbench", "inspect", str(log), "--json"],
        "onset": ["-m", "workbench", "onset", str(log)],
        "samples() of one epoch": ["-c", READ_SAMPLES, str(log), str(last)],
        "export of epochs, steps, events, onsets": _export(log, "--force", "--out", str(options.folder / "csv")),
        "export of one epoch's samples (Parquet)": _export(log, *one, "--out", file),
        **({} if options.skip_check else {"check": ["-m", "workbench", "check", str(log)]}),
    }
    kept = True
    if not log.exists():
        kept = measure("write", [__file__, str(options.folder), "--write", *sizes], options.bound)
    for name, arguments in rows.items():
        kept &= measure(name, arguments, options.bound)
    print(f"{log.stat().st_size / 2**20:.0f} MiB, {last // options.every + 1} of {options.epochs} epochs with energies")
    sys.exit(not kept)


def _export(log: Path, *options: str) -> list[str]:
    return ["-m", "workbench", "export", str(log), *options]


if __name__ == "__main__":
    main()
