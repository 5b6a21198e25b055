"""Wide residual networks (Zagoruyko and Komodakis 2016), without dropout.

Weights are named and first drawn as in TRADES' ``models/wideresnet.py``, from which most published robust ones come.
Its network also carries a ``sub_block1`` that its forward pass never uses; here there is none.
"""

import math

from torch import Tensor, nn
from torch.nn import functional as F

STEM = 16
"""Channels of the first convolution, whatever the width."""


class WideBlock(nn.Module):
    """BN-ReLU-conv twice plus a shortcut; where shapes change, residual and projection both take relu(bn(x))."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        """Build a block that maps (B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.convShortcut: nn.Module | None = None  # as the published weights call it
        if in_channels != out_channels:
            self.convShortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        activated = F.relu(self.bn1(x))
        residual: Tensor = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return residual + (x if self.convShortcut is None else self.convShortcut(activated))


class WideStage(nn.Module):
    """Blocks of one width, the first of which changes the size."""

    def __init__(self, depth: int, in_channels: int, out_channels: int, stride: int) -> None:
        """Build ``depth`` blocks."""
        super().__init__()
        first = WideBlock(in_channels, out_channels, stride)
        self.layer = nn.Sequential(first, *(WideBlock(out_channels, out_channels, 1) for _ in range(depth - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the blocks."""
        out: Tensor = self.layer(x)
        return out


class WideResNet(nn.Module):
    """A stem of 16 channels, three stages of ``width``, 2·width and 4·width channels, pooling, a linear layer."""

    def __init__(self, normalize: nn.Module, depth: int, width: int, in_channels: int, num_classes: int) -> None:
        """Build a network of ``depth`` layers (6·n + 4); its widening factor is ``width`` / 16."""
        super().__init__()
        assert (depth - 4) % 6 == 0, depth
        num_blocks = (depth - 4) // 6
        self.normalize = normalize
        self.conv1 = nn.Conv2d(in_channels, STEM, 3, padding=1, bias=False)
        self.block1 = WideStage(num_blocks, STEM, width, 1)
        self.block2 = WideStage(num_blocks, width, 2 * width, 2)
        self.block3 = WideStage(num_blocks, 2 * width, 4 * width, 2)
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.fc = nn.Linear(4 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
        nn.init.zeros_(self.fc.bias)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (B, F) of images (B, C, H, W) in [0, 1]."""
        out = self.block3(self.block2(self.block1(self.conv1(self.normalize(x)))))
        pooled: Tensor = F.relu(self.bn1(out)).mean((2, 3))
        return pooled

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.fc(self.features(x))
        return logits
