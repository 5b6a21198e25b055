"""The noise of chains: a function of seed, chain and step alone, whatever else runs beside them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.seeding import seeded_generator

MAX_BLOCK_STEPS = 64
MAX_BLOCK_NUMBERS = 2**16
_POSITIONS = 2**20
"""More blocks than a chain has; chain and block together are the position of a generator."""


class ChainNoise:
    """Standard normal noise for a changing batch of chains, drawn in blocks of steps per chain.

    One generator per chain and block, because to make a generator costs more than to draw 64 numbers. The size of a
    block depends on the image alone, so neither the batch nor the moment at which a chain joined it matters.
    """

    def __init__(self, seed: int, image_shape: Sequence[int], device: torch.device, capacity: int) -> None:
        """Noise for at most ``capacity`` images (C, H, W) on a device."""
        self._seed, self._device = seed, device
        self._block = max(1, min(MAX_BLOCK_STEPS, MAX_BLOCK_NUMBERS // math.prod(image_shape)))
        self._buffer = torch.empty((capacity, self._block, *image_shape), device=device)
        self._held: list[tuple[int, int] | None] = [None] * capacity

    def select(self, rows: Sequence[int]) -> None:
        """Follow a batch that shrinks: row i becomes what row ``rows[i]`` was."""
        self._buffer = self._buffer[torch.tensor(rows, dtype=torch.long, device=self._device)]
        self._held = [self._held[row] for row in rows]

    def draw(self, chains: Sequence[int], steps: Sequence[int]) -> Tensor:
        """Noise (B, C, H, W) of each chain at its step."""
        offsets = []
        for row, (chain, step) in enumerate(zip(chains, steps, strict=True)):
            block, offset = divmod(step, self._block)
            offsets.append(offset)
            if self._held[row] != (chain, block):
                self._held[row] = (chain, block)
                generator = seeded_generator(self._device, self._seed, "langevin", chain * _POSITIONS + block)
                self._buffer[row].normal_(generator=generator)
        rows = torch.arange(len(offsets), device=self._device)
        return self._buffer[rows, torch.tensor(offsets, device=self._device)]
