"""Compiled models, where there is a compiler."""

import time
import warnings

import torch
import torch._functorch.config
from torch import Tensor, nn

from trainers.errors import WorkbenchWarning


def compile_in_place(model: nn.Module, device: torch.device) -> bool:
    """Compile a model at its first calls from now on; without a compiler it stays as it is, and a warning says why.

    Names and values of its weights do not change.
    """
    fault = _fault(device)
    if fault is not None:
        warnings.warn(f"--compile has no effect: {fault}", WorkbenchWarning, stacklevel=2)
        return False
    # A loss may use logits that the attack has been through before: their graph is needed twice.
    torch._functorch.config.donated_buffer = False
    model.compile()
    return True


def _fault(device: torch.device) -> str | None:
    """Why nothing can be compiled for a device, in one line; None if a function of one line can be."""
    fresh = time.time()  # a constant of its own, so that no cache stands in for the compiler

    def trial(x: Tensor) -> Tensor:
        return (x * fresh).sin() + 1

    try:
        torch.compile(trial)(torch.zeros(3, device=device))
    except (RuntimeError, ImportError, OSError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        return next((line for line in lines if line and not line.endswith("raised:")), type(error).__name__)
    return None
