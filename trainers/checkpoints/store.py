"""The checkpoint folder of a run: which files there are, and which may go."""

from pathlib import Path

from trainers.rundir import CHECKPOINTS, RESUME_NAME, averaged_name, find_weights, weights_name


class CheckpointStore:
    """``DIR/checkpoints``: one weights file per kept epoch and one resume state."""

    def __init__(self, run_dir: Path, *, keep_last: int, keep_best: bool) -> None:
        """Keep the last ``keep_last`` epochs and, if ``keep_best``, the one with the best robust probe accuracy."""
        self._run_dir = run_dir
        self._keep_last = keep_last
        self._keep_best = keep_best
        self._named: set[int] = set()

    @property
    def directory(self) -> Path:
        """The folder."""
        return self._run_dir / CHECKPOINTS

    @property
    def resume_path(self) -> Path:
        """Where the resume state lies."""
        return self.directory / RESUME_NAME

    def path(self, epoch: int) -> Path:
        """Where the weights of an epoch lie, or would lie."""
        return self.directory / weights_name(epoch)

    def averaged_path(self, epoch: int) -> Path:
        """Where the averaged weights of an epoch lie, in a run that averages; they come and go with the others."""
        return self.directory / averaged_name(epoch)

    def open(self) -> None:
        """Make the folder, and remove what a killed process left half written."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for leftover in self.directory.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)

    def keep(self, epoch: int) -> None:
        """Never delete the weights of an epoch: something names them."""
        self._named.add(epoch)

    def kept(self) -> tuple[int, ...]:
        """The epochs whose weights are there, ascending."""
        return tuple(find_weights(self._run_dir))

    def prune(self, best_epoch: int | None, *, last_epoch: int | None = None) -> None:
        """Delete all weights but the last ones, the best one, and those that something names.

        Args:
            best_epoch: the one with the best robust probe accuracy, None if there is none.
            last_epoch: the run stands behind this epoch. Weights of later ones, left by a run that was killed and
                trains them again, are left alone. None: the last there is.
        """
        weights = find_weights(self._run_dir)
        if last_epoch is not None:
            weights = {epoch: path for epoch, path in weights.items() if epoch <= last_epoch}
        kept = {*list(weights)[-self._keep_last :], *self._named}
        if self._keep_best and best_epoch is not None:
            kept.add(best_epoch)
        for epoch, path in weights.items():
            if epoch not in kept:
                self.averaged_path(epoch).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
