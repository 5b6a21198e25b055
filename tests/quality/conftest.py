"""What the tests of scores share: small data in a file, a small network in a checkpoint, samples in memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model
from workbench.quality import Extractor
from workbench.sampling.samples import Samples

torch.set_num_threads(1)

NUM_CLASSES, SHAPE = 3, (1, 6, 6)
CLASS_NAMES = ("ape", "bee", "cat")


def pictures(num: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 1, 6, 6) whose brightness tells their class, and labels that take turns."""
    generator = np.random.default_rng(seed)
    labels = np.arange(num) % NUM_CLASSES
    levels = 40 + 70 * labels[:, None, None, None] + generator.integers(-30, 31, (num, *SHAPE))
    return levels.clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def data(tmp_path: Path) -> str:
    """The name of an .npz of 90 training images, 15 of them for the probe split by default of the caller, 30 test."""
    x, y = pictures(90)
    x_probe, y_probe = pictures(21, seed=1)
    x_test, y_test = pictures(30, seed=2)
    np.savez(
        tmp_path / "data.npz",
        x_train=x,
        y_train=y,
        x_probe=x_probe,
        y_probe=y_probe,
        x_test=x_test,
        y_test=y_test,
        class_names=np.array(CLASS_NAMES),
    )
    return f"npz:{tmp_path / 'data.npz'}"


@pytest.fixture
def samples() -> Samples:
    return make_samples(*pictures(24, seed=3))


def make_samples(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...] = CLASS_NAMES,
    digest: str | None = None,
) -> Samples:
    return Samples(
        images=images, labels=labels, class_names=class_names, checkpoint_digest=digest, name="samples", facts={}
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a checkpoint of an untrained network."""

    def write(seed: int = 0, class_names: tuple[str, ...] = CLASS_NAMES, **facts: object) -> Path:
        torch.manual_seed(seed)
        spec = ModelSpec(
            name="small-cnn", width=2, in_channels=1, num_classes=len(class_names), mean=(0.5,), std=(0.25,)
        )
        path = tmp_path / f"network-{seed}.safetensors"
        save_weights(path, build_model(spec), spec, {"class_names": class_names, "image_shape": SHAPE, **facts})
        return path

    return write


@pytest.fixture
def pixels() -> Extractor:
    """Pixels as features, class brightness as logits; counts its calls in ``calls``."""
    return pixel_extractor([])


def pixel_extractor(calls: list[int], digest: str = "pixels", limit: int = 10**9) -> Extractor:
    """Pixels as features; ``calls`` gets the size of every batch, and more than ``limit`` images are out of memory."""

    def embed(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(len(images))
        if len(images) > limit:
            raise torch.OutOfMemoryError
        features = images.flatten(1)
        brightness = features.mean(1, keepdim=True) * 255
        return features, -((brightness - torch.tensor([40.0, 110.0, 180.0])) ** 2) / 100

    return Extractor(
        name="pixels",
        slug="pixels",
        digest=digest,
        comparable=False,
        embed=embed,
        device=torch.device("cpu"),
        class_names=CLASS_NAMES,
    )
