"""What the tests of scores share: small data in a file, a small network in a checkpoint, samples in memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from small_pictures import CLASS_NAMES, SHAPE, make_samples, pictures, pixel_extractor

from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model
from workbench.quality import Extractor
from workbench.sampling.samples import Samples

torch.set_num_threads(1)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """The name of an .npz of 90 training, 21 probe and 30 test images."""
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
    """Pixels as features, brightness as logits."""
    return pixel_extractor([])
