"""How one batch becomes one update. Steps own the modes and the optimizer; attacks and losses touch neither."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.fabric import Fabric
from trainers.method import MethodSpec, StepKind
from trainers.regularizers import Memory
from trainers.spec import TrainConfig
from trainers.steps.batch import Batch, StepResult
from trainers.steps.modes import evaluation_mode, frozen_statistics
from trainers.steps.perturb_weights import perturb_weights_step
from trainers.steps.replay import BY_PLACE, replay_step
from trainers.steps.standard import standard_step
from trainers.team import WHOLE, Share

STEPS: Mapping[StepKind, Callable[[Batch], StepResult]] = {
    "standard": standard_step,
    "replay": replay_step,
    "perturb-weights": perturb_weights_step,
}


def train_step(
    fabric: Fabric,
    model: nn.Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: MethodSpec,
    config: TrainConfig,
    generator: torch.Generator,
    record: bool,
    memory: Memory | None = None,
    share: Share = WHOLE,
) -> StepResult:
    """One batch becomes one update (or as many as the method replays); the model is in training mode.

    Args:
        fabric: gives autocast and the backward pass.
        model: as set up by Fabric; the attack runs on the module inside.
        optimizer: as set up by Fabric.
        x: images (B, C, H, W) in [0, 1].
        y: labels (B,).
        method: the parts.
        config: ε and the settings of the parts at this moment of the run.
        generator: source of the attack's random start and of a regularizer's noise.
        record: whether the natural logits are wanted although the loss does not need them.
        memory: what the run remembers from step to step, changed in place; None for a step that stands alone.
        share: the part of the batch that x and y are; losses of the result are this part's contribution to the mean.
    """
    batch = Batch(
        fabric=fabric,
        model=model,
        optimizer=optimizer,
        x=x,
        y=y,
        method=method,
        config=config,
        generator=generator,
        record=record,
        memory={} if memory is None else memory,
        share=share,
    )
    return STEPS[method.step](batch)


__all__ = ["BY_PLACE", "STEPS", "Batch", "StepResult", "evaluation_mode", "frozen_statistics", "train_step"]
