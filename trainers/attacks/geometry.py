"""Geometry of the l∞ ball and the image range [0, 1]."""

import torch
from torch import Tensor

from trainers.spec import Ball


def uniform_start(x: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """X + U(±radius) per pixel, clipped to [0, 1]; same shape as ``x``."""
    noise = torch.empty_like(x).uniform_(-radius, radius, generator=generator)
    return noise.add_(x).clamp_(0.0, 1.0)


def normal_start(x: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """X + N(0, std²) per pixel, std in pixel units, clipped to [0, 1]; same shape as ``x``."""
    noise = torch.empty_like(x).normal_(0.0, std, generator=generator)
    return noise.add_(x).clamp_(0.0, 1.0)


def sign_step(x_adv: Tensor, gradient: Tensor, size: float) -> Tensor:
    """Steepest ascent under l∞: x_adv + size·sign(gradient)."""
    return x_adv + size * gradient.sign()


def project(x_adv: Tensor, x: Tensor, ball: Ball) -> Tensor:
    """The nearest point of the ball around ``x``."""
    return torch.clamp(x_adv, x - ball.eps, x + ball.eps)
