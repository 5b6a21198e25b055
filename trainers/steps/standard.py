"""The ordinary step: attack, forward, one backward pass, one update."""

from trainers.attacks import Ascent
from trainers.steps.batch import Batch, StepResult, attack, forward, mean_loss, mean_regularizer, result, update


def standard_step(batch: Batch) -> StepResult:
    """Attack, forward, loss, one backward pass, one optimizer step."""
    return descend(batch, attack(batch))


def descend(batch: Batch, ascent: Ascent) -> StepResult:
    """The same, the attack already made."""
    passes = forward(batch, ascent)
    loss, regularizer = mean_loss(batch, passes), mean_regularizer(batch, ascent, passes)
    update(batch, loss + regularizer)
    return result(passes, loss, regularizer)
