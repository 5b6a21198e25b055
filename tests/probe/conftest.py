"""What the tests of probes share: one thread, a small network, images, and files that hold it."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model

os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)

SPEC = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=10, mean=(0.3,), std=(0.38,))


def trained(steps: int) -> nn.Module:
    """A small network after some plain SGD steps on digits."""
    from trainers.data import load_data

    data = load_data("digits").train
    torch.manual_seed(0)
    model = build_model(SPEC)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for rows in torch.arange(64 * steps).view(steps, 64):
        x, y = data.batch(rows % len(data))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


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


def foreign_state(model: nn.Module) -> dict[str, Tensor]:
    """Its weights as a script would save them that normalises in its data loader."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("normalize.")}
