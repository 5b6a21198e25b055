"""What the recorders of all frameworks share: one run of a trainer, which may be resumed, into one log."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from trainers.errors import WorkbenchError
from trainers.recorder import EnergyRecorder

MEASURES = tuple(name for name in inspect.signature(EnergyRecorder.end_epoch).parameters if name.endswith("accuracy"))
"""What ``EnergyRecorder.end_epoch`` takes from a trainer's metrics."""

_BATCH = ("index", "y", "logits_clean", "logits_adv")


class Session:
    """Micro-batches become optimizer steps, steps become epochs, and epochs that the log holds are not recorded again.

    Attributes:
        metrics: the trainer's name of each accuracy, by its name in the log.
        recorder: the recorder while a run goes on, else None.
    """

    def __init__(self, path: str | Path, metrics: Mapping[str, str] | None, options: Mapping[str, Any]) -> None:
        """Prepare; ``options`` are those of ``EnergyRecorder``.

        Raises:
            WorkbenchError: ``metrics`` names something that the log has no place for, or ``options`` has a ``resume``.
        """
        unknown = sorted(set(metrics or {}) - set(MEASURES))
        if unknown:
            raise WorkbenchError(f"metrics gives names to {', '.join(MEASURES)}; got {unknown[0]!r}")
        if "resume" in options:
            raise WorkbenchError("a log is resumed when its trainer is; leave resume out")
        self.metrics = MappingProxyType(dict(metrics or {}))
        self.recorder: EnergyRecorder | None = None
        self._path, self._options = path, dict(options)
        self._epoch = 0
        self._parts: list[dict[str, Any]] = []

    def start(self, epoch: int) -> None:
        """Begin with an epoch: from 0 in a new log, from a later one in the log that has the epochs before.

        Raises:
            WorkbenchError: there is a log already, or it lacks epochs; and as ``EnergyRecorder``.
        """
        self._epoch, self._parts = epoch, []
        self.recorder = EnergyRecorder(self._path, **self._options, resume=epoch > 0)
        if self.recorder.epoch < epoch:
            held, self.recorder = self.recorder, None
            held.close("stopped")
            raise WorkbenchError(
                f"training goes on with epoch {epoch}, but {held.path} has {held.epoch}: "
                "give the log of the run that the checkpoint is of"
            )

    @property
    def is_recording(self) -> bool:
        """Whether batches of the present epoch are wanted: not before the start, nor what the log holds already."""
        return self.recorder is not None and self._epoch >= self.recorder.epoch

    def add(self, part: Mapping[str, Any], loss: ArrayLike | Tensor | None = None) -> None:
        """Take in one micro-batch: ``index``, ``y``, ``logits_clean``, ``logits_adv``; the logits may be missing.

        Raises:
            WorkbenchError: index or y is missing.
        """
        missing = [name for name in ("index", "y") if part.get(name) is None]
        if missing or (part.get("logits_clean") is None and part.get("logits_adv") is None):
            wanted = "index, y and logits_clean, logits_adv or both"
            raise WorkbenchError(f"a training step gives {wanted}; got {', '.join(map(str, part)) or 'nothing'}")
        if self.is_recording:
            values = {name: part.get(name) for name in _BATCH} | {"loss": loss}
            self._parts.append({n: v.detach() if isinstance(v, Tensor) else v for n, v in values.items()})

    def step(self, learning_rate: float | None = None) -> None:
        """The optimizer has made a step: what came in since the last one is its batch."""
        if self.recorder is None or not self._parts:
            return
        parts, self._parts = self._parts, []
        batch = {name: _joined([part[name] for part in parts]) for name in _BATCH}
        sizes = [len(part["y"]) for part in parts]
        losses = [part["loss"] for part in parts]
        loss = None
        if all(value is not None for value in losses):
            loss = sum(value * size for value, size in zip(losses, sizes, strict=True)) / max(1, sum(sizes))
        self.recorder.batch(**batch, loss=loss, learning_rate=learning_rate)

    def end_epoch(self, found: Mapping[str, Any], *, evaluated: bool) -> None:
        """Commit the epoch, unless the log holds it.

        Args:
            found: values by the trainer's names; those that ``metrics`` does not name are passed over.
            evaluated: whether the trainer has evaluated in this epoch, so that what ``metrics`` names should be there.

        Raises:
            WorkbenchError: it should be there and is not; and as ``EnergyRecorder.end_epoch``.
        """
        if self.recorder is None:
            return
        absent = [theirs for theirs in self.metrics.values() if theirs not in found]
        if absent and evaluated:
            raise WorkbenchError(f"no metric {absent[0]!r} was logged; there are {', '.join(sorted(found)) or 'none'}")
        self.step()
        if self.is_recording:
            self.recorder.end_epoch(**{ours: found.get(theirs) for ours, theirs in self.metrics.items()})
        self._epoch += 1

    def close(self, error: BaseException | type[BaseException] | None = None) -> None:
        """End the log as the run ended: finished, stopped by Ctrl-C or ``sys.exit``, or failed."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            kind = error if isinstance(error, type) or error is None else type(error)
            recorder.__exit__(kind, None, None)


def _joined(values: list[Any]) -> Any:
    """The values of several micro-batches as one; None if any has none."""
    if len(values) == 1:
        return values[0]
    if any(value is None for value in values):
        return None
    return torch.cat([torch.as_tensor(value) for value in values])
