"""The checkpoint folder of a run: which files there are, and which may go."""

import re
from pathlib import Path

_NAME = re.compile(r"epoch-(\d{6,})\.safetensors")


class CheckpointStore:
    """``DIR/checkpoints``: one weights file per kept epoch and one resume state."""

    def __init__(self, run_dir: Path, *, keep_last: int, keep_best: bool) -> None:
        """Keep the last ``keep_last`` epochs and, if ``keep_best``, the one with the best robust probe accuracy."""
        self.directory = run_dir / "checkpoints"
        self._keep_last = keep_last
        self._keep_best = keep_best

    @property
    def resume_path(self) -> Path:
        """Where the resume state lies."""
        return self.directory / "resume.safetensors"

    def path(self, epoch: int) -> Path:
        """Where the weights of an epoch lie, or would lie."""
        return self.directory / f"epoch-{epoch:06d}.safetensors"

    def epochs(self) -> list[int]:
        """Epochs whose weights are there, ascending."""
        matches = (_NAME.fullmatch(entry.name) for entry in self.directory.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def prune(self, best_epoch: int | None) -> None:
        """Delete all weights but the last ones and the best one."""
        epochs = self.epochs()
        kept = set(epochs[-self._keep_last :])
        if self._keep_best and best_epoch is not None:
            kept.add(best_epoch)
        for epoch in epochs:
            if epoch not in kept:
                self.path(epoch).unlink(missing_ok=True)
