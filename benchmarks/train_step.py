"""Cost of a training step and of recording, as ratios to bare passes measured in the same minute on the same batch.

    python benchmarks/train_step.py [--rounds 15] [--steps 16] [--device cpu] [--methods fgsm,pgd] [--models small-cnn]

Every round times each variant once, in turn; a ratio is the median over rounds of the round's own ratio, so that a
machine that drifts drifts under both. "Bare passes" are what a method cannot do without: for fgsm 2 forward passes,
1 backward pass to the input and 1 to the weights, with no optimizer, no data, no energies. "With recording" counts the
pass that recording E(x) costs a method that never forwards x among the bare ones, and the record in the step.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.energylog import LogWriter, SampleKeys
from trainers.loop import _train_batch
from trainers.method import NEED_CLEAN
from trainers.provenance import describe_run
from trainers.recipes import METHODS, complete
from trainers.seeding import seeded_generator
from trainers.setup import Parts, prepare
from trainers.steps import train_step
from trainers.tally import EnergyTally

MODELS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "small-cnn": ("small-cnn width 24, digits 8×8, batch 64", {"data": "digits"}),
    "preact-resnet18": (
        "preact-resnet18 width 16, 32×32×3, batch 128",
        {"data": "npz:{images}", "model": "preact-resnet18", "width": 16, "probe_size": 32},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--steps", type=int, default=16, help="steps of each variant in a round")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"torch {torch.__version__}, {arguments.device}, {arguments.threads} threads, {arguments.rounds} rounds{load}"
    )
    with tempfile.TemporaryDirectory() as folder:
        images = _images(Path(folder))
        for name in arguments.models.split(","):
            title, settings = MODELS[name]
            settings = settings | {"data": settings["data"].format(images=images), "device": arguments.device}
            print(f"\n{title}\n")
            print("| method | step / bare passes | with recording | step / fgsm step | recording adds | ms a step |")
            print("|---|---|---|---|---|---|")
            fgsm_step: list[float] = []
            for method in arguments.methods.split(","):
                config = complete({"method": method, **settings})
                path = Path(folder) / f"{method}-{config.model}.h5"
                times = _times(prepare(config), path, arguments.rounds, arguments.steps)
                fgsm_step = times["step"] if method == "fgsm" else fgsm_step
                against = f"{_ratio(times['step'], fgsm_step):.2f}" if fgsm_step else "–"
                print(
                    f"| {method} | {_ratio(times['step'], times['bare']):.3f} |"
                    f" {_ratio(times['recorded'], times['bare, recorded']):.3f} | {against} |"
                    f" {_ratio(times['recorded'], times['step']) - 1:+.1%} |"
                    f" {statistics.median(times['step']) / arguments.steps * 1e3:.1f} |",
                    flush=True,
                )


def _images(folder: Path) -> Path:
    """A CIFAR-shaped file of noise: speed does not depend on what the images show."""
    generator = np.random.default_rng(0)
    path = folder / "noise.npz"
    np.savez(
        path,
        x_train=generator.integers(0, 256, (1056, 32, 32, 3), dtype=np.uint8),
        y_train=np.arange(1056, dtype=np.int64) % 10,
    )
    return path


def _times(parts: Parts, path: Path, rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds of each round, by variant."""
    split = parts.data.train
    keys = SampleKeys(index=split.index.cpu().numpy(), label=split.labels.cpu().numpy().astype(np.int32))
    probe = parts.data.probe
    probe_keys = SampleKeys(index=probe.index.cpu().numpy(), label=probe.labels.cpu().numpy().astype(np.int32))
    meta = describe_run(parts.config, parts.method, parts.data)
    with LogWriter.create(path, meta, train=keys, probe=probe_keys, steps_per_epoch=steps) as writer:
        recorder = EnergyTally(writer, num_recorded=len(split), device=parts.device)
        rows = torch.randperm(len(split))[: parts.config.batch_size].to(parts.device)
        x, y = split.batch(rows)
        x = x.contiguous(memory_format=parts.memory_format)
        parts.model.train()
        variants: dict[str, Callable[[], object]] = {
            "bare": lambda: _bare_passes(parts, x, y),
            "bare, recorded": lambda: _bare_passes(parts, x, y, record=True),
            "step": lambda: _step_only(parts, x, y),
            "recorded": lambda: _train_batch(parts, recorder, writer.committed, rows, 1e-4, parts.config),
        }
        times: dict[str, list[float]] = {name: [] for name in variants}
        for number in range(rounds + 2):
            for name, run in variants.items():
                _synchronize(parts)
                started = time.perf_counter()
                for _ in range(steps):
                    run()
                if name == "recorded":
                    recorder.end_epoch({"epoch": writer.committed}, None)
                _synchronize(parts)
                if number >= 2:
                    times[name].append(time.perf_counter() - started)
    return times


