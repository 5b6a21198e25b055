"""Checkpoints of a training script that knows nothing of workbench, probed into an ordinary energy log.

    python examples/probe_foreign.py [--out runs/foreign] [--epochs 6]

The first half of this file is such a script: a PreActResNet-18 of its own, a plain FGSM loop on scikit-learn's digits,
and a checkpoint after every epoch, each in another of the containers that are met in the wild (DataParallel's prefix,
Sequential(Normalize, net), {last, best}, a list, the format of torch before 1.6, safetensors). The second half is one
command. Time: 20 seconds of one CPU core. Result: the accuracies that the script measured itself beside those of the
probe, equal to the last image, and a log with the energies under three attacks that `workbench inspect` opens.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.cli.main import main as workbench

EPS = 0.15
MEAN, STD = 0.3, 0.38


class Block(nn.Module):
    """As in locuslab/fast_adversarial: the projection takes x itself."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
        return self.conv2(F.relu(self.bn2(self.conv1(out)))) + shortcut


class PreActResNet18(nn.Module):
    """Four stages of two blocks; normalises its input by constants, which no checkpoint holds."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        channels = width
        for i in range(4):
            out = width * 2**i
            blocks = nn.Sequential(Block(channels, out, 1 if i == 0 else 2), Block(out, out, 1))
            setattr(self, f"layer{i + 1}", blocks)
            channels = out
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images in [0, 1]."""
        out = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1((x - MEAN) / STD)))))
        return self.linear(F.relu(self.bn(out)).mean((2, 3)))


def train(net: nn.Module, x: Tensor, y: Tensor, optimizer: torch.optim.Optimizer) -> None:
    net.train()
    for rows in torch.randperm(len(x)).split(64):
        leaf = x[rows].clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(leaf), y[rows]), leaf)
        x_adv = (leaf.detach() + EPS * gradient.sign()).clamp(0, 1)
        optimizer.zero_grad()
        F.cross_entropy(net(x_adv), y[rows]).backward()
        optimizer.step()


def save(net: nn.Module, number: int, folder: Path) -> Path:
    """Each epoch in another container, as other people's scripts would."""
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    mean, std = torch.full((1, 1, 1, 1), MEAN), torch.full((1, 1, 1, 1), STD)
    sequential = {"0.mean": mean, "0.std": std} | {f"1.{name}": tensor for name, tensor in state.items()}
    settings = argparse.Namespace(eps=EPS, lr=0.1)
    containers = (
        {"state_dict": parallel, "epoch": number, "args": settings},
        {"model": sequential, "optimizer": {}, "accuracy": np.float64(0.5)},
        {"best": state, "last": {name: torch.zeros_like(tensor) for name, tensor in state.items()}},
        {"state_dict": [parallel]},
        state,
    )
    kind = number % (len(containers) + 1)
    if kind == len(containers):
        path = folder / f"model_{number}.safetensors"
        save_file(state, path)
        return path
    path = folder / f"model_{number}.pth"
    torch.save(containers[kind], path, _use_new_zipfile_serialization=number % 2 == 0)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/foreign"))
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    data = arguments.out / "digits.npz"
    np.savez(
        data, x_train=images[:1200], y_train=digits.target[:1200], x_probe=images[1200:], y_probe=digits.target[1200:]
    )
    x, y = torch.from_numpy(images), torch.from_numpy(digits.target)
    torch.manual_seed(0)
    net = PreActResNet18()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    paths, accuracies = [], []
    for number in range(arguments.epochs):
        train(net, x[:1200], y[:1200], optimizer)
        net.eval()
        with torch.no_grad():
            accuracies.append((net(x[1200:]).argmax(1) == y[1200:]).float().mean().item())
        paths.append(save(net, number, arguments.out))
    print("measured by the script itself:", *(f"{accuracy:.1%}" for accuracy in accuracies), flush=True)
    # One of the files carries its normaliser; --mean and --std give it to the others too.
    workbench(
        [
            *("probe", *map(str, paths), "--order", "number", "--model", "preact-resnet18"),
            *("--mean", str(MEAN), "--std", str(STD), "--data", f"npz:{data}", "--num", str(len(y) - 1200)),
            *("--eps", str(EPS), "--attack", "pgd-10,targeted-pgd,random-noise"),
            *("--out", str(arguments.out / "run.h5"), "--figure", str(arguments.out / "attacks.png")),
        ]
    )


if __name__ == "__main__":
    main()
