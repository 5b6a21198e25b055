"""How one batch becomes one update. Steps own the modes and the optimizer; attacks and losses touch neither."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.attacks import perturb
from trainers.attacks.pgd import Forward
from trainers.losses import LOSSES
from trainers.regularizers import REGULARIZERS
from trainers.spec import BatchNormMode, MethodSpec, TrainConfig


class StepResult(NamedTuple):
    """What a step leaves behind, detached: scalar loss (regularizer included), regularizer, logits (B, K) or None."""

    loss: Tensor
    regularizer: Tensor
    clean_logits: Tensor | None
    adv_logits: Tensor | None


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the former mode of every module after."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """Batch norm normalises by the batch, as in training mode, but leaves its running statistics alone."""
    layers = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def standard_step(
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
) -> StepResult:
    """Attack, forward, loss, one backward pass, one optimizer step; the model is in training mode.

    Natural logits come from the attack's first pass where it begins at x. Else they cost one pass: with gradient if a
    regularizer needs them, or, if only ``record`` does, without gradient and with running statistics frozen.

    Args:
        fabric: gives autocast and the backward pass.
        model: as set up by Fabric; the attack runs on the module inside.
        optimizer: as set up by Fabric.
        x: images (B, C, H, W) in [0, 1].
        y: labels (B,).
        method: the parts.
        config: ε and the regularizer's settings.
        generator: source of the attack's random start.
        record: whether the natural logits are wanted although the loss does not need them.
    """
    regularized = bool(method.regularizers)
    clean_logits: Tensor | None = None
    adv_logits: Tensor | None = None
    if method.attack is None:
        clean_logits = model(x)
    else:
        with fabric.autocast(), _mode(model, method.attack.batch_norm):
            x_adv, first_logits = perturb(
                _unwrapped(model),
                x,
                y,
                ball=config.ball,
                attack=method.attack,
                generator=generator,
                keep_graph=regularized and method.attack_forwards_clean,
            )
        clean_logits = first_logits if method.attack_forwards_clean else None
        if clean_logits is None and regularized:
            clean_logits = model(x)
        elif clean_logits is None and record:
            with fabric.autocast(), torch.no_grad(), frozen_statistics(model):
                clean_logits = _unwrapped(model)(x)
        adv_logits = model(x_adv)
    loss = LOSSES[method.loss](clean_logits, adv_logits, y).mean()
    regularizer = torch.zeros_like(loss)
    for name in method.regularizers:
        assert clean_logits is not None
        assert adv_logits is not None
        regularizer = regularizer + REGULARIZERS[name](clean_logits, adv_logits, y, config).mean()
    total = loss + regularizer
    optimizer.zero_grad()
    fabric.backward(total)
    optimizer.step()
    return StepResult(total.detach(), regularizer.detach(), _detached(clean_logits), _detached(adv_logits))


def _mode(model: nn.Module, batch_norm: BatchNormMode) -> AbstractContextManager[None]:
    """The mode an attack runs in: training mode as it is, or evaluation mode."""
    return evaluation_mode(model) if batch_norm == "eval" else nullcontext()


def _unwrapped(model: nn.Module) -> Forward:
    """The module inside Fabric's wrapper: ``autograd.grad`` through the wrapper fails under mixed precision."""
    inner = getattr(model, "module", model)
    assert isinstance(inner, nn.Module)
    return inner


def _detached(logits: Tensor | None) -> Tensor | None:
    return None if logits is None else logits.detach()
