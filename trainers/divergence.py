"""A loss that is no longer finite: what is said of it, and what a run that may go back does."""

from collections.abc import Sequence

from trainers.checkpoints import CheckpointStore, load_weights
from trainers.errors import WorkbenchError
from trainers.method import MethodSpec
from trainers.setup import Parts
from trainers.spec import RolledBack


class DivergedError(WorkbenchError):
    """The loss of a step was infinite or not a number.

    Attributes:
        step: the first such step.
        epoch: the epoch that it belongs to.
    """

    def __init__(self, step: int, epoch: int) -> None:
        """Name the step."""
        super().__init__(f"training diverged: the loss of step {step} (epoch {epoch}) is not finite")
        self.step, self.epoch = step, epoch


def explained(error: DivergedError, parts: Parts, store: CheckpointStore, why: str = "") -> WorkbenchError:
    """The same with the method's parts, the last healthy checkpoint, why the run did not go back, and advice."""
    healthy = last_healthy(store, error.epoch)
    kept = "no checkpoint was saved yet" if healthy is None else f"the last healthy checkpoint is {store.path(healthy)}"
    return WorkbenchError(f"{error} ({_parts_of(parts.method)}); {kept}; {why}lower --lr or {_knob(parts.method)}")


def _parts_of(method: MethodSpec) -> str:
    names = {"attack": method.attack.name if method.attack else None, "loss": method.loss, "weight": method.weight}
    named = [f"{part} {name}" for part, name in names.items() if name is not None]
    return ", ".join([*named, *(f"regularizer {name}" for name in method.regularizers)])


def _knob(method: MethodSpec) -> str:
    """The weight that most likely made it so."""
    weights = [name for name in method.options if "lambda" in name or "beta" in name or "gamma" in name]
    own = f"--{weights[0].replace('_', '-')}" if weights else "--weight-decay"
    return "--der-beta" if "delta-energy" in method.regularizers else own


def last_healthy(store: CheckpointStore, before: int) -> int | None:
    """The last epoch before another whose weights are kept and finite; None without any."""
    return next((epoch for epoch in reversed(store.kept()) if epoch < before and _is_finite(store, epoch)), None)


def _is_finite(store: CheckpointStore, epoch: int) -> bool:
    weights = load_weights(store.path(epoch))[0].state_dict().values()
    return all(bool(value.isfinite().all()) for value in weights)


def way_back(error: DivergedError, parts: Parts, store: CheckpointStore, rollbacks: Sequence[RolledBack]) -> RolledBack:
    """Where the run goes on from: the weights that its epoch began with, at half the learning rate.

    The epoch is trained again from its first batch; steps go on counting, so noise is not repeated.

    Raises:
        WorkbenchError: nothing to go back to, those weights are not finite either, or it has gone back often enough.
    """
    most = parts.config.max_rollbacks
    if sum(rolled.is_of_divergence for rolled in rollbacks) >= most:
        raise explained(error, parts, store, f"the run has had all {most} of --max-rollbacks; ")
    before = error.epoch - 1
    if before < 0:
        raise explained(error, parts, store, "there is nothing to go back to; ")
    checkpoint: int | None = before
    if rollbacks and rollbacks[-1].epoch == before:
        checkpoint = rollbacks[-1].checkpoint
    if checkpoint is not None and not _is_finite(store, checkpoint):
        raise explained(error, parts, store, f"the weights of epoch {checkpoint} are not finite either; ")
    return RolledBack(epoch=before, checkpoint=checkpoint, changes={"lr": parts.config.lr / 2.0})
