"""The training methods once more, from their published formulas and in plain torch.

Nothing here imports the package under test. Perturbations are kept as δ, as in the papers' code, and the regularizer,
the optimizer and the energies are spelled out, so that agreement to float64 is evidence and not an echo.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Recipe:
    """An l∞ attack in units of ε: U(±radius) or nothing, ``steps`` of ``alpha``, clipped to the ball or not."""

    radius: float | None
    steps: int
    alpha: float
    clip: bool


RECIPES = {
    "fgsm": Recipe(radius=None, steps=1, alpha=1.0, clip=True),
    "rs-fgsm": Recipe(radius=1.0, steps=1, alpha=1.25, clip=True),
    "n-fgsm": Recipe(radius=2.0, steps=1, alpha=1.0, clip=False),
    "pgd": Recipe(radius=1.0, steps=10, alpha=0.25, clip=True),
}

PHI = {
    "squared": lambda delta, margin: delta * delta,
    "abs": lambda delta, margin: torch.where(delta < 0, -delta, delta),
    "hinge": lambda delta, margin: torch.where(delta.abs() > margin, delta.abs() - margin, torch.zeros_like(delta)),
}


def energy(logits: Tensor) -> Tensor:
    """E(x) = −log Σ exp f(x)[k]."""
    top = logits.detach().max(dim=1, keepdim=True).values
    return -(top.squeeze(1) + (logits - top).exp().sum(1).log())


def joint_energy(logits: Tensor, y: Tensor) -> Tensor:
    """E(x,y) = −f(x)[y]."""
    one_hot = torch.eye(logits.shape[1], dtype=logits.dtype)[y]
    return -(logits * one_hot).sum(1)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """CE = E(x,y) − E(x)."""
    return joint_energy(logits, y) - energy(logits)


def attack(model: nn.Module, x: Tensor, y: Tensor, recipe: Recipe, eps: float, generator: torch.Generator) -> Tensor:
    """x + δ; the model's mode is left as it is."""
    delta = torch.zeros_like(x)
    if recipe.radius is not None:
        reach = recipe.radius * eps
        delta = torch.empty_like(x).uniform_(-reach, reach, generator=generator)
        delta = (x + delta).clamp(0, 1) - x
    for _ in range(recipe.steps):
        delta.requires_grad_(True)
        loss = cross_entropy(model(x + delta), y).mean()
        (gradient,) = torch.autograd.grad(loss, delta)
        delta = delta.detach() + recipe.alpha * eps * gradient.sign()
        if recipe.clip:
            delta = delta.clamp(-eps, eps)
        delta = (x + delta).clamp(0, 1) - x
    return (x + delta).detach()


@dataclass(frozen=True)
class Der:
    """The delta-energy regularizer: β·mean φ(ΔE)."""

    beta: float
    energy: str = "marginal"
    penalty: str = "squared"
    margin: float = 0.5

    def __call__(self, clean_logits: Tensor, adv_logits: Tensor, y: Tensor) -> Tensor:
        """The weighted mean over the batch; for both energies, of the sum of the two penalties."""
        marginal = energy(clean_logits) - energy(adv_logits)
        joint = joint_energy(clean_logits, y) - joint_energy(adv_logits, y)
        chosen = {"marginal": [marginal], "joint": [joint], "both": [marginal, joint]}[self.energy]
        return self.beta * sum(PHI[self.penalty](delta, self.margin) for delta in chosen).mean()


@dataclass(frozen=True)
class Step:
    """What one step computes; the gradients lie in the parameters."""

    loss: Tensor
    regularizer: Tensor
    clean_logits: Tensor | None
    adv_logits: Tensor | None


def step(
    model: nn.Module, x: Tensor, y: Tensor, method: str, *, eps: float, der: Der, generator: torch.Generator
) -> Step:
    """Losses and gradients of one batch, in training mode throughout; the optimizer is not stepped."""
    model.train()
    model.zero_grad()
    base, regularized = method.removesuffix("-der"), method.endswith("-der")
    if base == "standard":
        clean_logits = model(x)
        loss = cross_entropy(clean_logits, y).mean()
        loss.backward()
        return Step(loss, torch.zeros(()), clean_logits, None)
    clean_logits = None
    if base == "fgsm":
        leaf = x.clone().requires_grad_(True)
        clean_logits = model(leaf)
        (gradient,) = torch.autograd.grad(cross_entropy(clean_logits, y).mean(), leaf, retain_graph=True)
        x_adv = (x + (eps * gradient.sign()).clamp(-eps, eps)).clamp(0, 1)
    else:
        x_adv = attack(model, x, y, RECIPES[base], eps, generator)
        if regularized:
            clean_logits = model(x)
    adv_logits = model(x_adv)
    loss = cross_entropy(adv_logits, y).mean()
    regularizer = der(clean_logits, adv_logits, y) if regularized else torch.zeros(())
    (loss + regularizer).backward()
    return Step(loss + regularizer, regularizer, clean_logits, adv_logits)


class Sgd:
    """SGD with heavy-ball momentum and coupled weight decay, by hand."""

    def __init__(self, lr: float, momentum: float, weight_decay: float) -> None:
        """Start without velocity."""
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocity: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, model: nn.Module) -> None:
        """v ← μv + (g + λw); w ← w − lr·v."""
        for name, weight in model.named_parameters():
            force = weight.grad + self.weight_decay * weight
            self.velocity[name] = self.momentum * self.velocity.get(name, torch.zeros_like(force)) + force
            weight.sub_(self.lr * self.velocity[name])
