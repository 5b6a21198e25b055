"""Langevin sampling one image at a time, written from the published code's description; nothing of workbench in it.

    v ← ζv − ½η∇ₓL;    x ← clip01(x + v + √(2η)·N(0, s²));    v = 0 at the start

`published` does what the public code does: two forward passes a step, one for the gradient and one for the energy
after the step, and it freezes the image once (E(x,y) − mean class energy)² < τ. `traced` makes the same steps, records
E(x,y) and E(x) of every image on the way, the start included, and lets `stop` decide on each of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Model = Callable[[Tensor], Tensor]
Stop = Callable[[Sequence[float]], bool]
"""Whether the image whose E(x,y), from the start on, is given stays as it is."""
Noise = Callable[[int, int, Tensor], Tensor]
"""Standard normal numbers for image i at step t, in the shape of the tensor given."""


@dataclass(frozen=True)
class Step:
    """η, ζ, s and the weights of the guiding energies."""

    step_size: float
    momentum: float
    noise: float
    guidance: Mapping[str, float]


@dataclass(frozen=True)
class Trace:
    """One image's way: where it ended, after how many steps, and its energies from the start to there."""

    image: Tensor
    steps: int
    joint: list[float]
    marginal: list[float]


def loss(logits_1K: Tensor, label: int, mean_energy: float, guidance: Mapping[str, float]) -> Tensor:
    """Σ wᵢLᵢ for one image."""
    joint = -logits_1K[0, label]
    marginal = -torch.log(torch.exp(logits_1K[0] - logits_1K.max()).sum()) - logits_1K.max()
    terms = {
        "joint": lambda: joint,
        "marginal": lambda: marginal,
        "conditional": lambda: joint - marginal,
        "ce": lambda: F.cross_entropy(logits_1K, torch.tensor([label], device=logits_1K.device)),
        "class-mean": lambda: (joint - mean_energy) ** 2,
    }
    return sum((weight * terms[name]() for name, weight in guidance.items()), logits_1K.new_zeros(()))


def published(
    model: Model, starts: Tensor, labels: Sequence[int], means: Sequence[float], step: Step, steps: int, tau: float
) -> tuple[Tensor, list[int]]:
    """Images (N, C, H, W) and the number of steps each took; noise from torch's global generator."""
    images, taken = [], []
    for start, label in zip(starts, labels, strict=True):
        x, velocity, done = start[None].clone(), torch.zeros_like(start[None]), 0
        while done < steps:
            x.requires_grad_(True)
            x, velocity = _step(model(x), x, velocity, torch.randn_like(x), label, means[label], step)
            done += 1
            with torch.no_grad():
                energy = -model(x)[0, label].item()
            if (energy - means[label]) ** 2 < tau:
                break
        images.append(x[0])
        taken.append(done)
    return torch.stack(images), taken


def traced(
    model: Model,
    starts: Tensor,
    labels: Sequence[int],
    means: Sequence[float],
    step: Step,
    steps: int,
    stop: Callable[[int], Stop],
    noise: Noise | None = None,
) -> list[Trace]:
    """Every image's `Trace`; `stop(i)` is image i's rule, asked before each step and never after the last."""
    traces = []
    for i, (start, label) in enumerate(zip(starts, labels, strict=True)):
        x, velocity, rule = start[None].clone(), torch.zeros_like(start[None]), stop(i)
        joint, marginal = [], []
        for t in range(steps + 1):
            x.requires_grad_(True)
            logits = model(x)
            joint.append(-logits[0, label].item())
            marginal.append(-torch.logsumexp(logits, 1).item())
            if t == steps or rule(joint):
                break
            normal = torch.zeros_like(x) if noise is None else noise(i, t, x)
            x, velocity = _step(logits, x, velocity, normal, label, means[label], step)
        traces.append(Trace(x[0].detach(), t, joint, marginal))
    return traces


def _step(
    logits: Tensor, x: Tensor, velocity: Tensor, normal: Tensor, label: int, mean: float, step: Step
) -> tuple[Tensor, Tensor]:
    (gradient,) = torch.autograd.grad(loss(logits, label, mean, step.guidance), x)
    velocity = step.momentum * velocity - step.step_size / 2 * gradient
    scale = math.sqrt(2 * step.step_size) * step.noise
    return (x.detach() + velocity + scale * normal).clamp(0, 1), velocity
