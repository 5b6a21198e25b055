"""Timing in turn: ratios that hold on a machine whose speed drifts. Shared by the benchmarks of training."""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from trainers.setup import find_device

CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "process": time.process_time}
Run = Callable[[], object]


def options(summary: str, *, steps: int) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks of training have."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=steps, help="steps of each variant in a round")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="process: for a machine that others use")
    return parser


def begin(arguments: argparse.Namespace) -> torch.device:
    """The device of a run whose options are as they should be; says what the numbers are measured on."""
    if arguments.clock == "process" and (arguments.threads, arguments.device) != (1, "cpu"):
        raise SystemExit("--clock process needs one thread on a CPU")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    device = find_device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} CPU cores"
    print(
        f"torch {torch.__version__}, {device.type} ({name}), {arguments.threads} threads, {arguments.clock} time, "
        f"{arguments.rounds} rounds of {arguments.steps} steps, seed 0, load {os.getloadavg()[0]:.1f}"
    )
    return device


def in_turn(
    variants: Mapping[str, Run], rounds: int, device: torch.device, clock: str = "wall"
) -> dict[str, list[float]]:
    """Seconds of every round, by variant.

    Each round runs all of them once, in an order that flips from round to round; one round before warms up.
    """
    now = CLOCKS[clock]
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name in list(variants)[:: 1 if number % 2 else -1]:
            synchronize(device)
            started = now()
            variants[name]()
            synchronize(device)
            if number:
                times[name].append(now() - started)
    return times


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Of each round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def spread(values: Sequence[float]) -> str:
    """The median with the range."""
    return f"{statistics.median(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def allocated(device: torch.device) -> int:
    """Bytes on a CUDA device; 0 elsewhere."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def peak_memory(run: Run, device: torch.device, *, since: int = 0) -> str:
    """The most memory in MiB on a CUDA device while ``run`` runs, beyond ``since`` bytes; "–" elsewhere."""
    if device.type != "cuda":
        return "–"
    torch.cuda.reset_peak_memory_stats(device)
    run()
    synchronize(device)
    return f"{(torch.cuda.max_memory_allocated(device) - since) / 2**20:.0f}"


def noise_images(folder: Path, num: int) -> Path:
    """A file of ``num`` images of 32×32×3, all noise: speed does not depend on what they show."""
    path = folder / "noise.npz"
    np.savez(
        path,
        x_train=np.random.default_rng(0).integers(0, 256, (num, 32, 32, 3), dtype=np.uint8),
        y_train=np.arange(num, dtype=np.int64) % 10,
    )
    return path
