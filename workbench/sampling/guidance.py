"""Energies that a chain descends, per sample, from logits f(x) (B, K); all in nats, all of shape (B,)."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from trainers.energy import cross_entropy, joint_energy, marginal_energy
from workbench.sampling.spec import GuidanceName

Energy = Callable[[Tensor, Tensor, Tensor], Tensor]


def joint(logits: Tensor, y: Tensor, mean_energy: Tensor) -> Tensor:
    """E(x,y) = −f(x)[y]."""
    return joint_energy(logits, y)


def marginal(logits: Tensor, y: Tensor, mean_energy: Tensor) -> Tensor:
    """E(x) = −logsumexp_k f(x)[k]."""
    return marginal_energy(logits)


def conditional(logits: Tensor, y: Tensor, mean_energy: Tensor) -> Tensor:
    """E(x,y) − E(x), which is the cross-entropy."""
    return cross_entropy(logits, y)


def class_mean(logits: Tensor, y: Tensor, mean_energy: Tensor) -> Tensor:
    """(E(x,y) − Ē_y)²: the squared distance to the mean energy of the class's training images (B,)."""
    return (joint_energy(logits, y) - mean_energy).square()


ENERGIES: Mapping[GuidanceName, Energy] = {
    "joint": joint,
    "marginal": marginal,
    "conditional": conditional,
    "ce": conditional,
    "class-mean": class_mean,
}
"""Every guidance by name. ``conditional`` and ``ce`` are one formula under the two names that the field uses."""


def guidance_energy(
    terms: Sequence[tuple[float, GuidanceName]], logits: Tensor, y: Tensor, mean_energy: Tensor
) -> Tensor:
    """The weighted sum of energies (B,).

    Args:
        terms: weights and names.
        logits: (B, K).
        y: labels (B,).
        mean_energy: Ē_y of each sample's class (B,).
    """
    parts = [weight * ENERGIES[name](logits, y, mean_energy) for weight, name in terms]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
