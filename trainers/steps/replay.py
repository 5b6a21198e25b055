"""Free adversarial training: the gradient that updates the weights also moves the perturbation."""

import torch

from trainers.attacks import Ascent
from trainers.attacks.geometry import project, steepest_step
from trainers.steps.batch import Batch, Passes, StepResult, mean_loss, mean_regularizer, recorded, result, update

_DELTA = "free_delta"

BY_PLACE = (_DELTA,)
"""What is remembered for every place in a batch: each process remembers that of its own places."""


def replay_step(batch: Batch) -> StepResult:
    """``replays`` updates on one batch; each also moves δ by ε along the sign of the same gradient.

    δ goes on from batch to batch, by place in the batch, as in the authors' code (Shafahi et al. 2019; Wong et al.
    2020, train_free.py): places that a smaller batch lacks keep theirs. Other than there, δ is fitted to the image
    range of a new batch before its first pass, so x* is always an image. The result is that of the last replay.
    """
    x, config, ball = batch.x, batch.config, batch.config.ball
    delta = batch.memory.get(_DELTA, torch.zeros_like(x))
    if len(delta) < len(x):
        delta = torch.cat([delta, torch.zeros_like(x[len(delta) :])])
    x_adv = (x + delta[: len(x)]).clamp_(0.0, 1.0)
    for replay in range(config.replays):
        leaf = x_adv.requires_grad_(True)
        clean_logits = None
        if batch.method.needs_clean:
            clean_logits = batch.model(x)
        elif batch.record and replay == config.replays - 1:
            clean_logits = recorded(batch)
        passes = Passes(clean_logits, batch.model(leaf))
        ascent = Ascent(leaf, None, None, None)
        loss, regularizer = mean_loss(batch, passes), mean_regularizer(batch, ascent, passes)
        update(batch, loss + regularizer)
        assert leaf.grad is not None
        x_adv = project(steepest_step(leaf.detach(), leaf.grad, ball.eps, ball.norm), x, ball).clamp_(0.0, 1.0)
    batch.memory[_DELTA] = torch.cat([x_adv - x, delta[len(x) :]])
    return result(passes, loss, regularizer)
