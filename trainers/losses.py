"""Training losses per sample: functions of natural logits, adversarial logits, labels and settings to (B,)."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.energy import cross_entropy
from trainers.spec import TrainConfig

TINY = 1e-12
"""Keeps logarithms of probabilities finite, as in the authors' code of MART."""


def clean(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor, config: TrainConfig) -> Tensor:
    """Cross-entropy of the natural images, shape (B,)."""
    assert clean_logits is not None
    return cross_entropy(clean_logits, y)


def adversarial(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor, config: TrainConfig) -> Tensor:
    """Cross-entropy of the adversarial images, shape (B,)."""
    assert adv_logits is not None
    return cross_entropy(adv_logits, y)


def divergence(clean_logits: Tensor, adv_logits: Tensor) -> Tensor:
    """KL(p(x)‖p(x*)) per sample, shape (B,), with gradient through both.

    In log space throughout: with probabilities as the target, torch's gradient is NaN where one of them underflows.
    """
    clean, adv = F.log_softmax(clean_logits, dim=1), F.log_softmax(adv_logits, dim=1)
    return F.kl_div(adv, clean, reduction="none", log_target=True).sum(1)


def trades(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor, config: TrainConfig) -> Tensor:
    """CE(x) + β·KL(p(x)‖p(x*)), shape (B,) (Zhang et al. 2019, eq. 5); β is ``kl_beta``."""
    assert clean_logits is not None
    assert adv_logits is not None
    return cross_entropy(clean_logits, y) + config.kl_beta * divergence(clean_logits, adv_logits)


def trades_adversarial(
    clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor, config: TrainConfig
) -> Tensor:
    """CE(x*) + β·KL(p(x)‖p(x*)), shape (B,): WEAT_adv before its weights (Mirza et al. 2024)."""
    assert clean_logits is not None
    assert adv_logits is not None
    return cross_entropy(adv_logits, y) + config.kl_beta * divergence(clean_logits, adv_logits)


def mart(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor, config: TrainConfig) -> Tensor:
    """BCE(p(x*), y) + β·KL(p(x)‖p(x*))·(1 − p(x)[y]), shape (B,) (Wang et al. 2020, eq. 8); β is ``kl_beta``.

    BCE is CE(x*) − log(1.0001 − max over wrong classes of p(x*) + 1e-12); 1.0001, 1.0000001 and both 1e-12 are those of
    the authors' code. Their KL is NaN in the gradient where p(x) underflows to 0; here its logarithm is not taken of p.
    """
    assert clean_logits is not None
    assert adv_logits is not None
    p_adv, log_clean = F.softmax(adv_logits, dim=1), F.log_softmax(clean_logits, dim=1)
    p_clean = log_clean.exp()
    wrong = p_adv.masked_fill(F.one_hot(y, p_adv.shape[1]).bool(), -1.0).argmax(1, keepdim=True)
    margin = -torch.log(1.0001 - p_adv.gather(1, wrong).squeeze(1) + TINY)
    kl = (p_clean * (log_clean - torch.log(p_adv + TINY))).sum(1)
    doubt = 1.0000001 - p_clean.gather(1, y[:, None]).squeeze(1)
    return cross_entropy(adv_logits, y) + margin + config.kl_beta * kl * doubt


Loss = Callable[[Tensor | None, Tensor | None, Tensor, TrainConfig], Tensor]

LOSSES: Mapping[str, Loss] = {
    "clean": clean,
    "adversarial": adversarial,
    "trades": trades,
    "trades-adversarial": trades_adversarial,
    "mart": mart,
}
