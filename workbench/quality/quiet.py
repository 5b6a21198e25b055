"""torchmetrics draws from the global generator and warns of its buffers: neither may be felt outside."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def quiet_and_seeded(seed: int) -> Iterator[None]:
    """Inside, the CPU's global generator starts from ``seed`` and torchmetrics does not warn; after, all is as was."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="torchmetrics")
        warnings.filterwarnings("ignore", message=".*will save all extracted features in buffer", category=UserWarning)
        torch.manual_seed(seed)
        yield
