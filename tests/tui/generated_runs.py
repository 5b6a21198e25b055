"""Made-up folders of samples: written by the code that writes real ones, with energies that are known."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.tui.runs import NOW
from workbench.sampling.chain import Chain, Reason
from workbench.sampling.settings import Settings, write_settings
from workbench.sampling.spec import SamplingSpec
from workbench.sampling.store import SegmentWriter, merge

MEANS = (-6.0, -5.0, -4.0)
NAMES = ("cat", "dog", "owl")
STEPS = 20
CHECKPOINT = Path("/runs/pgd/checkpoints/epoch-000002.safetensors")


def chain(number: int, label: int, *, reason: Reason = Reason.ENERGY, shape: tuple[int, ...] = (1, 8, 8)) -> Chain:
    """A chain whose energy falls evenly to its class's mean, at step 5 + number % 4; its image tells its number."""
    step = 5 + number % 4
    energy = np.linspace(MEANS[label] + 2 + 0.1 * (number % 5), MEANS[label], step + 1).astype(np.float32)
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    pixels = (((rows + number) % 8 == columns % 8) * 1.0).astype(np.float32)
    image = np.broadcast_to(pixels, shape).copy()
    return Chain(
        number=number,
        label=label,
        step=step,
        x=image,
        velocity=np.zeros(shape, np.float32),
        start=image,
        joint=energy,
        marginal=energy - 1,
        margin=0.5,
        reason=reason,
    )


def spec(**changes: Any) -> SamplingSpec:
    """Settings of a folder."""
    values = {"labels": (0, 1, 2), "num": 12, "steps": STEPS, "min_steps": 5, "step_size": 0.1, "stop_tol": 0.04}
    return SamplingSpec(**values | changes)


def write_samples(
    folder: Path,
    settings: SamplingSpec | None = None,
    *,
    ended: int | None = None,
    merged: bool = True,
    names: tuple[str, ...] = NAMES,
    shape: tuple[int, ...] = (1, 8, 8),
    age: float = 60.0,
    diverged: frozenset[int] = frozenset(),
) -> Path:
    """A folder of samples of which ``ended`` chains (all, if None) are there."""
    asked = settings or spec()
    write_settings(folder, Settings(checkpoint=CHECKPOINT, checkpoint_digest="0" * 64, data=None, spec=asked))
    facts = {
        "sampling": asked.to_dict(),
        "class_mean_energies": list(MEANS),
        "class_names": list(names),
        "data": "digits",
        "versions": {"torch": "2.9"},
        "created": "2025-06-15T15:00:00Z",
    }
    writer = SegmentWriter(folder, facts=facts, class_names=names)
    count = asked.num if ended is None else ended
    chains = [
        chain(i, asked.label(i), shape=shape, reason=Reason.DIVERGED if i in diverged else Reason.ENERGY)
        for i in range(count)
    ]
    for part in (chains[: count // 2], chains[count // 2 :]):
        if part:
            writer.add(part)
            writer.flush()
    if merged and count:
        merge(folder, num_steps=asked.steps, facts=facts)
    os.utime(folder / "sampling.toml", (NOW - age, NOW - age))
    return folder


def write_score(folder: Path, changes: Mapping[str, Any] | None = None, name: str = "score-x.json") -> Path:
    """A scoring beside samples."""
    measures = {"fid": 2.5, "inception_score": 1.25, "kid": 0.05, "agreement": 0.9375, "precision": None}
    content = {
        "format": "workbench-score-1",
        "samples": {"name": "s", "num": 12},
        "reference": {"data": "digits", "split": "train", "num": 1497},
        "features": {"name": "classifier:other", "comparable_to_papers": False},
        "scores": {key: {"value": value, "std": None, "reason": None} for key, value in measures.items()},
        "notes": ["FID from few samples is biased upwards."],
    }
    path = folder / name
    path.write_text(json.dumps(content | dict(changes or {})))
    return path
