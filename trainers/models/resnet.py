"""Residual networks for small images, batch norm after each convolution (He et al. 2016, Deep Residual Learning).

The CIFAR form that adversarial training uses (TRADES, MART, WEAT): a 3×3 stem without pooling, four stages, weights
named as there (``conv1``, ``bn1``, ``layer1.0.conv1`` …, ``shortcut.0``, ``linear``).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Conv-BN-ReLU-conv-BN plus a shortcut, which is a projection with batch norm where shapes change; then ReLU."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        """Build a block that maps (B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + self.shortcut(x))


class ResNet(nn.Module):
    """A stem, stages of blocks that double the width and halve the size, pooling, a linear layer."""

    def __init__(
        self, normalize: nn.Module, blocks: Sequence[int], width: int, in_channels: int, num_classes: int
    ) -> None:
        """Build a network with ``blocks[i]`` blocks of ``width``·2^i channels in stage i."""
        super().__init__()
        self.normalize = normalize
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        self.num_stages = len(blocks)
        for i, depth in enumerate(blocks):
            out_channels = width * 2**i
            layers = [BasicBlock(channels, out_channels, 1 if i == 0 else 2)]
            layers += [BasicBlock(out_channels, out_channels, 1) for _ in range(depth - 1)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*layers))
            channels = out_channels
        self.linear = nn.Linear(channels, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (B, F) of images (B, C, H, W) in [0, 1]."""
        out = F.relu(self.bn1(self.conv1(self.normalize(x))))
        for i in range(1, self.num_stages + 1):
            out = self.get_submodule(f"layer{i}")(out)
        pooled: Tensor = out.mean((2, 3))
        return pooled

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.linear(self.features(x))
        return logits
