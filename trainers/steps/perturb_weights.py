"""Adversarial weight perturbation (Wu, Xia & Wang 2020): the gradient is taken where the weights are at their worst."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from trainers.attacks import Ascent
from trainers.method import NEED_CLEAN
from trainers.steps.batch import Batch, Passes, StepResult, attack, mean_loss
from trainers.steps.modes import frozen_statistics
from trainers.steps.standard import descend


def perturb_weights_step(batch: Batch) -> StepResult:
    """Attack, move the weights uphill by γ of their own length, update there, and move them back.

    All that is recorded is of the moved weights. With ``awp_gamma`` 0 (in the warm-up) it is the ordinary step.
    """
    ascent = attack(batch)
    gamma = batch.config.awp_gamma
    if gamma == 0:
        return descend(batch, ascent)
    with _moved(batch, _uphill(batch, ascent), gamma):
        return descend(batch, ascent)


def _uphill(batch: Batch, ascent: Ascent) -> Mapping[str, Tensor]:
    """‖w‖/(‖g‖ + 1e-20)·g for every weight of more than one dimension, g the gradient of the loss without regularizers.

    The authors take a step of SGD on a copy of the model and measure how far it went, which is along g; running
    statistics of the model stay as they are in both.
    """
    weights = {name: w for name, w in batch.module.named_parameters() if w.dim() > 1 and "weight" in name}
    with batch.fabric.autocast(), frozen_statistics(batch.model):
        clean_logits = batch.forward(batch.x) if batch.method.loss in NEED_CLEAN else None
        loss = mean_loss(batch, Passes(clean_logits, batch.forward(ascent.x_adv)))
    gradients = [batch.share.total(g) for g in torch.autograd.grad(loss, list(weights.values()))]
    return {
        name: (w.detach().norm() / (g.norm() + 1e-20)) * g
        for (name, w), g in zip(weights.items(), gradients, strict=True)
    }


@contextmanager
def _moved(batch: Batch, direction: Mapping[str, Tensor], gamma: float) -> Iterator[None]:
    """The weights moved inside; after, the same way back from where the update left them."""
    weights = dict(batch.module.named_parameters())

    @torch.no_grad()
    def move(size: float) -> None:
        for name, along in direction.items():
            weights[name].add_(along, alpha=size)

    move(gamma)
    try:
        yield
    finally:
        move(-gamma)
