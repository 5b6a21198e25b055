"""Models whose energies are known in closed form, and made-up landscapes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.landscape import Facts, Landscape
from workbench.landscape.values import NUM_ANGLES, axis_of

EPS = 0.1
SHAPE = (1, 4, 5)
NUM_VALUES = 20


class Logits(nn.Module):
    """Logits of W·x plus a curve of x that is the same for every class."""

    def __init__(self, weights: Tensor, curve: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights, requires_grad=False)
        self.curve = curve
        self.largest_batch = 0

    def forward(self, x: Tensor) -> Tensor:
        self.largest_batch = max(self.largest_batch, len(x))
        flat = x.flatten(1)
        logits = flat @ self.weights.T
        return logits if self.curve is None else logits - self.curve(flat)[:, None]


def some_weights(num_classes: int = 3) -> Tensor:
    return torch.randn(num_classes, NUM_VALUES, generator=torch.Generator().manual_seed(1))


def some_images(num: int = 2, *, low: float = 0.3, high: float = 0.7) -> Tensor:
    return torch.rand(num, *SHAPE, generator=torch.Generator().manual_seed(2)) * (high - low) + low


FACTS = Facts(
    name="run",
    checkpoint="run/checkpoints/epoch-000003.safetensors",
    checkpoint_digest="0" * 64,
    method="fgsm",
    epoch=3,
    data="digits",
    data_digest="1" * 64,
    split="probe",
    class_names=("zero", "one"),
    image_shape=SHAPE,
    eps=EPS,
    attack="pgd-10",
    energy="marginal",
    grid=21,
    reach=1.5,
    clip=False,
    seed=0,
    device="cpu",
    notes=(),
    versions={"numpy": "2"},
    created="2026-01-01T00:00:00+00:00",
)


def landscape_of(
    energy: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    *,
    num: int = 2,
    gradient: tuple[float, float] = (0.0, 0.0),
    **facts: object,
) -> Landscape:
    """A landscape of a function of (a, b), the same for every sample; ``gradient`` is its slope at 0."""
    described = replace(FACTS, **facts)
    axis = axis_of(described.grid, described.reach)
    a, b = axis[None, :], axis[:, None]
    plane = np.broadcast_to(energy(a, b), (described.grid, described.grid)).astype(np.float32)
    linear = (gradient[0] * a + gradient[1] * b).astype(np.float32)
    middle = described.grid // 2
    ones = np.ones(num)
    return Landscape(
        facts=described,
        index=np.arange(num) + 5,
        label=(np.arange(num) % 2).astype(np.int32),
        correct=np.ones(num, dtype=np.uint8),
        correct_adv=np.zeros(num, dtype=np.uint8),
        attacked=np.ones(num, dtype=np.uint8),
        position=ones,
        natural=ones * float(plane[middle, middle]),
        adversarial=ones * float(energy(np.array([[1.0]]), np.array([[0.0]])).item()),
        gradient_l1=0.25 * ones,
        gradient_l2=0.5 * ones,
        energy=np.stack([plane] * num),
        linear=np.stack([linear] * num),
        outline=np.ones((num, NUM_ANGLES), dtype=np.float32),
    )
