"""Gradient alignment (Andriushchenko & Flammarion 2020, eq. 3)."""

import torch
from torch import Tensor

from trainers.attacks.geometry import uniform_noise
from trainers.energy import cross_entropy
from trainers.regularizers.view import View


def grad_align(view: View) -> Tensor:
    """λ·(1 − mean cos(g1, g2)), a scalar: g1 = ∇CE at x, detached, g2 = ∇CE at x + U(±ε), with its graph.

    g1 is that of the attack, which begins at x. As in the authors' code the noisy image is not clipped to [0, 1] and
    samples with a gradient of zero are left out; where none is left the term is 0 (theirs is NaN).
    """
    first = view.ascent.start_gradient
    assert first is not None
    noise = uniform_noise(view.x, view.config.eps, "linf", view.generator)
    images = noise.add_(view.x).requires_grad_(True)
    losses = cross_entropy(view.forward(images), view.y)
    (second,) = torch.autograd.grad(losses.sum(), images, create_graph=True)
    usable = (_length(first) > 0) & (_length(second) > 0)
    first, second = (torch.where(usable, gradient, torch.ones_like(gradient)) for gradient in (first, second))
    cosines = (first * second).sum((1, 2, 3), keepdim=True) / (_length(first) * _length(second))
    mean_gap = ((1.0 - cosines) * usable).sum() / view.share.total(usable.sum()).clamp_min(1)
    return view.config.align_lambda * mean_gap


def _length(gradient: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
    return length
