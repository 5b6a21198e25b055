"""Energies of a classifier read as an energy-based model (Grathwohl et al. 2020, JEM, eqs. 4-6), per sample.

All take logits f(x) of shape (B, K) and return (B,) in nats.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def marginal_energy(logits: Tensor) -> Tensor:
    """E(x) = −logsumexp_k f(x)[k], shape (B,)."""
    return -torch.logsumexp(logits, dim=1)


def joint_energy(logits: Tensor, y: Tensor) -> Tensor:
    """E(x,y) = −f(x)[y], shape (B,); ``y`` is (B,) int64."""
    return -logits.gather(1, y[:, None]).squeeze(1)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """CE = E(x,y) − E(x) per sample, shape (B,), by torch's stable kernel."""
    return F.cross_entropy(logits, y, reduction="none")
