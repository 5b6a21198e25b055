"""One batch under training, and the passes that every kind of step is made of."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.attacks import Ascent, ascend
from trainers.attacks.pgd import Forward
from trainers.fabric import Fabric
from trainers.losses import LOSSES
from trainers.method import MethodSpec
from trainers.regularizers import REGULARIZERS, Memory, View
from trainers.spec import BatchNormMode, TrainConfig
from trainers.steps.modes import evaluation_mode, frozen_statistics
from trainers.team import WHOLE, Share
from trainers.weights import WEIGHTS


class StepResult(NamedTuple):
    """What a step leaves behind, detached: scalar loss (regularizer included), regularizer, logits (B, K) or None."""

    loss: Tensor
    regularizer: Tensor
    clean_logits: Tensor | None
    adv_logits: Tensor | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Everything that a step needs; ``model`` and ``optimizer`` as set up by Fabric, the model in training mode."""

    fabric: Fabric
    model: nn.Module
    optimizer: Optimizer
    x: Tensor
    y: Tensor
    method: MethodSpec
    config: TrainConfig
    generator: torch.Generator
    record: bool
    memory: Memory
    share: Share = WHOLE

    @property
    def module(self) -> nn.Module:
        """The module inside Fabric's wrapper: ``autograd.grad`` through the wrapper fails under mixed precision."""
        inner = getattr(self.model, "module", self.model)
        assert isinstance(inner, nn.Module)
        return inner

    @property
    def forward(self) -> Forward:
        """Logits by the module inside, never in less than float32; for passes under autocast."""
        module = self.module

        def logits(x: Tensor) -> Tensor:
            out: Tensor = module(x)
            return out.float() if out.dtype.itemsize < 4 else out

        return logits


class Passes(NamedTuple):
    """Logits of x (None where no part needs them and none are recorded) and of x* (None without an adversary)."""

    clean_logits: Tensor | None
    adv_logits: Tensor | None


def attack(batch: Batch) -> Ascent:
    """Adversarial images, their gradients taken in the mode that the method's row names; x itself without an attack."""
    row = batch.method
    if row.attack is None:
        return Ascent(batch.x, None, None, None)
    with batch.fabric.autocast(), _mode(batch.model, row.attack.batch_norm):
        return ascend(
            batch.forward,
            batch.x,
            batch.y,
            ball=batch.config.ball,
            attack=row.attack,
            generator=batch.generator,
            keep_graph=row.needs_clean and row.attack_forwards_clean,
        )


def forward(batch: Batch, ascent: Ascent) -> Passes:
    """The passes that the loss and the record need, each once.

    Natural logits come from the attack's first pass where it begins at x. Else they cost one pass: with gradient if a
    part needs them, or, if only the record does, without gradient and with running statistics frozen.
    """
    row = batch.method
    clean_logits = ascent.clean_logits if row.attack_forwards_clean else None
    if clean_logits is None and row.needs_clean:
        clean_logits = batch.model(batch.x)
    elif clean_logits is None and batch.record:
        clean_logits = recorded(batch)
    return Passes(clean_logits, None if row.attack is None else batch.model(ascent.x_adv))


def recorded(batch: Batch) -> Tensor:
    """Natural logits for the record alone: no gradient, and running statistics stay as they are."""
    with batch.fabric.autocast(), torch.no_grad(), frozen_statistics(batch.model):
        return batch.forward(batch.x)


def mean_loss(batch: Batch, passes: Passes) -> Tensor:
    """The method's loss without regularizers, weighted per sample where its row says so; a scalar."""
    row = batch.method
    losses = LOSSES[row.loss](passes.clean_logits, passes.adv_logits, batch.y, batch.config)
    if row.weight is not None:
        assert passes.clean_logits is not None
        losses = WEIGHTS[row.weight](passes.clean_logits) * losses
    return batch.share.mean(losses)


def mean_regularizer(batch: Batch, ascent: Ascent, passes: Passes) -> Tensor:
    """The sum of the method's regularizers, a scalar; zero without any."""
    total = torch.zeros((), device=batch.x.device, dtype=torch.float32)
    if not batch.method.regularizers:
        return total
    assert passes.adv_logits is not None
    view = View(
        forward=batch.forward,
        x=batch.x,
        y=batch.y,
        clean_logits=passes.clean_logits,
        adv_logits=passes.adv_logits,
        ascent=ascent,
        config=batch.config,
        generator=batch.generator,
        memory=batch.memory,
        share=batch.share,
    )
    with batch.fabric.autocast():
        for name in batch.method.regularizers:
            term = REGULARIZERS[name](view)
            total = total + (batch.share.mean(term) if term.dim() else term)
    return total


def update(batch: Batch, total: Tensor) -> None:
    """Gradients of ``total``, summed over the processes, and one step of the optimizer.

    Gradients are shortened to ``clip_grad`` if there is such a bound.
    Gradients that are not finite go on as they are: whoever watches the loss decides what to do.
    """
    batch.optimizer.zero_grad()
    batch.fabric.backward(total if batch.share.size == 1 else total * batch.share.size)  # which DDP divides by
    if batch.config.clip_grad > 0:
        batch.fabric.clip_gradients(
            batch.model, batch.optimizer, max_norm=batch.config.clip_grad, error_if_nonfinite=False
        )
    batch.optimizer.step()


def result(passes: Passes, loss: Tensor, regularizer: Tensor) -> StepResult:
    """The same, detached; ``loss`` is without the regularizer."""
    return StepResult(
        (loss + regularizer).detach(),
        regularizer.detach().to(loss.dtype),
        _detached(passes.clean_logits),
        _detached(passes.adv_logits),
    )


def _mode(model: nn.Module, batch_norm: BatchNormMode) -> AbstractContextManager[None]:
    """The mode an attack runs in: training mode as it is, or evaluation mode."""
    return evaluation_mode(model) if batch_norm == "eval" else nullcontext()


def _detached(logits: Tensor | None) -> Tensor | None:
    return None if logits is None else logits.detach()
