"""Guided sampling against a one-image-at-a-time loop and against its bare passes, on one machine in the same minute.

    python benchmarks/sampling.py --digits RUN --cifar RUN [--clock process]

Three ways to run the same chains. Ours takes turns with each of the others, in an order that flips every round; a
ratio is that of one round:

- ours: `run_chains`, which batches the chains and drops those that have ended;
- peer: the loop of `tests/sampling/peer.py`, written from the published code's description: one image at a time, a
  forward and backward pass for the gradient and a second forward pass for the energy of each step;
- floor: forward and backward pass to the input, in the batch sizes that ours had step by step, and nothing else; model
  and memory format are those of ours.

The peer knows no end but the band around the class's mean energy, so chains that step over it cost it all steps. "Per
update" divides each time by the updates made, and is the comparison that does not profit from that. On a machine that
others use, ``--clock process`` with one thread counts processor time, which waiting for a turn does not lengthen.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainers.checkpoints import load_weights
from trainers.setup import make_fabric
from workbench.sampling.chain import Chain, begin
from workbench.sampling.job import default_batch_size, prepare
from workbench.sampling.langevin import run_chains
from workbench.sampling.settings import Settings
from workbench.sampling.spec import SamplingSpec
from workbench.target import find_target

sys.path.insert(0, str(Path(__file__).parent.parent))  # the peer lives with the tests

from tests.sampling import peer

SETTINGS = {"digits": {"step_size": 0.3}, "cifar": {"step_size": 0.125}}
"""Settings by size of image under which chains that begin as uniform noise end at different steps."""

SWEEP = (16, 32, 64, 128, 256)
FLOOR_ROUNDS = 3
"""Rounds of ours against the floor for each against the peer, which takes ten times as long."""

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "process": time.process_time}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A model and its chains; ``plain_model`` holds the same weights as they come from the file."""

    title: str
    model: nn.Module
    plain_model: nn.Module
    class_means: Tensor
    starts: list[np.ndarray]
    spec: SamplingSpec

    def chains(self) -> Iterator[Chain]:
        return (begin(number, self.spec.label(number), start) for number, start in enumerate(self.starts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=Path, metavar="RUN", help="a run on 8×8 images")
    parser.add_argument("--cifar", type=Path, metavar="RUN", help="a run on 32×32 images")
    parser.add_argument("--num", type=int, default=128, help="chains of the comparison")
    parser.add_argument(
        "--batch-size", type=int, help="chains at once in the comparison [default: as workbench sample]"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sweep-num", type=int, default=256, help="chains of the sweep of batch sizes; 0: no sweep")
    parser.add_argument("--sweep-rounds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    if arguments.clock == "process" and (arguments.threads, arguments.device) != (1, "cpu"):
        parser.error("--clock process needs one thread on a CPU")
    runs = {name: getattr(arguments, name) for name in SETTINGS if getattr(arguments, name)}
    if not runs:
        parser.error("give --digits RUN, --cifar RUN or both")
    torch.set_num_threads(arguments.threads)
    clock = CLOCKS[arguments.clock]
    print(
        f"torch {torch.__version__}, {arguments.device}, {arguments.threads} threads, {arguments.rounds} rounds, "
        f"{arguments.clock} time"
    )
    for name, run in runs.items():
        print(f"\n## {name}\n")
        case = _load(name, run, arguments.num, arguments.device)
        batch_size = arguments.batch_size or default_batch_size(case.class_means.device, case.starts[0].shape)
        _compare(case, arguments.rounds, batch_size, clock)
        if arguments.sweep_num:
            _sweep(_load(name, run, arguments.sweep_num, arguments.device), arguments.sweep_rounds, clock)


def _load(name: str, run: Path, num: int, device: str) -> Case:
    """Chains that begin as uniform noise, equally many of every class of a run's best checkpoint."""
    target, fabric = find_target(run), make_fabric(device, 1, 1)
    spec = SamplingSpec(labels=tuple(range(10)), num=num, start="noise", min_steps=0, **SETTINGS[name])
    settings = Settings(checkpoint=target.checkpoint, checkpoint_digest=target.digest(), data=None, spec=spec)
    parts = prepare(target, settings, fabric, lambda _: None, lambda _: None)
    starts = [parts.start(number) for number in range(num)]
    parameters = sum(parameter.numel() for parameter in parts.model.parameters())
    title = f"{'×'.join(map(str, starts[0].shape))}, {parameters:,} parameters"
    means = parts.class_means.to(fabric.device)
    plain = load_weights(target.checkpoint)[0].to(fabric.device).requires_grad_(False)
    return Case(title=title, model=parts.model, plain_model=plain, class_means=means, starts=starts, spec=spec)


def _compare(case: Case, rounds: int, batch_size: int, clock: Clock) -> None:
    ended, sizes = _chains_and_sizes(case, batch_size)  # warms up, too
    updates = {"ours": sum(chain.step for chain in ended), "peer": 0}

    def peer_loop() -> None:
        updates["peer"] = _peer(case)

    device = case.class_means.device
    close = _in_turn(
        {"ours": lambda: _ours(case, batch_size), "floor": lambda: _floor(case, sizes)},
        rounds * FLOOR_ROUNDS,
        device,
        clock,
    )
    times = _in_turn({"ours": lambda: _ours(case, batch_size), "peer": peer_loop}, rounds, device, clock)
    print(f"{case.title}; {len(ended)} chains, batch {batch_size}; {_stops(ended)}")
    print(f"Updates: ours {updates['ours']}, peer {updates['peer']} (ours also ends chains below the band).\n")
    print("| | s, median (range) | images/s | ms an update |\n|---|---|---|---|")
    for name, seconds in {**close, "peer": times["peer"]}.items():
        middle = statistics.median(seconds)
        per_update = f"{middle / updates[name] * 1e3:.3f}" if name in updates else "–"
        print(f"| {name} | {_range(seconds, 3)} | {len(ended) / middle:.1f} | {per_update} |")
    images = [slow / fast for slow, fast in zip(times["peer"], times["ours"], strict=True)]
    per_update = [ratio * updates["ours"] / updates["peer"] for ratio in images]
    floor = [ours / bare for ours, bare in zip(close["ours"], close["floor"], strict=True)]
    print("\n| ratio of a round | median (range) |\n|---|---|")
    print(f"| peer / ours, time for the same images | {_range(images, 2)} |")
    print(f"| peer / ours, time per update | {_range(per_update, 2)} |")
    print(f"| ours / floor | {_range(floor, 3)} |")
    print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f}", flush=True)


def _sweep(case: Case, rounds: int, clock: Clock) -> None:
    """Time of all chains by batch size."""
    times = _in_turn(
        {str(size): lambda size=size: _ours(case, size) for size in SWEEP}, rounds, case.class_means.device, clock
    )
    best = min(times, key=lambda size: statistics.median(times[size]))
    print(f"\n{len(case.starts)} chains by batch size\n\n| batch | s, median (range) | images/s | time / best |")
    print("|---|---|---|---|")
    for size, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, times[best], strict=True))
        rate = len(case.starts) / statistics.median(seconds)
        print(f"| {size} | {_range(seconds, 3)} | {rate:.1f} | {ratio:.2f} |")
    print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f}", flush=True)


