"""The delta-energy regularizer: differences of energy between an image and its adversarial twin."""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.energy import joint_energy, marginal_energy
from trainers.regularizers.view import View
from trainers.spec import DerEnergy, DerPenalty, TrainConfig


def delta_energies(clean_logits: Tensor, adv_logits: Tensor, y: Tensor, energy: DerEnergy) -> tuple[Tensor, ...]:
    """The ΔE that a regularizer acts on, each (B,): ΔE(x) = E(x) − E(x*), ΔE(x,y) = E(x,y) − E(x*,y), or both."""
    marginal = marginal_energy(clean_logits) - marginal_energy(adv_logits)
    joint = joint_energy(clean_logits, y) - joint_energy(adv_logits, y)
    return {"marginal": (marginal,), "joint": (joint,), "both": (marginal, joint)}[energy]


def penalty(delta: Tensor, kind: DerPenalty, margin: float) -> Tensor:
    """φ(ΔE) per sample: ΔE², |ΔE|, or max(|ΔE| − margin, 0)."""
    if kind == "squared":
        return delta.square()
    if kind == "abs":
        return delta.abs()
    return F.relu(delta.abs() - margin)


def delta_energy(clean_logits: Tensor, adv_logits: Tensor, y: Tensor, config: TrainConfig) -> Tensor:
    """The delta-energy regularizer β·φ(ΔE), summed over the chosen energies, shape (B,).

    Gradients flow through the energies of x and x*, or, where ``der_gradient`` is "adversarial", of x* alone. The idea
    is that of arXiv 2505.22486; its exact form and β are our reading, not verified against the paper.
    """
    if config.der_gradient == "adversarial":
        clean_logits = clean_logits.detach()
    deltas = delta_energies(clean_logits, adv_logits, y, config.der_energy)
    terms = [penalty(delta, config.der_penalty, config.der_margin) for delta in deltas]
    return config.der_beta * torch.stack(terms).sum(0)


def delta_energy_of(view: View) -> Tensor:
    """The same of a batch under training."""
    assert view.clean_logits is not None
    return delta_energy(view.clean_logits, view.adv_logits, view.y, view.config)
