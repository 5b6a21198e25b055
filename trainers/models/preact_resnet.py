"""Pre-activation residual networks for small images (He et al. 2016, Identity Mappings, fig. 4e)."""

from collections.abc import Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

Shortcut = Literal["activated", "raw"]
"""What a projecting shortcut takes: relu(bn(x)) (locuslab/robust_overfitting), or x (locuslab/fast_adversarial)."""

SHORTCUTS: tuple[Shortcut, ...] = get_args(Shortcut)


def _conv3x3(in_channels: int, out_channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


class PreActBlock(nn.Module):
    """BN-ReLU-conv twice plus a shortcut, which is a projection where shapes change."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, shortcut: Shortcut = "activated") -> None:
        """Build a block that maps (B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        super().__init__()
        self.projects_raw = shortcut == "raw"
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = _conv3x3(in_channels, out_channels, stride)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = _conv3x3(out_channels, out_channels, 1)
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        activated = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(x if self.projects_raw else activated)
        residual: Tensor = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return residual + shortcut


class PreActResNet(nn.Module):
    """A stem, stages of pre-activation blocks that double the width and halve the size, pooling, a linear layer."""

    def __init__(
        self,
        normalize: nn.Module,
        blocks: Sequence[int],
        width: int,
        in_channels: int,
        num_classes: int,
        *,
        shortcut: Shortcut = "activated",
        final_bn: bool = True,
    ) -> None:
        """Build a network with ``blocks[i]`` blocks of ``width``·2^i channels in stage i.

        Without ``final_bn`` what the last block gives is pooled as it is, without batch norm and ReLU.
        """
        super().__init__()
        self.normalize = normalize
        self.conv1 = _conv3x3(in_channels, width, 1)
        stages: list[nn.Module] = []
        channels = width
        for i, depth in enumerate(blocks):
            out_channels = width * 2**i
            stride = 1 if i == 0 else 2
            layers = [PreActBlock(channels, out_channels, stride, shortcut)]
            layers += [PreActBlock(out_channels, out_channels, 1, shortcut) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*layers))
            channels = out_channels
        self.num_stages = len(stages)
        for i, stage in enumerate(stages, start=1):
            self.add_module(f"layer{i}", stage)
        self.bn: nn.Module | None = nn.BatchNorm2d(channels) if final_bn else None
        self.linear = nn.Linear(channels, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (B, F) of images (B, C, H, W) in [0, 1]."""
        out = self.conv1(self.normalize(x))
        for i in range(1, self.num_stages + 1):
            out = self.get_submodule(f"layer{i}")(out)
        pooled: Tensor = (out if self.bn is None else F.relu(self.bn(out))).mean((2, 3))
        return pooled

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.linear(self.features(x))
        return logits
