"""What the tests of sampling share: a tiny network on tiny images, and starts that need no data."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn

from trainers.models import ModelSpec, build_model
from workbench.sampling.chain import Chain, begin
from workbench.sampling.langevin import run_chains
from workbench.sampling.spec import SamplingSpec

torch.set_num_threads(1)

SHAPE = (1, 6, 6)
NUM_CLASSES = 3

Run = Callable[..., list[Chain]]


@pytest.fixture(scope="session")
def model() -> nn.Module:
    """A random small-cnn in evaluation mode; its logits are spread out so that energies differ between images."""
    torch.manual_seed(0)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=NUM_CLASSES, mean=(0.3,), std=(0.4,))
    net = build_model(spec)
    with torch.no_grad():
        net.linear.weight.mul_(8)
    return net.eval().requires_grad_(False)


def start(number: int) -> np.ndarray:
    return np.random.default_rng([7, number]).random(SHAPE).astype(np.float32)


def chains(spec: SamplingSpec, numbers: list[int] | None = None) -> Iterator[Chain]:
    for number in range(spec.num) if numbers is None else numbers:
        yield begin(number, spec.label(number), start(number))


@pytest.fixture
def run(model: nn.Module) -> Run:
    """Chains to their ends, by number."""

    def go(
        spec: SamplingSpec,
        begun: Iterator[Chain] | None = None,
        *,
        net: nn.Module = model,
        means: tuple[float, ...] = (0.0,) * NUM_CLASSES,
        batch_size: int = 64,
        say: Callable[[str], None] = lambda _: None,
    ) -> list[Chain]:
        pulses = run_chains(
            net, begun or chains(spec), spec=spec, class_means=torch.tensor(means), batch_size=batch_size, say=say
        )
        return sorted((chain for pulse in pulses for chain in pulse.ended), key=lambda chain: chain.number)

    return go
