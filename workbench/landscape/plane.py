"""Measure E over a plane of images: its directions, and all its points in bounded memory. Torch."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainers.attacks import Attack
from trainers.energy import joint_energy, marginal_energy
from trainers.memory import is_out_of_memory
from trainers.seeding import seeded_generator
from trainers.spec import Ball
from workbench.landscape.values import NUM_ANGLES

Energy = Callable[[Tensor, Tensor], Tensor]
"""Logits (B, K) and labels (B,) to energies (B,)."""

ENERGY_OF: Mapping[str, Energy] = {"marginal": lambda logits, y: marginal_energy(logits), "joint": joint_energy}

_CPU = torch.device("cpu")
_PARALLEL = 1e-6
"""A random vector that keeps less than this share of its squared length beside d1 is taken for parallel to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A plane of images, and what is known of its two special points. Tensors are float32 (C, H, W) on the CPU.

    ``x`` + a·``first`` + b·``second`` are its images, a and b in units of ε; the rest is as in ``Landscape``.
    """

    x: Tensor
    y: int
    first: Tensor
    second: Tensor
    gradient: Tensor
    attacked: bool
    position: float
    natural: float
    adversarial: float
    correct: bool
    correct_adv: bool


class Planes(NamedTuple):
    """E and δᵀ∇E(x) over the grids of N samples, each (N, G, G) float32."""

    energy: NDArray[np.float32]
    linear: NDArray[np.float32]


@contextmanager
def full_precision() -> Iterator[None]:
    """No TF32 inside: its 10 bits of mantissa would drown second differences."""
    cudnn = torch.backends.cudnn
    former = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with cudnn.flags(enabled=True, benchmark=False, deterministic=cudnn.deterministic, allow_tf32=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = former


def find_plane(
    model: nn.Module, x: Tensor, y: Tensor, index: int, *, attack: Attack, ball: Ball, energy: str, seed: int
) -> Sample:
    """Attack a sample and lay a plane through x and x*. It depends on ``seed`` and ``index``, on no other sample.

    Args:
        model: images in [0, 1] to logits, in evaluation mode.
        x: one image, (1, C, H, W) with at least two values, on the model's device.
        y: its label, (1,).
        index: its stable index.
        attack: what makes x*.
        ball: where x* may be; ε is the unit of a and b.
        energy: of ENERGY_OF.
        seed: of the attack's randomness and of the random directions.
    """
    x_adv = attack.run(model, x, y, ball, seeded_generator(x.device, seed, "landscape attack", index))
    leaf = x.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        logits = model(leaf).float()
        natural = ENERGY_OF[energy](logits, y)
        (gradient,) = torch.autograd.grad(natural.sum(), leaf)
    with torch.no_grad():
        logits_adv = model(x_adv).float()
    delta = (x_adv - x)[0].cpu().double()
    size = float(delta.abs().max())
    random = _signs(x[0].shape, seed, "landscape", index)
    first = delta * (ball.eps / size) if size else ball.eps * _signs(x[0].shape, seed, "landscape first", index)
    return Sample(
        x=x[0].cpu(),
        y=int(y),
        first=first.float(),
        second=_orthogonal(random, first).float(),
        gradient=gradient[0].cpu(),
        attacked=size > 0,
        position=size / ball.eps,
        natural=float(natural.detach()),
        adversarial=float(ENERGY_OF[energy](logits_adv, y)),
        correct=bool(logits.argmax(1) == y),
        correct_adv=bool(logits_adv.argmax(1) == y),
    )


def energies_over(
    model: nn.Module,
    samples: list[Sample],
    *,
    axis: NDArray[np.float64],
    energy: str,
    clip: bool,
    device: torch.device,
    batch_size: int,
    watch: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Planes:
    """E at every point of the planes, in batches that go across points and samples.

    Args:
        model: images in [0, 1] to logits, in evaluation mode, on ``device``.
        samples: their planes.
        axis: the values of a, and of b, (G,).
        energy: of ENERGY_OF.
        clip: clip the images to [0, 1] first.
        device: the model's.
        batch_size: images at a time; halved when memory runs out. It changes nothing but rounding.
        watch: called after each batch with the points done and all of them.
        say: told of a smaller batch.
    """
    size = len(axis)
    total = len(samples) * size * size
    found = np.empty((2, total), dtype=np.float32)
    steps = torch.from_numpy(axis).float()
    first = 0
    while first < total:
        flat = torch.arange(first, min(first + batch_size, total))
        try:
            found[:, first : first + len(flat)] = _points(model, samples, flat, steps, energy, clip, device)
        except RuntimeError as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
            batch_size = max(1, batch_size // 2)
            say(f"out of memory; on with batches of {batch_size}")
            continue
        first += len(flat)
        watch(first, total)
    energies, linear = found.reshape(2, len(samples), size, size)
    return Planes(energies, linear)


def outline(sample: Sample, eps: float) -> NDArray[np.float32]:
    """How far the l∞ ball around x reaches in the plane, at NUM_ANGLES equal angles: ε/‖cos·d1 + sin·d2‖∞."""
    angles = np.arange(NUM_ANGLES) * (2 * np.pi / NUM_ANGLES)
    directions = zip(np.cos(angles), np.sin(angles), strict=True)
    sizes = [float((c * sample.first + s * sample.second).abs().max()) for c, s in directions]
    return np.array([eps / size for size in sizes], dtype=np.float32)


@torch.no_grad()
def _points(
    model: nn.Module, samples: list[Sample], flat: Tensor, steps: Tensor, energy: str, clip: bool, device: torch.device
) -> NDArray[np.float32]:
    """E and δᵀ∇E(x) of some points, counted through all planes: (2, B)."""
    size = len(steps)
    numbers, places = flat // size**2, flat % size**2
    low = int(numbers[0])
    here = samples[low : int(numbers[-1]) + 1]
    of = (numbers - low).to(device)
    x, d1, d2, gradient = (
        torch.stack([getattr(sample, name) for sample in here]).to(device)[of]
        for name in ("x", "first", "second", "gradient")
    )
    a, b = (steps[place].to(device).view(-1, 1, 1, 1) for place in (places % size, places // size))
    images = x + a * d1 + b * d2
    if clip:
        images = images.clamp_(0.0, 1.0)
    y = torch.tensor([sample.y for sample in here], device=device)[of]
    energies = ENERGY_OF[energy](model(images).float(), y)
    linear = ((images - x) * gradient).flatten(1).sum(1)
    values: NDArray[np.float32] = torch.stack([energies, linear]).cpu().numpy()
    return values


def _signs(shape: torch.Size, seed: int, purpose: str, index: int) -> Tensor:
    """A random vector of −1 and 1 (Rademacher), float64 on the CPU; the same on every device."""
    generator = seeded_generator(_CPU, seed, purpose, index)
    return torch.randint(0, 2, shape, generator=generator).double() * 2 - 1


def _orthogonal(random: Tensor, first: Tensor) -> Tensor:
    """What is left of a vector beside ``first``, as long in l2 as that."""
    assert first.numel() > 1
    rest = _beside(random, first)
    if float(rest.square().sum()) < _PARALLEL * random.numel():
        random = random.clone()
        random.view(-1)[0] *= -1
        rest = _beside(random, first)
    scaled: Tensor = rest * (first.norm() / rest.norm())
    return scaled


def _beside(vector: Tensor, first: Tensor) -> Tensor:
    rest: Tensor = vector - first * ((vector * first).sum() / first.square().sum())
    return rest
