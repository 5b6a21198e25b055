"""What a loop that is not ours hands in: refused in one line, or checked and on one device."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME

LOG_SUFFIXES = (".h5", ".hdf5", ".hdf")
CONFIG_BYTES = 65_536
"""The most that a log keeps of a configuration: every command reads it whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A batch on one device, detached.

    Attributes:
        rows: position of each sample in its table, shape (B,) int64; the one behind the last for what is not recorded.
        y: class of each sample, shape (B,) int64, within the classes.
        clean: f(x), shape (B, K), or None.
        adversarial: f(x*), shape (B, K), or None.
        num_classes: K.
    """

    rows: Tensor
    y: Tensor
    clean: Tensor | None
    adversarial: Tensor | None
    num_classes: int


def log_file(path: str | Path) -> Path:
    """The log that a path stands for: itself if it is or looks like a file of HDF5, else the ``run.h5`` in it."""
    given = Path(path)
    is_file = given.is_file() or (given.suffix.lower() in LOG_SUFFIXES and not given.is_dir())
    return given if is_file else given / LOG_NAME


def batch(
    split: str,
    num_samples: int,
    *,
    index: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    logits_clean: ArrayLike | Tensor | None,
    logits_adv: ArrayLike | Tensor | None,
) -> Batch | None:
    """Check one batch and bring it to the logits' device without waiting for it; None if it is empty.

    Numbers and classes that lie on an accelerator are not looked at, which would wait for it: samples whose number or
    class is out of range are then not recorded.

    Raises:
        WorkbenchError: types or shapes do not fit, or a number or class is out of range.
    """
    given = {"logits_clean": logits_clean, "logits_adv": logits_adv}
    logits = {name: _logits(name, values) for name, values in given.items() if values is not None}
    if not logits:
        raise WorkbenchError("give logits_clean, logits_adv or both")
    rows, targets = _integers("index", index), _integers("y", y)
    shapes = {"index": rows.shape, "y": targets.shape} | {name: values.shape for name, values in logits.items()}
    first, *others = logits.values()
    if (
        rows.ndim != 1
        or targets.shape != rows.shape
        or first.ndim != 2
        or len(first) != len(rows)
        or any(other.shape != first.shape for other in others)
    ):
        words = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise WorkbenchError(f"index and y are (B,), logits are (B, K); got {words}")
    if len(rows) == 0:
        return None
    num_classes = first.shape[1]
    if num_samples == 0:
        raise WorkbenchError(f"there are no {split} samples to record: give num_{split}=")
    limits = (("index", rows, num_samples), ("y", targets, num_classes))
    checked = [_outside(name, values, size) for name, values, size in limits]
    unseen = [_onto(outside, first.device) for outside in checked if outside is not None]
    rows, targets = _onto(rows, first.device), _onto(targets, first.device)
    for outside in unseen:
        rows = torch.where(outside, num_samples, rows)
    if unseen:
        targets = targets.clamp(0, num_classes - 1)
    moved = {name: _onto(values, first.device) for name, values in logits.items()}
    return Batch(
        rows=rows,
        y=targets,
        clean=moved.get("logits_clean"),
        adversarial=moved.get("logits_adv"),
        num_classes=num_classes,
    )


def same_classes(known: NDArray[np.int32], index: ArrayLike | Tensor, y: ArrayLike | Tensor) -> None:
    """Hold a batch's classes against those of the samples that it names, where both lie on the host.

    Args:
        known: class of every sample, below 0 where it is not known.
        index: numbers in range, (B,).
        y: classes, (B,).

    Raises:
        WorkbenchError: a sample has another class: most likely the numbers are places in a batch, not samples.
    """
    if any(isinstance(values, Tensor) and values.device.type != "cpu" for values in (index, y)):
        return
    rows, classes = np.asarray(index), np.asarray(y)
    wrong = np.flatnonzero((known[rows] >= 0) & (known[rows] != classes))
    if len(wrong):
        row = int(rows[wrong[0]])
        raise WorkbenchError(
            f"sample {row} is of class {known[row]}, not {int(classes[wrong[0]])}: index counts the samples of the "
            "data set, not the places in a batch"
        )


def scalar(name: str, value: ArrayLike | Tensor | None, device: torch.device) -> Tensor:
    """One number as a float32 tensor, shape (), on a device that is not waited for; NaN for None."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return _onto(value.detach().reshape(()).float(), device)
    return torch.full((), number(name, np.nan if value is None else value), dtype=torch.float32, device=device)