def _in_turn(
    variants: dict[str, Callable[[], object]], rounds: int, device: torch.device, clock: Clock
) -> dict[str, list[float]]:
    """Seconds of each round, by variant."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        order = list(variants) if number % 2 else list(reversed(variants))
        for name in order:
            _synchronize(device)
            started = clock()
            variants[name]()
            _synchronize(device)
            times[name].append(clock() - started)
    return times


def _pulses(case: Case, batch_size: int) -> Iterator[tuple[int, Sequence[Chain]]]:
    pulses = run_chains(case.model, case.chains(), spec=case.spec, class_means=case.class_means, batch_size=batch_size)
    return ((pulse.active, pulse.ended) for pulse in pulses)


def _ours(case: Case, batch_size: int) -> None:
    for _ in _pulses(case, batch_size):
        pass


def _chains_and_sizes(case: Case, batch_size: int) -> tuple[list[Chain], list[int]]:
    """Chains as they ended, and how many were active at each step of the batch."""
    steps = list(_pulses(case, batch_size))
    return [chain for _, ended in steps for chain in ended], [active for active, _ in steps]


def _floor(case: Case, sizes: Sequence[int]) -> None:
    """The passes of ours and nothing else."""
    device = case.class_means.device
    images = torch.from_numpy(np.stack(case.starts[: max(sizes)])).to(device)
    labels = torch.tensor([[case.spec.label(i)] for i in range(len(images))], device=device)
    for size in sizes:
        x = images[:size].detach().requires_grad_()
        torch.autograd.grad(-case.model(x).gather(1, labels[:size]).sum(), x)


def _peer(case: Case) -> int:
    """Run the peer; its updates."""
    spec = case.spec
    torch.manual_seed(0)
    _, taken = peer.published(
        case.plain_model,
        torch.from_numpy(np.stack(case.starts)).to(case.class_means.device),
        [spec.label(number) for number in range(spec.num)],
        case.class_means.tolist(),
        peer.Step(spec.step_size, spec.momentum, spec.noise, {"joint": 1.0}),
        spec.steps,
        spec.stop_tol,
    )
    return sum(taken)


def _stops(ended: Sequence[Chain]) -> str:
    quantiles = np.quantile([chain.step for chain in ended], (0, 0.25, 0.5, 0.75, 1))
    counts = {chain.reason: 0 for chain in ended}
    for chain in ended:
        counts[chain.reason] += 1
    ends = ", ".join(f"{count} {reason.name.lower()}" for reason, count in sorted(counts.items()))
    return f"stop steps {' / '.join(f'{value:g}' for value in quantiles)} (least, quartiles, most); ended by {ends}."


def _range(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
