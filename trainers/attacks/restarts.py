"""An attack from several starts: the worst of them counts."""

from collections.abc import Callable

import torch
from torch import Tensor

from trainers.attacks.pgd import Forward
from trainers.energy import cross_entropy
from trainers.spec import Ball

Attacker = Callable[[Forward, Tensor, Tensor, Ball, torch.Generator], Tensor]
"""What makes x* (B, C, H, W) of a forward pass, x, labels, ball and generator."""


def restarted(
    run: Attacker, forward: Forward, x: Tensor, y: Tensor, *, ball: Ball, generator: torch.Generator, restarts: int
) -> Tensor:
    """Attack once, then again ``restarts`` − 1 times the images that are still classified as y.

    Args:
        run: the attack; its starts are random.
        forward: images (B, C, H, W) in [0, 1] to logits (B, K). Its mode is the caller's business.
        x: natural images, not changed.
        y: labels (B,).
        ball: the perturbation set around ``x``.
        generator: source of all starts, in the order of the restarts.
        restarts: how often, at least 1.

    Returns:
        For each image the first x* that is not classified as y; where none is, that of highest cross-entropy.
    """
    x_adv = run(forward, x, y, ball, generator)
    right, loss = _judge(forward, x_adv, y)
    for _ in range(restarts - 1):
        rows = right.nonzero().squeeze(1)
        if not len(rows):
            break
        again = run(forward, x[rows], y[rows], ball, generator)
        still_right, its_loss = _judge(forward, again, y[rows])
        worse = ~still_right | (its_loss > loss[rows])
        chosen = rows[worse]
        x_adv[chosen], right[chosen], loss[chosen] = again[worse], still_right[worse], its_loss[worse]
    return x_adv


@torch.no_grad()
def _judge(forward: Forward, images: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each image is classified as y (never where a logit is not finite), and its cross-entropy."""
    logits = forward(images)
    return (logits.argmax(1) == y) & torch.isfinite(logits).all(1), cross_entropy(logits, y)