def number(name: str, value: Any) -> float:
    """One number on the host.

    Raises:
        WorkbenchError: It is something else.
    """
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WorkbenchError(f"{name} is one number; got {_kind(value)}") from error


def fraction(name: str, value: Any) -> float:
    """An accuracy, from any kind of number; NaN if it is.

    Raises:
        WorkbenchError: It does not lie in [0, 1].
    """
    share = number(name, value)
    if not (np.isnan(share) or 0 <= share <= 1):
        raise WorkbenchError(f"{name} is a fraction from 0 to 1; got {share:g} (divide a percentage by 100)")
    return share


def count(name: str, value: Any, *, least: int = 0) -> int:
    """A whole number.

    Raises:
        WorkbenchError: It is something else, or less than ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise WorkbenchError(f"{name} is a whole number from {least}; got {_kind(value)}")
    return int(value)


def labels(values: ArrayLike | Tensor, num_samples: int) -> NDArray[np.int32]:
    """The class of every sample, shape (num_samples,).

    Raises:
        WorkbenchError: It is something else.
    """
    array = _integers("labels", values).cpu().numpy()
    if array.shape != (num_samples,) or array.min(initial=0) < 0 or array.max(initial=0) > np.iinfo(np.int32).max:
        raise WorkbenchError(f"labels are {num_samples} classes from 0, one for each sample; got shape {array.shape}")
    return array.astype(np.int32)


def fitted(config: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """A plain configuration without the largest settings if all are more than CONFIG_BYTES, and what was left out."""
    kept, left_out = dict(config), []
    sizes = {name: len(json.dumps(value)) + len(json.dumps(name)) for name, value in config.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if len(json.dumps(kept)) <= CONFIG_BYTES:
            break
        del kept[name]
        left_out.append(f"{name[:40]} ({sizes[name]:,} bytes)")
    return kept, f"settings left out of the log, which keeps 64 KiB: {', '.join(left_out)}" if left_out else None


def _integers(name: str, values: ArrayLike | Tensor) -> Tensor:
    tensor = _tensor(name, values).detach()
    if tensor.numel() and (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool):
        raise WorkbenchError(f"{name} holds whole numbers; got {str(tensor.dtype).removeprefix('torch.')}")
    return tensor.to(torch.int64)


def _logits(name: str, values: ArrayLike | Tensor) -> Tensor:
    tensor = _tensor(name, values).detach()
    if tensor.layout != torch.strided or not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise WorkbenchError(f"{name} is a dense tensor of floating-point numbers; got {kind}, {tensor.layout}")
    return tensor


def _tensor(name: str, values: ArrayLike | Tensor) -> Tensor:
    """A tensor of anything; arrays are copied, since torch takes no strides backwards and none that is read-only."""
    if isinstance(values, Tensor):
        return values
    try:
        return torch.from_numpy(np.array(values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise WorkbenchError(f"{name} is a tensor, an array or a list of numbers; got {_kind(values)}") from error


def _outside(name: str, values: Tensor, size: int) -> Tensor | None:
    """Which values are not 0 to ``size`` - 1; None where they are on the host, and all are."""
    if values.device.type != "cpu":
        return (values < 0) | (values >= size)
    least, most = (int(end) for end in torch.aminmax(values))
    if not 0 <= least <= most < size:
        raise WorkbenchError(f"{name} is from 0 to {size - 1} here; got {least} to {most}")
    return None


def _onto(tensor: Tensor, device: torch.device) -> Tensor:
    """On a device. To CUDA the copy is only queued, from page-locked memory: from other memory the driver may wait."""
    if tensor.device.type == "cpu" and device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _kind(value: object) -> str:
    """A short word for what was given."""
    text = repr(value)
    return text if len(text) <= 40 and text.isprintable() else type(value).__name__
