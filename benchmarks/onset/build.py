"""Build a corpus of short training runs with known onsets, for judging the onset detectors.

    OMP_NUM_THREADS=1 python benchmarks/onset/build.py --out DIR --jobs 1 [--folder IMAGES] [--only 'folder-*']

Runs that are there are kept, one that was cut off is resumed, so the command may be repeated. A run takes 10 (digits)
to 40 seconds (robust overfitting, folder) of a quiet core. Seeds with an even number are for development, odd ones are
held out (``split_of``). ``--folder`` adds runs on CIFAR-10 in the layout of ``--data folder:DIR``.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

SMALL: Mapping[str, Any] = {
    "model": "small-cnn",
    "width": 10,
    "epochs": 20,
    "lr": 0.2,
    "schedule": "triangular",
    "batch_size": 48,
    "weight_decay": 1e-3,
    "train_size": 720,
    "probe_size": 250,
    "train_probe_size": 0,
    "keep_last": 1,
    "keep_best": False,
}
"""What the digits runs have in common: small enough for some seconds a run."""

FEW_IMAGES: Mapping[str, Any] = {"train_size": 150, "probe_size": 500, "train_probe_size": 150, "epochs": 60}
"""Few training images, a large probe set and many epochs; by itself that does not overfit robustly on digits."""

MEMORISE: Mapping[str, Any] = {
    "width": 8,
    "epochs": 40,
    "lr": 0.1,
    "schedule": "flat",
    "batch_size": 50,
    "weight_decay": 0.0,
    "train_size": 240,
    "probe_size": 500,
    "train_probe_size": 100,
}
"""Few images and no weight decay: with wrong labels to memorise, robust overfitting; without, none."""

IMAGES: Mapping[str, Any] = {
    "width": 8,
    "epochs": 10,
    "lr": 0.1,
    "schedule": "flat",
    "batch_size": 32,
    "weight_decay": 5e-4,
    "train_size": 1000,
}
"""Three classes of CIFAR-10: small enough for half a minute a run, and easy enough to overfit catastrophically."""

CLASSES = ("airplane", "automobile", "frog")
PRONE_SEEDS = 8
"""Seeds of the kinds that had overfitted catastrophically with four; the number was fixed before any was looked at."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of run.

    Attributes:
        data: "digits" or "folder".
        wrong_labels: share of the training labels drawn at random, the images being another choice in each seed;
            None for the data as they are.
        schedule: of ``SCHEDULES``, in place of the trainers' own; "" for theirs.
        seeds: runs with seeds 0 to ``seeds`` - 1.
    """

    name: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "digits"
    wrong_labels: float | None = None
    schedule: str = ""
    seeds: int = 4


def restarts(progress: float) -> float:
    """Three half cosines: warm restarts (Loshchilov & Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * (3.0 * progress % 1.0)))


def warm_up(progress: float) -> float:
    """Linear over the first third, then constant."""
    return min(1.0, 3.0 * progress)


SCHEDULES: Mapping[str, Callable[[float], float]] = {"restarts": restarts, "warm-up": warm_up}


def _grid(method: str, *radii: float, seeds: int = 4, **settings: Any) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(name=f"{method}-{eps:.2f}", method=method, settings={"eps": eps, **settings}, seeds=seeds)
        for eps in radii
    )


DIGITS: tuple[Scenario, ...] = (
    *_grid("fgsm", 0.12, 0.20, 0.26),
    *_grid("fgsm", 0.30, 0.36, seeds=PRONE_SEEDS),
    *_grid("rs-fgsm", 0.18, 0.30),
    *_grid("rs-fgsm", 0.36, seeds=PRONE_SEEDS),
    *_grid("n-fgsm", 0.18),
    *_grid("n-fgsm", 0.30, seeds=PRONE_SEEDS),
    *_grid("fgsm-der", 0.30, der_beta=15.0, der_penalty="abs"),
    *_grid("pgd", 0.18),
    *_grid("standard", 0.20),
    Scenario(name="fgsm-flat", method="fgsm", settings={"eps": 0.30, "schedule": "flat"}, seeds=PRONE_SEEDS),
    Scenario(name="n-fgsm-flat", method="n-fgsm", settings={"eps": 0.36, "schedule": "flat"}, seeds=PRONE_SEEDS),
    Scenario(
        name="n-fgsm-long",
        method="n-fgsm",
        settings={"eps": 0.30, "width": 24, "epochs": 40, "batch_size": 64, "train_size": 0},
    ),
    Scenario(name="lr-drop", method="fgsm", settings={"eps": 0.14, "schedule": "stepped"}),
    Scenario(name="restarts", method="fgsm", settings={"eps": 0.14}, schedule="restarts"),
    Scenario(name="warm-up", method="fgsm", settings={"eps": 0.20}, schedule="warm-up"),
    Scenario(name="label-noise", method="fgsm", settings={"eps": 0.14}, wrong_labels=0.2),
    Scenario(name="small-batches", method="rs-fgsm", settings={"eps": 0.14, "batch_size": 12, "epochs": 12}),
    Scenario(name="pgd-few-images", method="pgd", settings={**FEW_IMAGES, "eps": 0.20, "schedule": "flat", "lr": 0.1}),
)
ROBUST: tuple[Scenario, ...] = tuple(
    Scenario(name=name, method=method, settings={**MEMORISE, "eps": eps}, wrong_labels=wrong)
    for name, method, eps, wrong in (
        ("ro-pgd-0.12", "pgd", 0.12, 0.4),
        ("ro-n-fgsm-0.08", "n-fgsm", 0.08, 0.4),
        ("ro-pgd-clean", "pgd", 0.12, 0.0),
        ("ro-fgsm-0.08", "fgsm", 0.08, 0.3),
        ("ro-n-fgsm-0.15", "n-fgsm", 0.15, 0.3),
    )
)
FOLDER: tuple[Scenario, ...] = tuple(
    Scenario(
        name=f"folder-{method}-{radius}",
        method=method,
        settings={**IMAGES, "eps": radius / 255},
        data="folder",
        seeds=seeds,
    )
    for method, radius, seeds in (
        ("fgsm", 32, PRONE_SEEDS),
        ("fgsm", 16, 4),
        ("fgsm-der", 16, 4),
        ("fgsm", 4, 4),
    )
)


