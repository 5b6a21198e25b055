"""The one attack loop; FGSM, RS-FGSM and N-FGSM are its single-step settings."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.attacks.geometry import normal_noise, project, steepest_step, uniform_noise
from trainers.attacks.objectives import FROM_CLEAN_LOGITS, to_label
from trainers.spec import AttackSpec, Ball

Forward = Callable[[Tensor], Tensor]


class Perturbed(NamedTuple):
    """Adversarial images and, where the attack forwarded x itself, the logits of x (else None)."""

    x_adv: Tensor
    clean_logits: Tensor | None


class Ascent(NamedTuple):
    """What an attack leaves behind: images, logits of x if it forwarded x, and what it saw where it started.

    Attributes:
        x_adv: adversarial images, detached.
        clean_logits: of x (B, K), or None.
        start_logits: of the starting point (B, K), detached; None without steps.
        start_gradient: of the summed objective there, shape of x, detached; None without steps.
    """

    x_adv: Tensor
    clean_logits: Tensor | None
    start_logits: Tensor | None
    start_gradient: Tensor | None


def perturb(
    forward: Forward,
    x: Tensor,
    y: Tensor,
    *,
    ball: Ball,
    attack: AttackSpec,
    generator: torch.Generator,
    keep_graph: bool = False,
) -> Perturbed:
    """Adversarial images by ``ascend``, which see, and the logits of x if they came for free."""
    found = ascend(forward, x, y, ball=ball, attack=attack, generator=generator, keep_graph=keep_graph)
    return Perturbed(found.x_adv, found.clean_logits)


def ascend(
    forward: Forward,
    x: Tensor,
    y: Tensor,
    *,
    ball: Ball,
    attack: AttackSpec,
    generator: torch.Generator,
    keep_graph: bool = False,
) -> Ascent:
    """Ascend the attack's objective from its start (Madry et al. 2018, eq. 2.2; FGSM is one step, noise is none).

    Args:
        forward: images (B, C, H, W) in [0, 1] to logits (B, K). Its mode is the caller's business.
        x: natural images, not changed.
        y: labels (B,).
        ball: the perturbation set around ``x``.
        attack: objective, start, steps and step size in units of ε.
        generator: source of random targets and starts, in this order, on the device of ``x``.
        keep_graph: keep the graph of the first pass, so that a loss can use ``clean_logits`` with gradient; of an
            attack that starts at x.

    Returns:
        ``x_adv`` in [0, 1] (if there is a step, or the start is clipped) and, if ``attack.clip_to_ball``, in the ball.
        ``clean_logits`` are detached unless ``keep_graph``.
    """
    assert attack.start != "carried", "that attack is made by the step that replays batches"
    starts_at_x = attack.start == "zero"
    clean_logits: Tensor | None = None
    start_logits: Tensor | None = None
    start_gradient: Tensor | None = None
    objective = to_label(y)
    if attack.objective in FROM_CLEAN_LOGITS:
        with torch.no_grad():
            clean_logits = forward(x)
        objective = FROM_CLEAN_LOGITS[attack.objective](clean_logits, y, generator)
    x_adv = _start(x, attack, ball, generator)
    for i in range(attack.steps):
        x_adv = x_adv.detach().requires_grad_(True)
        keep = keep_graph and starts_at_x and i == 0
        with torch.enable_grad():
            logits = forward(x_adv)
            (gradient,) = torch.autograd.grad(objective(logits).sum(), x_adv, retain_graph=keep)
        if i == 0:
            start_logits, start_gradient = logits.detach(), gradient
            if starts_at_x:
                clean_logits = logits if keep else start_logits
        x_adv = steepest_step(x_adv.detach(), gradient, attack.step_size * ball.eps, ball.norm)
        if attack.clip_to_ball:
            x_adv = project(x_adv, x, ball)
        x_adv = x_adv.clamp_(0.0, 1.0)
    return Ascent(x_adv.detach(), clean_logits, start_logits, start_gradient)


def _start(x: Tensor, attack: AttackSpec, ball: Ball, generator: torch.Generator) -> Tensor:
    if attack.start == "uniform":
        noise = uniform_noise(x, attack.start_radius * ball.eps, ball.norm, generator)
    elif attack.start == "normal":
        noise = normal_noise(x, attack.start_radius, generator)
    else:
        return x
    start = noise.add_(x)
    return start.clamp_(0.0, 1.0) if attack.clip_start else start
