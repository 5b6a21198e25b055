"""Cost of a training step and of recording, as ratios to bare passes measured in the same minute on the same batch.

    python benchmarks/train_step.py [--rounds 15] [--device cpu]

Every round times each variant once, in turn; a ratio is the median over rounds of the round's own ratio, so that a
machine that drifts drifts under both. "Bare passes" are what a method cannot do without: for fgsm 2 forward passes,
1 backward pass to the input and 1 to the weights, with no optimizer, no data, no energies.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from trainers.energylog import LogWriter, SampleKeys
from trainers.loop import _train_batch
from trainers.provenance import describe_run
from trainers.recipes import complete
from trainers.seeding import seeded_generator
from trainers.setup import Parts, prepare
from trainers.steps import train_step
from trainers.tally import EnergyTally

METHODS = ("standard", "fgsm", "fgsm-der", "rs-fgsm", "n-fgsm", "pgd")
STEPS_PER_ROUND = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--methods", default=",".join(METHODS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.device}, {arguments.threads} threads, {arguments.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        images = _images(Path(folder))
        for title, settings in (
            ("small-cnn width 24, digits 8×8, batch 64", {"data": "digits"}),
            (
                "preact-resnet18 width 16, 32×32×3, batch 128",
                {"data": f"npz:{images}", "model": "preact-resnet18", "width": 16, "probe_size": 32},
            ),
        ):
            print(f"\n{title}\n\n| method | step / bare passes | step / fgsm step | recording adds | ms a step |")
            print("|---|---|---|---|---|")
            fgsm_step: list[float] = []
            for method in arguments.methods.split(","):
                config = complete({"method": method, "device": arguments.device, **settings})
                times = _times(prepare(config), Path(folder) / f"{method}-{config.model}.h5", arguments.rounds)
                fgsm_step = times["step"] if method == "fgsm" else fgsm_step
                against = _ratio(times["step"], fgsm_step) if fgsm_step else float("nan")
                print(
                    f"| {method} | {_ratio(times['step'], times['bare']):.3f} | {against:.2f} |"
                    f" {_ratio(times['recorded'], times['step']) - 1:+.1%} |"
                    f" {statistics.median(times['step']) / STEPS_PER_ROUND * 1e3:.1f} |",
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


def _times(parts: Parts, path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round, by variant."""
    split = parts.data.train
    keys = SampleKeys(index=split.index.cpu().numpy(), label=split.labels.cpu().numpy().astype(np.int32))
    probe = parts.data.probe
    probe_keys = SampleKeys(index=probe.index.cpu().numpy(), label=probe.labels.cpu().numpy().astype(np.int32))
    meta = describe_run(parts.config, parts.method, parts.data)
    with LogWriter.create(path, meta, train=keys, probe=probe_keys, steps_per_epoch=STEPS_PER_ROUND) as writer:
        recorder = EnergyTally(writer, num_recorded=len(split), device=parts.device)
        rows = torch.randperm(len(split))[: parts.config.batch_size].to(parts.device)
        x, y = split.batch(rows)
        parts.model.train()
        variants: dict[str, Callable[[], object]] = {
            "bare": lambda: _bare_passes(parts, x, y),
            "step": lambda: _step_only(parts, x, y),
            "recorded": lambda: _train_batch(parts, recorder, writer.committed, rows, 1e-4),
        }
        times: dict[str, list[float]] = {name: [] for name in variants}
        for number in range(rounds + 2):
            for name, run in variants.items():
                _synchronize(parts)
                started = time.perf_counter()
                for _ in range(STEPS_PER_ROUND):
                    run()
                if name == "recorded":
                    recorder.end_epoch({"epoch": writer.committed}, None)
                _synchronize(parts)
                if number >= 2:
                    times[name].append(time.perf_counter() - started)
    return times


def _step_only(parts: Parts, x: torch.Tensor, y: torch.Tensor) -> None:
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


def _bare_passes(parts: Parts, x: torch.Tensor, y: torch.Tensor) -> None:
    """The passes of one step and nothing else."""
    model, attack, regularized = parts.module, parts.method.attack, bool(parts.method.regularizers)
    logits = None
    if attack is not None:
        for i in range(attack.steps):
            probe = x.detach().requires_grad_(True)
            logits_attack = model(probe)
            keep = regularized and i == 0 and parts.method.attack_forwards_clean
            torch.autograd.grad(F.cross_entropy(logits_attack, y), probe, retain_graph=keep)
            logits = logits_attack if keep else logits
    if regularized and logits is None:
        logits = model(x)
    loss = F.cross_entropy(model(x), y)
    if logits is not None:
        loss = loss + F.cross_entropy(logits, y)
    torch.autograd.grad(loss, list(model.parameters()))


def _synchronize(parts: Parts) -> None:
    if parts.device.type == "cuda":
        torch.cuda.synchronize(parts.device)


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


if __name__ == "__main__":
    main()