def split_of(seed: int) -> str:
    """Which half of the corpus a seed belongs to: fixed before any run was looked at."""
    return "held-out" if seed % 2 else "development"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where the runs go")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--folder", type=Path, help="CIFAR-10 as DIR/train/CLASS/*.jpg or *.png: also runs on that")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="kinds of runs whose name matches this")
    arguments = parser.parse_args()
    scenarios = DIGITS + ROBUST + (FOLDER if arguments.folder else ())
    with ProcessPoolExecutor(arguments.jobs) as pool:
        jobs = [
            pool.submit(_train, scenario, seed, arguments.folder, arguments.out)
            for seed in range(PRONE_SEEDS)
            for scenario in scenarios
            if seed < scenario.seeds and fnmatch(scenario.name, arguments.only)
        ]
        for number, job in enumerate(jobs, 1):
            print(f"{number}/{len(jobs)} {job.result()}", flush=True)


def _train(scenario: Scenario, seed: int, images: Path | None, out: Path) -> str:
    """Train or go on; a run whose loss stops being finite is named and left as it is."""
    import torch

    from trainers.errors import WorkbenchError
    from trainers.loop import fit, resume
    from trainers.recipes import complete

    torch.set_num_threads(1)
    folder = out / f"{scenario.name}-s{seed}"
    settings = {**SMALL, "method": scenario.method, "seed": seed, **scenario.settings}
    try:
        with _schedule(scenario):
            if (folder / "config.toml").exists():
                outcome = resume(folder)
            else:
                outcome = fit(complete({**settings, "data": _data(scenario, settings, images, out / "data")}), folder)
    except WorkbenchError as error:
        return f"{folder.name}: {error}"
    return f"{folder.name}: {outcome.value}"


def _data(scenario: Scenario, settings: Mapping[str, Any], images: Path | None, out: Path) -> str:
    """The name of the data of a run, which are made in ``out`` where they are not there yet."""
    if images is not None and scenario.data == "folder":
        (out / "three-classes" / "train").mkdir(parents=True, exist_ok=True)
        for name in CLASSES:
            link = out / "three-classes" / "train" / name
            if not link.exists():
                link.symlink_to((images / "train" / name).absolute(), target_is_directory=True)
        return f"folder:{out / 'three-classes'}"
    if scenario.wrong_labels is None:
        return scenario.data
    path = out / f"{scenario.name}-s{settings['seed']}.npz"
    return f"npz:{_noisy_digits(path, scenario.wrong_labels, settings)}"


def _noisy_digits(path: Path, share: float, settings: Mapping[str, Any]) -> Path:
    """Digits drawn with the run's seed, a share of their training labels at random; the probe labels are right."""
    if not path.exists():
        from trainers.data import load_data

        data = load_data("digits", probe_size=int(settings["probe_size"]))
        rng = np.random.default_rng(settings["seed"])
        rows = rng.permutation(len(data.train))[: settings["train_size"]]
        labels = data.train.labels.numpy()[rows]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            x_train=data.train.images.numpy()[rows] * np.float32(data.train.scale),
            y_train=np.where(rng.random(len(rows)) < share, rng.integers(0, 10, len(rows)), labels),
            x_probe=data.probe.images.numpy() * np.float32(data.probe.scale),
            y_probe=data.probe.labels.numpy(),
        )
    return path


def _schedule(scenario: Scenario) -> AbstractContextManager[Any]:
    """Restarts and warm-ups are no schedules of the trainers, so the loop's function is replaced."""
    if not scenario.schedule:
        return nullcontext()
    shape = SCHEDULES[scenario.schedule]

    def rate(schedule: str, peak: float, step: int, total_steps: int) -> float:
        return peak * shape((step + 0.5) / total_steps)

    return mock.patch("trainers.loop.learning_rate", rate)


if __name__ == "__main__":
    main()
