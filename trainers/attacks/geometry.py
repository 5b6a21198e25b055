"""Geometry of the l∞ and l2 balls around images, inside the image range [0, 1]."""

import torch
from torch import Tensor

from trainers.seeding import drawn
from trainers.spec import Ball, Norm

_HALVINGS = 40


def uniform_noise(x: Tensor, radius: float, norm: Norm, generator: torch.Generator) -> Tensor:
    """Uniform in the ball of ``radius`` around zero, shape of ``x``: U(±radius) per pixel for l∞."""
    if norm == "linf":
        return drawn(x, generator, lambda noise: noise.uniform_(-radius, radius, generator=generator))
    direction = unit(drawn(x, generator, lambda noise: noise.normal_(generator=generator)))
    share = uniform_shares(x, generator)
    return direction.mul_(radius * share ** (1.0 / x[0].numel()))


def normal_noise(x: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """N(0, std²) per pixel, std in pixel units, shape of ``x``."""
    return drawn(x, generator, lambda noise: noise.normal_(0.0, std, generator=generator))


def uniform_shares(x: Tensor, generator: torch.Generator) -> Tensor:
    """U(0, 1) for each sample of ``x``, shape (B, 1, 1, 1)."""
    return drawn(x[:, :1, :1, :1], generator, lambda share: share.uniform_(generator=generator))


def uniform_start(x: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """X + U(±radius) per pixel, clipped to [0, 1]; same shape as ``x``."""
    return uniform_noise(x, radius, "linf", generator).add_(x).clamp_(0.0, 1.0)


def unit(gradient: Tensor) -> Tensor:
    """Each sample at l2 norm 1; a sample of zeros stays zero."""
    return gradient / _length(gradient).clamp_min(torch.finfo(gradient.dtype).tiny)


def steepest_step(x_adv: Tensor, gradient: Tensor, size: float, norm: Norm) -> Tensor:
    """Steepest ascent by ``size``: along the gradient's sign under l∞, along the gradient itself under l2."""
    return x_adv + size * (gradient.sign() if norm == "linf" else unit(gradient))


def project(x_adv: Tensor, x: Tensor, ball: Ball) -> Tensor:
    """The nearest point of the ball around ``x``; for l2, of the ball's part inside the image range.

    Under l2, projecting onto the ball and then clipping to [0, 1] is not the nearest point of both, and a step may end
    lower than it began. The nearest point is x + t·(x_adv − x) clipped, t in [0, 1] as large as the ball allows: found
    by halving, from inside.
    """
    if ball.norm == "linf":
        return torch.clamp(x_adv, x - ball.eps, x + ball.eps)
    delta = x_adv - x
    low, high = torch.zeros_like(delta[:, :1, :1, :1]), torch.ones_like(delta[:, :1, :1, :1])
    whole = _length((x + delta).clamp_(0.0, 1.0) - x) <= ball.eps
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = _length((x + middle * delta).clamp_(0.0, 1.0) - x) <= ball.eps
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return (x + torch.where(whole, torch.ones_like(low), low) * delta).clamp_(0.0, 1.0)


def _length(delta: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
    return length
