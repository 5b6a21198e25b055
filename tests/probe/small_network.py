"""A small network, trained for a moment, and its weights as other people's scripts save them."""

import torch
from torch import Tensor, nn

from trainers.data import load_data
from trainers.models import ModelSpec, build_model

SPEC = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=10, mean=(0.3,), std=(0.38,))


def trained(steps: int) -> nn.Module:
    """A small network after some plain SGD steps on digits."""
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


def foreign_state(model: nn.Module) -> dict[str, Tensor]:
    """Its weights as a script would save them that normalises in its data loader."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("normalize.")}
