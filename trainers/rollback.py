"""Going back to older weights and on from there with other settings."""

from trainers.checkpoints import CheckpointStore, load_weights
from trainers.errors import WorkbenchError
from trainers.setup import Parts, initial_weights, with_changes
from trainers.spec import RolledBack


def roll_back(parts: Parts, store: CheckpointStore, rolled: RolledBack) -> Parts:
    """Put the weights of a checkpoint into the model, empty the optimizer, and change the settings; the parts after.

    Checkpoints hold weights and running statistics but no momentum, so momentum starts at zero.

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
    return changed
