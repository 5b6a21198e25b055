"""Going back to older weights and on from there with other settings."""

from collections.abc import Sequence

from trainers.checkpoints import CheckpointStore, load_weights
from trainers.errors import WorkbenchError
from trainers.setup import Parts, initial_weights, with_changes
from trainers.spec import RolledBack, TrainConfig

RAMP_EPOCHS = 5
"""Epochs over which β grows after a rollback. With the demo's settings, seed 0, from epoch 4 and the whole β of 15 at
once, the network is dead (10 % clean accuracy) within two epochs, even with a learning rate that warms up over 3.
With β growing over 3 or 5 epochs it recovers (PGD accuracy after six epochs 28 % and 35 %)."""


def roll_back(parts: Parts, store: CheckpointStore, rolled: RolledBack) -> Parts:
    """Put the weights of a checkpoint into the model, empty the optimizer, and change the settings; the parts after.

    Checkpoints hold weights and running statistics but no momentum, so momentum starts at zero, what the method
    remembers (λ of elle-a, δ of free) at its start, and averaged weights at those that the run goes back to.

    Raises:
        WorkbenchError: the checkpoint is missing, damaged or of another model. The model is as it was.
    """
    if rolled.checkpoint is None:
        weights = initial_weights(parts)
    else:
        weights = load_weights(store.path(rolled.checkpoint))[0].state_dict()
    changed = with_changes(parts, [rolled])
    try:
        parts.module.load_state_dict(weights)
    except RuntimeError as error:
        raise WorkbenchError(f"the weights to go back to are of another model: {str(error).splitlines()[0]}") from None
    parts.sgd.state.clear()
    parts.memory.clear()
    if parts.average is not None:
        parts.average.restart(parts.module)
    return changed


def der_beta(given: TrainConfig, rollbacks: Sequence[RolledBack], position: float) -> float:
    """β at a moment of training, a function of the position alone.

    It grows evenly from 0 over the first ``der_warmup`` epochs, if there are any. After a rollback it grows, over
    RAMP_EPOCHS, from what the checkpoint was trained with (0 where the run went back to its start) to what the rollback
    asks for.

    Args:
        given: the configuration of the run before any rollback.
        rollbacks: those that lie behind the run, in order.
        position: in epochs since the run began.
    """
    if not rollbacks:
        return given.der_beta * (min(position / given.der_warmup, 1.0) if given.der_warmup > 0 else 1.0)
    *former, last = rollbacks
    goal = next((r.changes["der_beta"] for r in reversed(rollbacks) if "der_beta" in r.changes), given.der_beta)
    start = 0.0
    if last.checkpoint is not None:
        led_there = [rolled for rolled in former if rolled.epoch < last.checkpoint]
        start = der_beta(given, led_there, last.checkpoint + 1.0)
    share = min(max((position - (last.epoch + 1)) / RAMP_EPOCHS, 0.0), 1.0)
    return start + share * (float(goal) - start)
