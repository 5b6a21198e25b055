"""Images per second of FGSM training: ours against a loop as that of locuslab/fast_adversarial, on one machine.

    python benchmarks/fast_adversarial.py [--methods fgsm,rs-fgsm] [--rounds 9] [--steps 4] [--device cuda]

The peer is written from the description in Wong et al. 2020, Fast is better than free (Algorithm 3 and section 5): δ
from zero or U(±ε), one signed step, clipped to ball and image range, SGD with momentum 0.9 and weight decay 5e-4, a
learning rate that goes up and down once, crops and flips, in float32 without apex. As loops of its kind do, it takes
both gradients by ``loss.backward()``, so that of the attack reaches the weights too, and its loader normalises images
and gives ε per channel. torchvision is not needed: its transforms are written out as it works, on one PIL image at a
time in two worker processes of a DataLoader.

The network is the same on both sides, and so are the number of images in a batch and what happens to them. Three peers:

- "with its loader": as described;
- "one resident batch": no loader and no augmentation, so that nothing of it is measured;
- "resident, frugal": likewise, the attack's gradient to the input only, and channels last where ours has that: what is
  left is the two passes and the optimizer.

Ours gathers every batch from the data on the device and crops and flips it there, with and without recording the energy
of every sample, its pass and its log included. Variants take turns in an order that flips; a ratio is that of a round.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from feeding import epochs_of_batches
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import CyclicLR
from torch.utils.data import DataLoader, Dataset, RandomSampler
from train_step import open_log
from turns import Run, begin, in_turn, noise_images, options, peak_memory, ratios, spread

from trainers.loop import _train_batch
from trainers.models import build_model
from trainers.recipes import complete
from trainers.schedules import learning_rate
from trainers.setup import Parts, prepare
from trainers.tally import EnergyTally

NUM_IMAGES = 2048 + 32
PADDING = 4
TOTAL_STEPS = 15 * 391
ALPHA = {"fgsm": 1.0, "rs-fgsm": 1.25}
"""The step in units of ε."""

Batches = Iterator[tuple[Tensor, Tensor]]


class Images(Dataset[tuple[Tensor, int]]):
    """Images (N, H, W, 3), uint8, each cropped, flipped and normalised by itself when it is asked for."""

    def __init__(self, path: Path, mean: Tensor, std: Tensor) -> None:
        with np.load(path) as file:
            self.images: NDArray[np.uint8] = file["x_train"]
            self.labels: list[int] = file["y_train"].tolist()
        self.mean, self.std = mean, std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        width, height = image.size
        padded = ImageOps.expand(image, border=PADDING, fill=0)
        top, left = (int(torch.randint(0, 2 * PADDING + 1, (1,))) for _ in range(2))
        image = padded.crop((left, top, left + width, top + height))
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return x.sub_(self.mean).div_(self.std), self.labels[index]


class Threat(NamedTuple):
    """The ball and the image range in normalised units, per channel, and how the attack begins and steps."""

    eps: Tensor
    alpha: Tensor
    low: Tensor
    high: Tensor
    random_start: bool


def peer_step(model: nn.Module, optimizer: SGD, x: Tensor, y: Tensor, threat: Threat, *, frugal: bool) -> Tensor:
    """One update of the peer; its summed loss and the number of right answers, (2,)."""
    delta = torch.zeros_like(x)
    if threat.random_start:
        delta.uniform_(-1.0, 1.0).mul_(threat.eps)
        delta = torch.clamp(delta, threat.low - x, threat.high - x)
    delta.requires_grad_(True)
    loss = cross_entropy(model(x + delta), y)
    if frugal:
        (gradient,) = torch.autograd.grad(loss, delta)
    else:
        loss.backward()
        assert delta.grad is not None
        gradient = delta.grad
    moved = torch.clamp(delta.detach() + threat.alpha * gradient.sign(), -threat.eps, threat.eps)
    moved = torch.clamp(moved, threat.low - x, threat.high - x)
    logits = model(x + moved)
    loss = cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return torch.stack([loss.detach() * len(y), (logits.argmax(1) == y).sum()])


def peer(parts: Parts, batches: Batches, steps: int, *, frugal: bool = False) -> Run:
    """The peer's loop over ``steps`` batches, on a network as that of ``parts``."""
    model = build_model(parts.model_spec)
    model.normalize = nn.Identity()  # its loader has done that
    memory_format = parts.memory_format if frugal else torch.contiguous_format
    model = model.to(parts.device, memory_format=memory_format).train()  # type: ignore[call-overload]
    optimizer = SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=5e-4)
    schedule = CyclicLR(optimizer, 0.0, 0.2, step_size_up=TOTAL_STEPS // 2, step_size_down=TOTAL_STEPS // 2)
    mean, std = _statistics(parts)
    eps = parts.config.eps / std
    threat = Threat(
        eps=eps,
        alpha=ALPHA[parts.config.method] * eps,
        low=(0.0 - mean) / std,
        high=(1.0 - mean) / std,
        random_start=parts.config.method == "rs-fgsm",
    )

    def run() -> None:
        seen = [0.0, 0.0]
        for _ in range(steps):
            x, y = next(batches)
            x = x.to(parts.device, memory_format=memory_format)
            told = peer_step(model, optimizer, x, y.to(parts.device), threat, frugal=frugal)
            seen = [so_far + more for so_far, more in zip(seen, told.tolist(), strict=True)]
            schedule.step()

    return run


def loaded(path: Path, parts: Parts) -> Batches:
    """Batches of the peer's loader, without end."""
    data = Images(path, *(value[0].cpu() for value in _statistics(parts)))
    sampler = RandomSampler(data, num_samples=10**9)
    on_cuda = parts.device.type == "cuda"
    loader = DataLoader(data, parts.config.batch_size, sampler=sampler, num_workers=2, pin_memory=on_cuda)
    return iter(loader)


def ours(parts: Parts, folder: Path, steps: int) -> Run:
    """Our loop over ``steps`` batches, with a commit to the log after them."""
    num_recorded = parts.config.num_recorded(len(parts.data.train))
    writer = open_log(parts, folder / f"{parts.config.method}-{parts.config.record}.h5", steps)
    tally = EnergyTally(writer, num_recorded=num_recorded, device=parts.device)
    order = epochs_of_batches(parts)
    parts.model.train()

    def run() -> None:
        for _ in range(steps):
            rate = learning_rate("triangular", 0.2, tally.next_step % TOTAL_STEPS, TOTAL_STEPS)
            _train_batch(parts, tally, writer.committed, next(order), rate, parts.config)
        tally.end_epoch({"epoch": writer.committed}, None)

    return run


def _statistics(parts: Parts) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (1, C, 1, 1)."""
    mean, std = (torch.tensor(v, device=parts.device) for v in (parts.data.mean, parts.data.std))
    return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)


def main() -> None:
    parser = options(__doc__.splitlines()[0], steps=4)
    parser.add_argument("--methods", default=",".join(ALPHA))
    parser.add_argument("--width", type=int, default=16)
    arguments = parser.parse_args()
    begin(arguments)
    print(f"preact-resnet18 width {arguments.width}, 32×32×3, batch 128, float32")
    settings = {"model": "preact-resnet18", "width": arguments.width, "probe_size": 32, "device": arguments.device}
    for method in arguments.methods.split(","):
        with tempfile.TemporaryDirectory() as folder:
            images = noise_images(Path(folder), NUM_IMAGES)
            config = complete({**settings, "method": method, "data": f"npz:{images}", "augment": "crop-flip"})
            _compare(prepare(config), images, Path(folder), arguments)


def _compare(parts: Parts, images: Path, folder: Path, arguments: argparse.Namespace) -> None:
    """Print the table of a method."""
    steps = arguments.steps
    silent = replace(parts, config=replace(parts.config, record="probe"))
    x, y = parts.data.train.batch(torch.arange(parts.config.batch_size, device=parts.device))
    mean, std = _statistics(parts)
    at_hand = (x - mean) / std, y
    sides: dict[str, Run] = {
        "ours, recording": ours(parts, folder, steps),
        "ours, not recording": ours(silent, folder, steps),
        "peer with its loader": peer(parts, loaded(images, parts), steps),
        "peer, one resident batch": peer(parts, repeat(at_hand), steps),
        "peer, resident, frugal": peer(parts, repeat(at_hand), steps, frugal=True),
    }
    peaks = {name: peak_memory(run, parts.device) for name, run in sides.items()}
    times = in_turn(sides, arguments.rounds, parts.device, arguments.clock)
    print(f"\n{parts.config.method}\n\n| | images/s | ours, recording / it | ours, not recording / it | peak MiB |")
    print("|---|---|---|---|---|")
    for name, seconds in times.items():
        speed = parts.config.batch_size * steps / statistics.median(seconds)
        against = [spread(ratios(seconds, times[mine])) for mine in ("ours, recording", "ours, not recording")]
        cells = ["", ""] if name.startswith("ours") else against
        print(f"| {name} | {speed:.1f} | {' | '.join(cells)} | {peaks[name]} |", flush=True)


if __name__ == "__main__":
    main()
