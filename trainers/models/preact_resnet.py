"""Pre-activation residual networks for small images (He et al. 2016, Identity Mappings, fig. 4e)."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


def _conv3x3(in_channels: int, out_channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


class PreActBlock(nn.Module):
    """BN-ReLU-conv twice plus a shortcut; the projection, where shapes change, takes relu(bn(x)).

    That is the convention of locuslab/robust_overfitting; locuslab/fast_adversarial projects x itself.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        """Build a block that maps (B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        super().__init__()
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
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        residual: Tensor = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return residual + shortcut


class PreActResNet(nn.Module):
    """A stem, stages of pre-activation blocks that double the width and halve the size, pooling, a linear layer."""

    def __init__(
        self, normalize: nn.Module, blocks: Sequence[int], width: int, in_channels: int, num_classes: int
    ) -> None:
        """Build a network with ``blocks[i]`` blocks of ``width``·2^i channels in stage i."""
        super().__init__()
        self.normalize = normalize
        self.conv1 = _conv3x3(in_channels, width, 1)
        stages: list[nn.Module] = []
        channels = width
        for i, depth in enumerate(blocks):
            out_channels = width * 2**i
            stride = 1 if i == 0 else 2
            layers = [PreActBlock(channels, out_channels, stride)]
            layers += [PreActBlock(out_channels, out_channels, 1) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*layers))
            channels = out_channels
        self.num_stages = len(stages)
        for i, stage in enumerate(stages, start=1):
            self.add_module(f"layer{i}", stage)
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (B, F) of images (B, C, H, W) in [0, 1]."""
        out = self.conv1(self.normalize(x))
        for i in range(1, self.num_stages + 1):
            out = self.get_submodule(f"layer{i}")(out)
        return F.relu(self.bn(out)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [0, 1]."""
        logits: Tensor = self.linear(self.features(x))
        return logits
