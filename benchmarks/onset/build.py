"""Build a corpus of short training runs with known onsets, for judging the onset detectors.

    OMP_NUM_THREADS=1 python benchmarks/onset/build.py --out DIR --jobs 1 [--seeds 4] [--folder IMAGES]

Runs that are there are kept, one that was cut off is resumed, so the command may be repeated. A digits run takes about
10 seconds of a quiet core. Seeds with an even number are for development, odd ones are held out (``split_of``).
``--folder`` adds a few runs on an image folder in the layout of ``--data folder:DIR``.
"""

import argparse
import math
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
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

OVERFIT: Mapping[str, Any] = {"train_size": 150, "probe_size": 500, "train_probe_size": 150, "epochs": 60}
"""Few training images, a large probe set and many epochs: robust overfitting."""

IMAGES: Mapping[str, Any] = {
    **SMALL,
    "eps": 8 / 255,
    "train_size": 2000,
    "width": 12,
    "epochs": 10,
    "batch_size": 64,
    "lr": 0.1,
}
NOISY_SHARE = 0.2
RESTARTS = 3


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of run; ``data`` is digits, noisy (digits with wrong training labels) or folder."""

    name: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "digits"
    restarts: bool = False


def _grid(method: str, *radii: float, **settings: Any) -> tuple[Scenario, ...]:
    return tuple(
        Scenario(name=f"{method}-{eps:.2f}", method=method, settings={"eps": eps, **settings}) for eps in radii
    )


DIGITS: tuple[Scenario, ...] = (
    *_grid("fgsm", 0.12, 0.20, 0.26, 0.30, 0.36),
    *_grid("rs-fgsm", 0.18, 0.30, 0.36),
    *_grid("n-fgsm", 0.18, 0.30),
    *_grid("fgsm-der", 0.30, der_beta=15.0, der_penalty="abs"),
    *_grid("pgd", 0.18),
    *_grid("standard", 0.20),
    Scenario(name="fgsm-flat", method="fgsm", settings={"eps": 0.30, "schedule": "flat"}),
    Scenario(name="lr-drop", method="fgsm", settings={"eps": 0.14, "schedule": "stepped"}),
    Scenario(name="restarts", method="fgsm", settings={"eps": 0.14}, restarts=True),
    Scenario(name="label-noise", method="fgsm", settings={"eps": 0.14}, data="noisy"),
    Scenario(name="small-batches", method="rs-fgsm", settings={"eps": 0.14, "batch_size": 12, "epochs": 12}),
    Scenario(name="pgd-few-images", method="pgd", settings={**OVERFIT, "eps": 0.20, "schedule": "flat", "lr": 0.1}),
)
FOLDER: tuple[Scenario, ...] = tuple(
    Scenario(name=f"folder-{method}-{radius}", method=method, settings={**IMAGES, "eps": radius / 255}, data="folder")
    for method, radius in (("fgsm", 16), ("fgsm", 4), ("rs-fgsm", 16))
)


def split_of(seed: int) -> str:
    """Which half of the corpus a seed belongs to: fixed before any run was looked at."""
    return "held-out" if seed % 2 else "development"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where the runs go")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="also a few runs on this image folder")
    arguments = parser.parse_args()
    data = {"digits": "digits", "noisy": f"npz:{_noisy_digits(arguments.out)}", "folder": f"folder:{arguments.folder}"}
    scenarios = DIGITS + (FOLDER if arguments.folder else ())
    with ProcessPoolExecutor(arguments.jobs) as pool:
        jobs = [
            pool.submit(_train, scenario, seed, data[scenario.data], arguments.out)
            for seed in range(arguments.seeds)
            for scenario in scenarios
        ]
        for number, job in enumerate(jobs, 1):
            print(f"{number}/{len(jobs)} {job.result()}", flush=True)


def _noisy_digits(out: Path) -> Path:
    """The digits with every fifth or so training label drawn at random; the probe labels are right."""
    path = out / "data" / "noisy-digits.npz"
    if not path.exists():
        from trainers.data import load_data

        data = load_data("digits", train_size=int(SMALL["train_size"]), probe_size=int(SMALL["probe_size"]))
        rng = np.random.default_rng(0)
        labels = data.train.labels.numpy()
        wrong = rng.random(len(labels)) < NOISY_SHARE
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            x_train=data.train.images.numpy() * np.float32(data.train.scale),
            y_train=np.where(wrong, rng.integers(0, 10, len(labels)), labels),
            x_probe=data.probe.images.numpy() * np.float32(data.probe.scale),
            y_probe=data.probe.labels.numpy(),
        )
    return path


def _train(scenario: Scenario, seed: int, data: str, out: Path) -> str:
    """Train or go on; a run whose loss stops being finite is named and left as it is."""
    import torch

    from trainers.errors import WorkbenchError
    from trainers.loop import fit, resume
    from trainers.recipes import complete

    torch.set_num_threads(1)
    folder = out / f"{scenario.name}-s{seed}"
    config = complete({**SMALL, "method": scenario.method, "data": data, "seed": seed, **scenario.settings})
    try:
        with _schedule(scenario):
            outcome = resume(folder) if (folder / "config.toml").exists() else fit(config, folder)
    except WorkbenchError as error:
        return f"{folder.name}: {error}"
    return f"{folder.name}: {outcome.value}"


def _schedule(scenario: Scenario) -> AbstractContextManager[Any]:
    """Warm restarts (Loshchilov & Hutter 2017) are no schedule of the trainers, so the loop's function is replaced."""

    def restarting(schedule: str, peak: float, step: int, total_steps: int) -> float:
        progress = (step + 0.5) / total_steps * RESTARTS % 1.0
        return peak * 0.5 * (1.0 + math.cos(math.pi * progress))

    return mock.patch("trainers.loop.learning_rate", restarting) if scenario.restarts else nullcontext()


if __name__ == "__main__":
    main()
