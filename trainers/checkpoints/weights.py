"""Weights with what is needed to build their model again, in one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from trainers.factories import UntrustedFactoryError, is_factory
from trainers.models import ModelSpec, build_model

FORMAT = "workbench-checkpoint"


def save_weights(path: Path, model: nn.Module, spec: ModelSpec, facts: Mapping[str, Any]) -> None:
    """Save a state dict; ``facts`` (JSON values: epoch, accuracies, class names, ε, ...) go into the header.

    Raises:
        OSError: the file could not be written; nothing is left behind.
    """
    metadata = {"format": FORMAT, "model": json.dumps(asdict(spec)), "facts": json.dumps(dict(facts))}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(path, save(state, metadata))


def read_tensors(path: Path, expected_format: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of one of our safetensors files.

    Raises:
        WorkbenchError: missing, damaged, or another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        tensors = load_file(path)
    except FileNotFoundError:
        raise WorkbenchError(f"no such checkpoint: {path}") from None
    except (OSError, SafetensorError) as error:
        raise WorkbenchError(f"cannot read the checkpoint {path}: {error}") from None
    if metadata.get("format") != expected_format:
        raise WorkbenchError(f"{path} is not a file of format {expected_format}")
    return tensors, metadata


def load_weights(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The model of a checkpoint, in evaluation mode on the CPU, and the facts saved with it.

    Raises:
        UntrustedFactoryError: its model is a factory's, which the user has not named.
        WorkbenchError: missing, damaged, or not one of our checkpoints.
    """
    tensors, metadata = read_tensors(path, FORMAT)
    try:
        fields = json.loads(metadata["model"])
        spec = ModelSpec(**{**fields, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])})
        facts: dict[str, Any] = json.loads(metadata["facts"])
        if not isinstance(facts, dict):
            raise TypeError("its facts are no JSON object")
        _check_sizes(spec, tensors)
        model = build_model(spec)
        model.load_state_dict(tensors)
    except UntrustedFactoryError as error:
        raise UntrustedFactoryError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        reason = str(error).splitlines()[:2][-1].strip()  # torch puts the first fault on its second line
        raise WorkbenchError(f"{path} does not describe its model: {reason}") from None
    return model.eval(), facts


def _check_sizes(spec: ModelSpec, tensors: Mapping[str, Tensor]) -> None:
    """A header may ask for any size: nothing is allocated that the file does not hold.

    Raises:
        ValueError, RuntimeError: the tensors are not of the model.
    """
    if is_factory(spec.name):  # code that need not know tensors without memory
        largest = max((size for tensor in tensors.values() for size in tensor.shape), default=0)
        if max(spec.num_classes, spec.in_channels, spec.width) > largest:
            raise ValueError("it asks for more classes, channels or width than its weights have")
        return
    with torch.device("meta"):
        build_model(spec).load_state_dict({name: tensor.to("meta") for name, tensor in tensors.items()})
