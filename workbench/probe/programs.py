"""Models that are programs: TorchScript and torch.export."""

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


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
