"""Factors of the samples' losses: functions of natural logits to (B,), detached."""

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional as F

from trainers.energy import marginal_energy


def energy(clean_logits: Tensor) -> Tensor:
    """1/log(1 + exp|E(x)|), shape (B,) (Mirza et al. 2024, WEAT): the less sure the model is of x, the more it counts.

    By softplus; the authors' log(1 + exp(·)) overflows to a weight of 0 for |E(x)| above 88.
    """
    return 1.0 / F.softplus(marginal_energy(clean_logits.detach()).abs())


WEIGHTS: Mapping[str, Callable[[Tensor], Tensor]] = {"energy": energy}
