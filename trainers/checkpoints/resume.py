"""What a run needs to go on exactly where it stood: weights, optimizer, and the epoch so far, without pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.atomic import write_atomically
from trainers.checkpoints.weights import read_tensors
from trainers.errors import WorkbenchError
from trainers.spec import RolledBack

FORMAT = "workbench-resume"
_PARTS = ("model", "optimizer", "recorder", "memory", "average")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeState:
    """Position and tensors. ``next_batch`` of ``epoch`` is the first batch not yet trained on.

    ``memory`` is what the method remembers from step to step, ``average`` the averaged weights of a run that has them.
    ``rollbacks`` are those that lie behind the run, in order: with the configuration as given, they say what it trains
    with now.
    """

    epoch: int
    next_batch: int
    seconds: float
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    recorder: Mapping[str, Tensor]
    memory: Mapping[str, Tensor] = field(default_factory=dict)
    average: Mapping[str, Tensor] = field(default_factory=dict)
    rollbacks: tuple[RolledBack, ...] = ()


def save_resume(path: Path, state: ResumeState) -> None:
    """Write a state atomically.

    Raises:
        OSError: the file could not be written; the former state is still there.
    """
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().contiguous().clone()
        for part in _PARTS
        for name, tensor in getattr(state, part).items()
    }
    position = json.dumps({"epoch": state.epoch, "next_batch": state.next_batch, "seconds": state.seconds})
    rollbacks = json.dumps([asdict(rollback) for rollback in state.rollbacks])
    write_atomically(path, save(tensors, {"format": FORMAT, "position": position, "rollbacks": rollbacks}))


def load_resume(path: Path) -> ResumeState:
    """Read a state.

    Raises:
        WorkbenchError: missing or damaged.
    """
    tensors, metadata = read_tensors(path, FORMAT)
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for key, tensor in tensors.items():
        part, _, name = key.partition("/")
        if part in parts:
            parts[part][name] = tensor
    try:
        position: dict[str, Any] = json.loads(metadata["position"])
        return ResumeState(
            epoch=int(position["epoch"]),
            next_batch=int(position["next_batch"]),
            seconds=float(position["seconds"]),
            rollbacks=tuple(RolledBack(**rollback) for rollback in json.loads(metadata.get("rollbacks", "[]"))),
            **parts,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WorkbenchError(f"{path} does not describe where the run stood: {error}") from None


def optimizer_tensors(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Per-parameter optimizer state by parameter name: "conv1.weight/momentum_buffer" and so on."""
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(model: nn.Module, optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what ``optimizer_tensors`` gave."""
    for name, parameter in model.named_parameters():
        prefix = f"{name}/"
        state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if state:
            optimizer.state[parameter] = {key: _beside(parameter, value) for key, value in state.items()}


def _beside(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy on the parameter's device and, if it has its shape, in its memory format, so that sums round alike."""
    if value.shape != parameter.shape:
        return value.clone().to(parameter.device)
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
