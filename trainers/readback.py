"""Small blocks of numbers on their way from the device to the host, without waiting for the device."""

from typing import Protocol

import torch
from torch import Tensor


class Readback(Protocol):
    """A block that is being copied."""

    def ready(self) -> bool:
        """Whether ``rows`` would return at once; never waits."""

    def rows(self) -> list[list[float]]:
        """The block's rows; waits until they are there."""


class _OnHost:
    """A block that is on the host already."""

    def __init__(self, block: Tensor) -> None:
        self._block = block

    def ready(self) -> bool:
        return True

    def rows(self) -> list[list[float]]:
        rows: list[list[float]] = self._block.tolist()
        return rows


class _FromCuda:
    """A copy into page-locked memory, queued behind the work that makes the block; an event tells when it is done."""

    def __init__(self, block: Tensor) -> None:
        self._host = torch.empty(block.shape, dtype=block.dtype, pin_memory=True)
        self._host.copy_(block, non_blocking=True)
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._done.record(torch.cuda.current_stream(block.device))

    def ready(self) -> bool:
        return bool(self._done.query())  # type: ignore[no-untyped-call]

    def rows(self) -> list[list[float]]:
        self._done.synchronize()
        rows: list[list[float]] = self._host.tolist()
        return rows


def read_later(block: Tensor) -> Readback:
    """Begin to copy a block, shape (N, M). On CUDA nothing waits before ``rows``; other devices are read there."""
    return _FromCuda(block) if block.device.type == "cuda" else _OnHost(block)
