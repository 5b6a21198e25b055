"""Models that are programs: TorchScript, torch.export, and factories of the user's own modules."""

import importlib
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.checkpoints.foreign import FileKind, sniff
from trainers.errors import WorkbenchError


class Exported(nn.Module):
    """A program of torch.export: its mode is what it was exported in, and batches are made to fit its own size."""

    def __init__(self, program: nn.Module, batch: int | None) -> None:
        """Take the module of a program and the batch size that it was exported with, None if that may vary."""
        super().__init__()
        self.program = program
        self._batch = batch

    def train(self, mode: bool = True) -> "Exported":
        """Remember the mode; the program has its own."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W); images of zeros fill a batch up."""
        size = self._batch or max(len(x), 2)  # exports with a free size take it to be at least 2
        logits = []
        for images in torch.split(x, size):
            filled = torch.cat([images, images.new_zeros(size - len(images), *images.shape[1:])])
            logits.append(self.program(filled)[: len(images)])
        return torch.cat(logits)


def load_program(path: Path) -> tuple[nn.Module, Callable[[nn.Module], nn.Module]]:
    """The module of a TorchScript or torch.export file, and what must be put around it once it has its weights.

    This runs what is in the file.

    Raises:
        WorkbenchError: the file is none of the two, or damaged.
    """
    kind = sniff(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and says so for every file
        try:
            if kind is FileKind.TORCHSCRIPT:
                return torch.jit.load(str(path), map_location="cpu"), lambda module: module  # type: ignore[no-untyped-call]
            if kind is FileKind.EXPORTED:
                program = torch.export.load(path)
                batch = _batch_of(program)
                return program.module(), lambda module: Exported(module, batch)
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, OSError) as error:
            raise WorkbenchError(f"{path} is damaged or of another version ({_first_line(error)})") from None
    raise WorkbenchError(f"{path} is {kind.value}, no program; name its --model")


def _batch_of(program: Any) -> int | None:
    """The batch size of a program's images, None if it is free."""
    (name, *_) = program.graph_signature.user_inputs
    node = next(node for node in program.graph.nodes if node.op == "placeholder" and node.name == name)
    size = node.meta["val"].shape[0]
    return size if isinstance(size, int) else None


def find_factory(name: str, num_classes: int) -> Callable[[], nn.Module]:
    """``package.module:factory`` as a function without arguments; ``num_classes`` is passed if it takes that.

    The module is imported, which runs it; it is looked for in the current folder too.

    Raises:
        WorkbenchError: it cannot be imported, or has no such factory.
    """
    module_name, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise WorkbenchError(f"cannot import {module_name} for --model: {_words(error)}") from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise WorkbenchError(f"{module_name} has no {attribute} to call; --model is package.module:factory")
    arguments = {"num_classes": num_classes} if _takes(found, "num_classes") else {}

    def make() -> nn.Module:
        try:
            model = found(**arguments)
        except Exception as error:
            raise WorkbenchError(f"{name} failed: {_words(error)}") from error
        if not isinstance(model, nn.Module):
            raise WorkbenchError(f"{name} gave {type(model).__name__}, not a torch.nn.Module")
        return model

    return make


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return name in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
