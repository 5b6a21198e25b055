"""What EnergyRecorder adds to an epoch of a loop that is not ours: FGSM training of a small CNN on a CPU.

    python benchmarks/recorder.py [--rounds 9] [--clock process] [--only 32]

Every round trains one epoch with the recorder and one without, in turn, from the same weights on the same batches; the
ratio is that of the round. The loop's own passes give the logits, so nothing but recording differs; the commit of the
epoch to the log is part of it. Where the machine is too uneven for that ratio, the time inside the recorder's calls
over the rest of the same epoch is steadier. Medians with their range. ``--clock process`` counts processor time, for a
machine that is busy with other work.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainers import EnergyRecorder

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "process": time.process_time}
SIZES = {"digits 8×8, batch 64": (1, 8, 1400, 64), "32×32×3, batch 128": (3, 32, 1024, 128)}
"""Channels, width, samples and batch size of noise images: speed does not depend on what they show."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", default="", help="the size whose title begins so: digits or 32")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one CPU thread, {arguments.clock} time, {arguments.rounds} rounds\n")
    print("| small CNN on | epoch, s | in the recorder / the rest | recorded / not | a batch, ms | a commit, ms |")
    print("|---|---|---|---|---|---|")
    wanted = {title: size for title, size in SIZES.items() if title.startswith(arguments.only)}
    for title, (channels, width, num_samples, batch) in wanted.items():
        torch.manual_seed(0)
        x, y = torch.rand(num_samples, channels, width, width), torch.arange(num_samples) % 10
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            path = Path(folder) / "run.h5"
            recorder = stack.enter_context(EnergyRecorder(path, num_samples=num_samples, labels=y))
            report(title, x, y, batch, recorder, arguments.rounds, CLOCKS[arguments.clock])


def report(
    title: str, x: Tensor, y: Tensor, batch: int, recorder: EnergyRecorder, rounds: int, clock: Callable[[], float]
) -> None:
    """Measure and print one row."""
    model = network(x.shape[1], x.shape[2])
    start = {name: value.clone() for name, value in model.state_dict().items()}
    ratios, shares, bare, batches, commits = [], [], [], [], []
    for number in range(rounds + 1):
        seconds = {}
        for kind in ("bare", "recorded") if number % 2 else ("recorded", "bare"):
            model.load_state_dict(start)
            seconds[kind] = epoch(model, x, y, batch, recorder if kind == "recorded" else None, clock)
        if number:  # the first round warms up
            whole, in_batches, in_commit = seconds["recorded"]
            ratios.append(whole / seconds["bare"][0])
            shares.append((in_batches + in_commit) / (whole - in_batches - in_commit))
            bare.append(seconds["bare"][0])
            batches.append(in_batches / -(-len(x) // batch) * 1e3)
            commits.append(in_commit * 1e3)
    spreads = " | ".join(f"{statistics.median(v):.3f} ({min(v):.3f}–{max(v):.3f})" for v in (shares, ratios))
    times = f"{statistics.median(batches):.2f} | {statistics.median(commits):.1f}"
    print(f"| {title} | {statistics.median(bare):.2f} | {spreads} | {times} |", flush=True)


def network(channels: int, width: int) -> nn.Module:
    """Three convolutions of 24 to 96 channels and a linear layer, as the project's small-cnn at width 24."""
    layers: list[nn.Module] = []
    for before, after, stride in ((channels, 24, 1), (24, 48, 2), (48, 96, 2)):
        layers += [nn.Conv2d(before, after, 3, padding=1, stride=stride), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * (width // 4) ** 2, 10))


def epoch(
    model: nn.Module, x: Tensor, y: Tensor, batch: int, recorder: EnergyRecorder | None, clock: Callable[[], float]
) -> tuple[float, float, float]:
    """Seconds of an epoch of FGSM training, and those of them that recording its batches and its commit took."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    began, in_batches = clock(), 0.0
    for index in order.split(batch):
        images = x[index].requires_grad_()
        logits = model(images)
        (slope,) = torch.autograd.grad(cross_entropy(logits, y[index]), images)
        logits_adv = model((images.detach() + 0.03 * slope.sign()).clamp(0, 1))
        loss = cross_entropy(logits_adv, y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if recorder is not None:
            before = clock()
            recorder.batch(index, y[index], logits, logits_adv, loss=loss, learning_rate=0.01)
            in_batches += clock() - before
    ended = clock()
    if recorder is not None:
        recorder.end_epoch(clean_accuracy=0.5, fgsm_accuracy=0.4, pgd_accuracy=0.3)
    return clock() - began, in_batches, clock() - ended


if __name__ == "__main__":
    main()