def _step_only(parts: Parts, x: Tensor, y: Tensor) -> None:
    """A whole update without recording."""
    generator = seeded_generator(parts.device, 0, "attack")
    train_step(
        parts.fabric,
        parts.model,
        parts.optimizer,
        x,
        y,
        method=parts.method,
        config=parts.config,
        generator=generator,
        record=False,
    )


def _bare_passes(parts: Parts, x: Tensor, y: Tensor, *, record: bool = False) -> None:
    """The passes of one step and nothing else; with ``record`` also the one that recording E(x) costs, if any."""
    model, row = parts.module, parts.method
    weights = list(model.parameters())
    if row.step == "replay":
        for _ in range(parts.config.replays):
            leaf = x.detach().requires_grad_(True)
            clean = [F.cross_entropy(model(x), y)] if row.needs_clean else []
            torch.autograd.grad(sum(clean, F.cross_entropy(model(leaf), y)), [leaf, *weights])
    else:
        losses = [F.cross_entropy(logits, y) for logits in _attack_passes(parts, x, y)]
        if row.step == "perturb-weights" and parts.config.awp_gamma > 0:
            images = [x, x] if row.loss in NEED_CLEAN else [x]
            torch.autograd.grad(sum(F.cross_entropy(model(image), y) for image in images), weights)
        if row.needs_clean and not losses:
            losses.append(F.cross_entropy(model(x), y))
        if row.attack is not None:
            losses.append(F.cross_entropy(model(x), y))
        losses += [BARE_REGULARIZERS[name](model, x, y) for name in row.regularizers if name in BARE_REGULARIZERS]
        torch.autograd.grad(sum(losses), weights)
    if record and row.recording_passes:
        with torch.no_grad():
            model(x)


def _attack_passes(parts: Parts, x: Tensor, y: Tensor) -> list[Tensor]:
    """The attack's passes; the natural logits among them if they are to be trained on."""
    model, row = parts.module, parts.method
    trained: list[Tensor] = []
    if row.attack is None:
        return trained
    if row.attack.objective != "cross-entropy":
        with torch.no_grad():
            model(x)
    for i in range(row.attack.steps):
        leaf = x.detach().requires_grad_(True)
        logits = model(leaf)
        keep = row.needs_clean and row.attack_forwards_clean and i == 0
        torch.autograd.grad(F.cross_entropy(logits, y), leaf, retain_graph=keep)
        trained += [logits] if keep else []
    return trained


def _bare_alignment(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(leaf), y), leaf, create_graph=True)
    return gradient.square().sum()


def _bare_linearity(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(torch.cat([x, x, x])), y.repeat(3))


BARE_REGULARIZERS: Mapping[str, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    "grad-align": _bare_alignment,
    "elle": _bare_linearity,
    "elle-adaptive": _bare_linearity,
}
"""The passes of regularizers that have any of their own."""


def _synchronize(parts: Parts) -> None:
    if parts.device.type == "cuda":
        torch.cuda.synchronize(parts.device)


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


if __name__ == "__main__":
    main()
