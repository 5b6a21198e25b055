"""The normalising layer: models take images in [0, 1], so that ε means the same everywhere."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalize(nn.Module):
    """(x − mean) / std per channel; both are buffers and travel with the checkpoint."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take one mean and one std (> 0) per channel, in [0, 1] pixel units."""
        super().__init__()
        assert len(mean) == len(std)
        assert min(std) > 0
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise images (B, C, H, W)."""
        return (x - self.mean) / self.std
