"""What a command works on: a run, of which one checkpoint is taken, or a checkpoint by itself."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from trainers.energylog import EnergyLog, best_epoch
from trainers.errors import WorkbenchError
from trainers.rundir import CHECKPOINTS, LOG_NAME, find_weights

BEST, LAST = "best", "last"
DERIVED = "generation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A checkpoint and where things made from it belong.

    Attributes:
        checkpoint: the weights file.
        run_dir: the run it comes from; None for a file outside a run directory.
        epoch: the epoch of the run after which it was saved; None outside a run.
    """

    checkpoint: Path
    run_dir: Path | None
    epoch: int | None

    @property
    def derived(self) -> Path:
        """Folder of what is made from the run or the checkpoint (PCA, class energies, samples)."""
        if self.run_dir is not None:
            return self.run_dir / DERIVED
        return self.checkpoint.with_name(f"{self.checkpoint.stem}.{DERIVED}")

    def digest(self) -> str:
        """SHA-256 of the weights file, in hex."""
        with self.checkpoint.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def find_target(path: Path, epoch: str = BEST) -> Target:
    """The checkpoint that a path means.

    Args:
        path: a run directory, its log, or a checkpoint file.
        epoch: which checkpoint of a run: "best" (highest PGD accuracy on the probe set of those that are kept), "last",
            or a number. For a checkpoint file it must be left at "best".

    Raises:
        WorkbenchError: nothing there, no checkpoint of that epoch, or an epoch asked of a checkpoint file.
    """
    if path.is_dir() or path.name == LOG_NAME:
        return _of_run(path if path.is_dir() else path.parent, epoch)
    if not path.is_file():
        raise WorkbenchError(f"no such run or checkpoint: {path}")
    if epoch != BEST:
        raise WorkbenchError(f"{path} is one checkpoint; --epoch chooses among those of a run directory")
    in_run = path.parent.name == CHECKPOINTS and (path.parent.parent / LOG_NAME).exists()
    run_dir = path.parent.parent if in_run else None
    number = next((e for e, file in find_weights(run_dir).items() if file.name == path.name), None) if run_dir else None
    return Target(checkpoint=path, run_dir=run_dir, epoch=number)


def _of_run(run_dir: Path, epoch: str) -> Target:
    weights = find_weights(run_dir)
    if not weights:
        raise WorkbenchError(f"{run_dir} holds no checkpoints; give a run directory or a .safetensors checkpoint")
    known = ", ".join(map(str, weights))
    if epoch == LAST:
        number = max(weights)
    elif epoch == BEST:
        number = _best(run_dir, tuple(weights))
    elif epoch.isascii() and epoch.isdigit() and len(epoch) < 19 and int(epoch) in weights:
        number = int(epoch)
    else:
        raise WorkbenchError(f"{run_dir} holds no checkpoint of epoch {epoch!r}; it has best, last, {known}")
    return Target(checkpoint=weights[number], run_dir=run_dir, epoch=number)


def _best(run_dir: Path, epochs: tuple[int, ...]) -> int:
    """Of the epochs with a checkpoint the most robust one; the last if there is no log or no accuracy."""
    if not (run_dir / LOG_NAME).exists():
        return max(epochs)
    with EnergyLog.open(run_dir) as log:
        rows = [row for row in log.epochs() if int(row["epoch"]) in epochs]
    best = best_epoch(rows)
    return max(epochs) if best is None else best
