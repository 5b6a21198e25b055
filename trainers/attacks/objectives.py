"""What an attack ascends: from logits (B, K) of x* to one value per sample (B,)."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.energy import cross_entropy
from trainers.errors import WorkbenchError
from trainers.seeding import drawn

Objective = Callable[[Tensor], Tensor]


def to_label(y: Tensor) -> Objective:
    """The cross-entropy to the labels (B,): away from them."""
    return lambda logits: cross_entropy(logits, y)


def targeted(clean_logits: Tensor, y: Tensor, generator: torch.Generator) -> Objective:
    """Minus the cross-entropy to a class drawn uniformly from the K − 1 wrong ones of each sample: towards it."""
    target = wrong_classes(y, clean_logits.shape[1], generator)
    return lambda logits: -cross_entropy(logits, target)


def divergence(clean_logits: Tensor, y: Tensor, generator: torch.Generator) -> Objective:
    """KL(p(x)‖p(x*)), away from what the model says of x (Zhang et al. 2019, TRADES, eq. 5); labels play no part."""
    clean = F.log_softmax(clean_logits.detach(), dim=1)
    return lambda logits: F.kl_div(F.log_softmax(logits, dim=1), clean, reduction="none", log_target=True).sum(1)


def wrong_classes(y: Tensor, num_classes: int, generator: torch.Generator) -> Tensor:
    """For each label (B,) another class, uniform over the ``num_classes`` − 1 others.

    Raises:
        WorkbenchError: there is no other.
    """
    if num_classes < 2:
        raise WorkbenchError("a model of one class has no wrong one to target; choose another attack")
    shift = drawn(y, generator, lambda shift: shift.random_(1, num_classes, generator=generator))
    return (y + shift) % num_classes


FROM_CLEAN_LOGITS: Mapping[str, Callable[[Tensor, Tensor, torch.Generator], Objective]] = {
    "targeted": targeted,
    "kl": divergence,
}
"""Objectives by their name in ``AttackSpec``, but the cross-entropy; all of them need the logits of x."""
