"""The mean energy of each class's training images: what adaptive stopping aims at."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.atomic import write_atomically
from trainers.data import Split
from trainers.energy import joint_energy
from trainers.errors import WorkbenchError
from trainers.memory import is_out_of_memory

FORMAT = "workbench-class-energies"


def class_mean_energies(model: nn.Module, split: Split, num_classes: int, batch_size: int = 128) -> Tensor:
    """Ē_y = mean of E(x,y) over the images of class y, in nats, (num_classes,) float32 on the CPU; NaN without images.

    Args:
        model: images in [0, 1] to logits, in evaluation mode.
        split: natural images on the model's device.
        num_classes: K.
        batch_size: changes memory only; halved when that runs out.
    """
    total = torch.zeros(num_classes, dtype=torch.float64)
    count = torch.zeros(num_classes, dtype=torch.float64)
    first = 0
    while first < len(split):
        rows = torch.arange(first, min(first + batch_size, len(split)), device=split.labels.device)
        x, y = split.batch(rows)
        try:
            with torch.no_grad():
                energy = joint_energy(model(x), y).cpu().double()
        except RuntimeError as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
            batch_size //= 2
            continue
        total.index_add_(0, y.cpu(), energy)
        count.index_add_(0, y.cpu(), torch.ones_like(energy))
        first += len(rows)
    return (total / count).float()


def read_class_energies(path: Path, identity: Mapping[str, Any]) -> Tensor | None:
    """The energies saved in a file for the same checkpoint and data; None if there are none, or they are of others."""
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT or content["identity"] != dict(identity):
            return None
        values = [float("nan") if value is None else float(value) for value in content["energies"]]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return torch.tensor(values)


def save_class_energies(path: Path, energies: Tensor, identity: Mapping[str, Any]) -> None:
    """Save energies (K,) with what they are of.

    Raises:
        WorkbenchError: the folder cannot be made, or the disk is full or read-only.
    """
    values = [value if math.isfinite(value) else None for value in energies.tolist()]  # JSON knows no NaN
    content = {"format": FORMAT, "identity": dict(identity), "energies": values}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot make {path.parent} ({error.strerror or error})") from None
    write_atomically(path, json.dumps(content, indent=2).encode())
