"""The methods beyond plain adversarial training once more, from their published code and in plain torch.

As in ``plain_torch`` nothing here imports the package under test. Each function takes a model in training mode and
gives the loss with the logits that it was made of; where the original forwards x twice, x is forwarded once here too.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import plain_torch
import torch
from plain_torch import Der, Sgd, Step, cross_entropy
from torch import Tensor, nn
from torch.nn import functional as F


class Found(NamedTuple):
    """Loss without the method's regularizer, that, and the logits of x (None where x is not forwarded) and of x*."""

    loss: Tensor
    regularizer: Tensor
    clean: Tensor | None
    adv: Tensor


@dataclass
class Past:
    """What a run carries from step to step: its optimizer, Free's δ, ELLE-A's λ with all errors so far, and its DER."""

    sgd: Sgd
    delta: Tensor | None = None
    strength: float = 0.0
    errors: list[float] = field(default_factory=list)
    der: Der | None = None
    restore: Callable[[], None] = lambda: None


def fgsm_with_graph(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """x*, the gradient at x, and the logits of x with their graph."""
    leaf = x.clone().requires_grad_(True)
    clean = model(leaf)
    (gradient,) = torch.autograd.grad(cross_entropy(clean, y).mean(), leaf, retain_graph=True)
    return (x + eps * gradient.sign()).clamp(0, 1), gradient, clean


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


def trades(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """CE(x) + 6·KL; at ε = 0.031 the steps are 0.007."""
    x_adv = kl_attack(model, x, eps, 0.007 * eps / 0.031, generator)
    clean, adv = model(x), model(x_adv)
    loss = cross_entropy(clean, y).mean() + 6.0 * kl(clean.softmax(1), adv.log_softmax(1)).sum() / len(x)
    return Found(loss, torch.zeros(()), clean, adv)


def mart(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """BCE + 5·KL·(1 − p), with the authors' small constants."""
    x_adv = near_attack(model, x, eps, 0.007 * eps / 0.031, generator, lambda logits: cross_entropy(logits, y).mean())
    clean, adv = model(x), model(x_adv)
    p_adv, p_clean = adv.softmax(1), clean.softmax(1)
    order = torch.argsort(p_adv, dim=1)[:, -2:]
    wrong = torch.where(order[:, -1] == y, order[:, -2], order[:, -1])
    bce = F.cross_entropy(adv, y) + F.nll_loss(torch.log(1.0001 - p_adv + 1e-12), wrong)
    divergence = kl(p_clean, torch.log(p_adv + 1e-12))
    doubt = 1.0000001 - p_clean.gather(1, y.unsqueeze(1)).squeeze(1)
    return Found(bce + 5.0 * (divergence * doubt).sum() / len(x), torch.zeros(()), clean, adv)


def grad_align(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """The cosine is taken of the rows that are not zero, chosen by index as in the authors' code."""
    x_adv, first, clean = fgsm_with_graph(model, x, y, eps)
    adv = model(x_adv)
    delta = torch.zeros_like(x).uniform_(-eps, eps, generator=generator).requires_grad_(True)
    (second,) = torch.autograd.grad(cross_entropy(model(x + delta), y).mean(), delta, create_graph=True)
    rows = ((first**2).sum((1, 2, 3)) != 0) & ((second**2).sum((1, 2, 3)) != 0)
    cosine = F.cosine_similarity(first[rows].flatten(1), second[rows].flatten(1), dim=1, eps=0)
    strength = 0.2 * 10 ** ((eps * 255 - 8) / 8) if eps * 255 < 16 else 2.0
    return Found(cross_entropy(adv, y).mean(), strength * (1 - cosine.mean()), clean, adv)


def linearity_error(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """The authors' snippet."""
    size = len(x)
    noise = torch.rand((2 * size, *x.shape[1:]), generator=generator, dtype=x.dtype)
    ends = x.repeat([2, 1, 1, 1]) + eps * (2 * noise - 1)
    a = torch.rand([size, 1, 1, 1], generator=generator, dtype=x.dtype)
    between = (1 - a) * ends[:size] + a * ends[size:]
    losses = cross_entropy(model(torch.cat((ends, between), dim=0)), y.repeat([3]))
    a = a.squeeze()
    return F.mse_loss(losses[2 * size :], (1 - a) * losses[:size] + a * losses[size : 2 * size])


def elle(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """At ε = 0.11, which is 28/255, λ = 10000."""
    x_adv, _, clean = fgsm_with_graph(model, x, y, eps)
    adv = model(x_adv)
    error = linearity_error(model, x, y, eps, generator)
    return Found(cross_entropy(adv, y).mean(), 10000 * error, clean, adv)


def elle_a(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """λ of this step is what the steps before made it; mean and spread by numpy over the whole list."""
    x_adv, _, clean = fgsm_with_graph(model, x, y, eps)
    adv = model(x_adv)
    error = linearity_error(model, x, y, eps, generator)
    regularizer = run.strength * error
    if len(run.errors) > 2 and error.item() > np.mean(run.errors) + 2 * np.std(run.errors):
        run.strength = 4000.0
    else:
        run.strength *= 0.99
    run.errors.append(error.item())
    return Found(cross_entropy(adv, y).mean(), regularizer, clean, adv)


def aaer(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """Groups chosen by index; numbers without gradient taken as Python floats."""
    start = (x + torch.zeros_like(x).uniform_(-2 * eps, 2 * eps, generator=generator)).clamp(0, 1).requires_grad_(True)
    logits = model(start)
    before = cross_entropy(logits, y)
    (gradient,) = torch.autograd.grad(before.mean(), start)
    clean = None if run.der is None else model(x)
    adv = model((start.detach() + eps * gradient.sign()).clamp(0, 1))
    after = cross_entropy(adv, y)
    abnormal = before > after
    regularizer = torch.zeros(())
    if 0 < int(abnormal.sum()) < len(x):
        moved = (logits.detach() - adv).pow(2).sum(1)
        fallen = (before - after)[abnormal].mean().item()
        excess = (moved[abnormal].mean() - moved[~abnormal].mean().item()).clamp(min=0)
        regularizer = 1.0 * int(abnormal.sum()) / len(x) * (4 * fallen + 1.5 * excess)
    return Found(after.mean(), regularizer, clean, adv)


def free(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """Eight replays; all but the last are stepped here. δ of a new batch is fitted to [0, 1] first, unlike theirs."""
    delta = torch.zeros_like(x) if run.delta is None else run.delta
    delta = (x + delta).clamp(0, 1) - x
    for replay in range(8):
        delta.requires_grad_(True)
        before = copy.deepcopy(model)
        clean = None if run.der is None else model(x)
        adv = model(x + delta)
        loss = cross_entropy(adv, y).mean()
        regularizer = torch.zeros(()) if run.der is None else run.der(clean, adv, y)
        model.zero_grad()
        (loss + regularizer).backward(retain_graph=True)
        gradient, delta = delta.grad, delta.detach()
        delta = (delta + eps * gradient.sign()).clamp(-eps, eps)
        delta = (x + delta).clamp(0, 1) - x
        if replay < 7:
            run.sgd.step(model)
    run.delta = delta
    clean = before(x) if clean is None else clean
    return Found(loss, torch.zeros(()), clean, adv)


def pgd_awp(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """γ = 0.01; the weights are left where they were moved to, and moved back by ``run.restore`` after the step."""
    x_adv = plain_torch.attack(model, x, y, plain_torch.RECIPES["pgd"], eps, generator)
    move(model, run, 0.01, lambda proxy: cross_entropy(proxy(x_adv), y).mean())
    clean = None if run.der is None else model(x)
    adv = model(x_adv)
    return Found(
        cross_entropy(adv, y).mean(), torch.zeros(()), copy.deepcopy(model)(x) if clean is None else clean, adv
    )


def trades_awp(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
    """γ = 0.005, steps of ε/4."""

    def loss(clean: Tensor, adv: Tensor) -> Tensor:
        return F.cross_entropy(clean, y) + 6.0 * F.kl_div(adv.log_softmax(1), clean.softmax(1), reduction="batchmean")

    x_adv = kl_attack(model, x, eps, eps / 4, generator)
    move(model, run, 0.005, lambda proxy: loss(proxy(x), proxy(x_adv)))
    clean, adv = model(x), model(x_adv)
    return Found(loss(clean, adv), torch.zeros(()), clean, adv)


def move(model: nn.Module, run: Past, gamma: float, loss: Callable[[nn.Module], Tensor]) -> None:
    """A proxy's step of SGD uphill says where to; the authors' file of helpers, with its learning rate."""
    proxy = copy.deepcopy(model)
    optimizer = torch.optim.SGD(proxy.parameters(), lr=0.01)
    optimizer.zero_grad()
    (-loss(proxy)).backward()
    optimizer.step()
    new, old = proxy.state_dict(), model.state_dict()
    diff = {
        name: old[name].norm() / ((new[name] - old[name]).norm() + 1e-20) * (new[name] - old[name])
        for name in old
        if old[name].dim() > 1 and "weight" in name
    }

    def shift(size: float) -> None:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name in diff:
                    weight.add_(size * diff[name])

    shift(gamma)
    run.restore = lambda: shift(-gamma)


def weat(name: str) -> "Formula":
    """1/log(1 + exp|E|) as it is written, and the authors' 1e-12 inside the logarithm of p(x*)."""

    def formula(model: nn.Module, x: Tensor, y: Tensor, eps: float, generator: torch.Generator, run: Past) -> Found:
        x_adv = kl_attack(model, x, eps, eps / 4, generator)
        clean, adv = model(x), model(x_adv)
        weights = 1 / torch.log(1 + torch.exp(torch.abs(-torch.logsumexp(clean, dim=1).detach())))
        ce = F.cross_entropy({"nat": clean, "adv": adv}[name], y, reduction="none")
        divergence = F.kl_div(torch.log(adv.softmax(1) + 1e-12), clean.softmax(1), reduction="none").sum(1)
        loss = (ce * weights).sum() / len(x) + 6.0 * (divergence * weights).sum() / len(x)
        return Found(loss, torch.zeros(()), clean, adv)

    return formula


Formula = Callable[[nn.Module, Tensor, Tensor, float, torch.Generator, Past], Found]

FORMULAS: dict[str, Formula] = {
    "trades": trades,
    "mart": mart,
    "grad-align": grad_align,
    "elle": elle,
    "elle-a": elle_a,
    "aaer": aaer,
    "free": free,
    "pgd-awp": pgd_awp,
    "trades-awp": trades_awp,
    "weat-nat": weat("nat"),
    "weat-adv": weat("adv"),
}


def step(
    model: nn.Module, x: Tensor, y: Tensor, method: str, *, eps: float, der: Der, generator: torch.Generator, run: Past
) -> Step:
    """Losses and gradients of one batch of any method; the optimizer is not stepped (but by Free between replays)."""
    base, regularized = method.removesuffix("-der"), method.endswith("-der")
    if base not in FORMULAS:
        return plain_torch.step(model, x, y, method, eps=eps, der=der, generator=generator)
    model.train()
    run.der = der if regularized else None
    loss, regularizer, clean, adv = FORMULAS[base](model, x, y, eps, generator, run)
    if regularized:
        regularizer = regularizer + der(clean, adv, y)
    model.zero_grad()
    (loss + regularizer).backward()
    return Step(loss + regularizer, regularizer, clean, adv)
