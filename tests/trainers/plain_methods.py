"""The methods beyond plain adversarial training once more, from their published code and in plain torch.

As in ``plain_torch`` nothing here imports the package under test. Each function takes a model in training mode and
gives the loss with the logits that it was made of; where the original forwards x twice, x is forwarded once here too.
"""

from collections.abc import Callable

import plain_torch
import torch
from plain_torch import Der, Step, cross_entropy
from torch import Tensor, nn
from torch.nn import functional as F

Found = tuple[Tensor, Tensor, Tensor]
"""Loss, logits of x, logits of x*."""


def kl(p: Tensor, log_q: Tensor) -> Tensor:
    """Σ p·(log p − log q) of each row."""
    return (p * (p.log() - log_q)).sum(1)


def near_attack(
    model: nn.Module, x: Tensor, eps: float, alpha: float, generator: torch.Generator, loss: Callable[[Tensor], Tensor]
) -> Tensor:
    """Ten signed steps of ``alpha`` in evaluation mode from x + 0.001·N, which is not clipped before the first step."""
    model.eval()
    x_adv = x + 0.001 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    for _ in range(10):
        x_adv.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model(x_adv)), x_adv)
        x_adv = x_adv.detach() + alpha * gradient.sign()
        x_adv = torch.min(torch.max(x_adv, x - eps), x + eps).clamp(0, 1)
    model.train()
    return x_adv


def kl_attack(model: nn.Module, x: Tensor, eps: float, alpha: float, generator: torch.Generator) -> Tensor:
    """TRADES' inner maximisation."""
    with torch.no_grad():
        p = model.eval()(x).softmax(1)
    return near_attack(model, x, eps, alpha, generator, lambda logits: kl(p, logits.log_softmax(1)).sum())


def trades(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator) -> Found:
    """CE(x) + 6·KL; at ε = 0.031 the steps are 0.007."""
    x_adv = kl_attack(model, x, eps, 0.007 * eps / 0.031, generator)
    clean, adv = model(x), model(x_adv)
    return cross_entropy(clean, y).mean() + 6.0 * kl(clean.softmax(1), adv.log_softmax(1)).sum() / len(x), clean, adv


def mart(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator) -> Found:
    """BCE + 5·KL·(1 − p), with the authors' small constants."""
    x_adv = near_attack(model, x, eps, 0.007 * eps / 0.031, generator, lambda logits: cross_entropy(logits, y).mean())
    clean, adv = model(x), model(x_adv)
    p_adv, p_clean = adv.softmax(1), clean.softmax(1)
    order = torch.argsort(p_adv, dim=1)[:, -2:]
    wrong = torch.where(order[:, -1] == y, order[:, -2], order[:, -1])
    bce = F.cross_entropy(adv, y) + F.nll_loss(torch.log(1.0001 - p_adv + 1e-12), wrong)
    divergence = kl(p_clean, torch.log(p_adv + 1e-12))
    doubt = 1.0000001 - p_clean.gather(1, y.unsqueeze(1)).squeeze(1)
    return bce + 5.0 * (divergence * doubt).sum() / len(x), clean, adv


FORMULAS: dict[str, Callable[[nn.Module, Tensor, Tensor, float, torch.Generator], Found]] = {
    "trades": trades,
    "mart": mart,
}


def step(
    model: nn.Module, x: Tensor, y: Tensor, method: str, *, eps: float, der: Der, generator: torch.Generator
) -> Step:
    """Losses and gradients of one batch of any method; the optimizer is not stepped."""
    base = method.removesuffix("-der")
    if base not in FORMULAS:
        return plain_torch.step(model, x, y, method, eps=eps, der=der, generator=generator)
    model.train()
    loss, clean_logits, adv_logits = FORMULAS[base](model, x, y, eps, generator)
    regularizer = der(clean_logits, adv_logits, y) if method.endswith("-der") else torch.zeros(())
    model.zero_grad()
    (loss + regularizer).backward()
    return Step(loss + regularizer, regularizer, clean_logits, adv_logits)
