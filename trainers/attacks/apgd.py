"""Auto-PGD: momentum, and a step size that halves itself (Croce & Hein 2020, Reliable evaluation, algorithm 1)."""

import math

import torch
from torch import Tensor

from trainers.attacks.geometry import project, uniform_start
from trainers.attacks.objectives import to_label
from trainers.attacks.pgd import Forward
from trainers.errors import WorkbenchError
from trainers.spec import Ball

MOMENTUM = 0.75
LEAST_SUCCESSES = 0.75
"""ρ: where a smaller share of the steps since the last look raised the loss, the step size is halved."""


def looks(steps: int) -> tuple[int, ...]:
    """After how many steps the step size is looked at: ⌈p_j·steps⌉ with p_1 = 0.22 and shrinking gaps (section 3.1)."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return tuple(dict.fromkeys(math.ceil(round(share * steps, 6)) for share in shares[1:] if share < 1))


def apgd(forward: Forward, x: Tensor, y: Tensor, *, ball: Ball, steps: int, generator: torch.Generator) -> Tensor:
    """The images of highest cross-entropy among the ``steps`` + 1 that APGD-CE visits; each sample goes its own way.

    As in the authors' code, a look at the step size sees all steps made so far, and what it sends back to the best
    point goes on with the gradient of that point. The start is x + U(±ε); the authors scale it to the ball's surface.

    Args:
        forward: images (B, C, H, W) in [0, 1] to logits (B, K). Its mode is the caller's business.
        x: natural images, not changed.
        y: labels (B,).
        ball: the perturbation set around ``x``.
        steps: gradient steps, at least 1.
        generator: source of the random start, on the device of ``x``.

    Returns:
        Images in the ball and in [0, 1], detached.

    Raises:
        WorkbenchError: the ball is not of l∞.
    """
    assert steps >= 1
    if ball.norm != "linf":
        raise WorkbenchError(f"APGD is of the linf ball; got {ball.norm}")
    objective = to_label(y)

    def measure(images: Tensor) -> tuple[Tensor, Tensor]:
        images = images.detach().requires_grad_(True)
        with torch.enable_grad():
            losses = objective(forward(images))
            (gradient,) = torch.autograd.grad(losses.sum(), images)
        return losses.detach(), gradient

    def into_ball(images: Tensor) -> Tensor:
        return project(images, x, ball).clamp_(0.0, 1.0)

    x_adv = previous = uniform_start(x, ball.eps, generator)
    loss, gradient = measure(x_adv)
    best, best_loss, best_gradient = x_adv, loss, gradient
    size = x.new_full((len(x), 1, 1, 1), 2.0 * ball.eps)
    successes = torch.zeros_like(y)
    halved = torch.zeros_like(y, dtype=torch.bool)
    last_look, last_best = 0, best_loss
    schedule = frozenset(looks(steps))
    for step in range(1, steps + 1):
        moved = into_ball(x_adv + size * gradient.sign())
        if step > 1:
            moved = into_ball(x_adv + MOMENTUM * (moved - x_adv) + (1 - MOMENTUM) * (x_adv - previous))
        previous, x_adv, before = x_adv, moved, loss
        loss, gradient = measure(x_adv)
        successes += loss > before
        better = loss > best_loss
        best, best_gradient = _choose(better, x_adv, best), _choose(better, gradient, best_gradient)
        best_loss = torch.where(better, loss, best_loss)
        if step in schedule:
            stalls = ~halved & (best_loss <= last_best)
            halved = (successes < LEAST_SUCCESSES * (step - last_look)) | stalls
            size = torch.where(_wide(halved), size / 2, size)
            x_adv, gradient = _choose(halved, best, x_adv), _choose(halved, best_gradient, gradient)
            loss = torch.where(halved, best_loss, loss)
            successes, last_look, last_best = torch.zeros_like(y), step, best_loss
    return best.detach()


def _wide(flags: Tensor) -> Tensor:
    return flags[:, None, None, None]


def _choose(flags: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    """Rows of ``chosen`` where a flag (B,) is set, of ``other`` elsewhere."""
    return torch.where(_wide(flags), chosen, other)
