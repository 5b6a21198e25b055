"""What the tests of probes share: one thread, a small network, images, and files that hold it."""

from pathlib import Path

import pytest
import torch
from small_network import SPEC, trained
from torch import nn

from trainers.checkpoints import save_weights

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model() -> nn.Module:
    return trained(30)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three of our own checkpoints."""
    folder = tmp_path_factory.mktemp("checkpoints")
    facts = {"data": "digits", "eps": 0.1, "class_names": tuple("0123456789"), "image_shape": (1, 8, 8)}
    paths = [folder / f"epoch-{number:06d}.safetensors" for number in range(3)]
    for steps, path in zip((2, 10, 30), paths, strict=True):
        save_weights(path, trained(steps), SPEC, facts | {"probe_size": 120})
    return paths
