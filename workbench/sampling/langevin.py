"""Langevin dynamics with momentum for a batch of chains that come and go."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from trainers.energy import joint_energy, marginal_energy
from trainers.errors import WorkbenchError
from trainers.memory import is_out_of_memory
from workbench.sampling.chain import Chain, Reason
from workbench.sampling.guidance import guidance_energy
from workbench.sampling.noise import ChainNoise
from workbench.sampling.spec import SamplingSpec
from workbench.sampling.stopping import Energies, judge


class Pass(NamedTuple):
    """What one forward and backward pass says of B images: E(x,y), E(x) (B,) and ∇ₓL (B, C, H, W)."""

    joint: Tensor
    marginal: Tensor
    gradient: Tensor


class Pulse(NamedTuple):
    """After a step of the batch: how many chains are active, their mean E(x,y), and the chains that ended."""

    active: int
    mean_energy: float
    ended: tuple[Chain, ...]


class _Batch(NamedTuple):
    """The active chains; tensors have one row per chain, ``chains`` remembers where each came from."""

    chains: list[Chain]
    steps: list[int]
    label: Tensor
    step: Tensor
    x: Tensor
    velocity: Tensor
    joint: Tensor
    marginal: Tensor
    margin: Tensor


def run_chains(
    model: nn.Module,
    chains: Iterator[Chain],
    *,
    spec: SamplingSpec,
    class_means: Tensor,
    batch_size: int,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Pulse]:
    """Run chains to their ends, at most ``batch_size`` at once; a chain that ends makes room for the next.

    One step (Mirza et al. 2025; the code of OmnAI-Lab): v ← ζv − ½η∇ₓL, x ← clip(x + v + √(2η)·N(0, s²)). A chain that
    makes T updates costs T + 1 forward and backward passes: the last one measures its energy.

    Args:
        model: images in [0, 1] to logits, in evaluation mode, its parameters without gradients.
        chains: those to run, begun or to be gone on with.
        spec: the settings.
        class_means: Ē_y of every class (K,), NaN where unknown, on the model's device.
        batch_size: changes memory and time only.
        say: takes a sentence when memory runs out and passes are split.

    Yields:
        A pulse per step of the batch.

    Raises:
        WorkbenchError: not even one image fits into memory.
    """
    device = class_means.device
    first = list(islice(chains, batch_size))
    if not first:
        return
    noise = ChainNoise(spec.seed, first[0].x.shape, device, len(first))
    passes = _Passes(model, spec, say)
    batch = _join(first, spec, device)
    while batch.chains:
        means = class_means[batch.label]
        found = passes(batch.x, batch.label, means)
        batch.joint.scatter_(1, batch.step[:, None], found.joint[:, None])
        batch.marginal.scatter_(1, batch.step[:, None], found.marginal[:, None])
        verdict = judge(Energies(batch.joint, batch.step, means), spec)
        torch.minimum(batch.margin, verdict.margin, out=batch.margin)
        finite = (
            torch.isfinite(found.joint)
            & torch.isfinite(found.marginal)
            & torch.isfinite(found.gradient).flatten(1).all(1)
        )
        reason = torch.where(verdict.passed, Reason.PASSED, _REASON_OF[spec.stop])
        reason = torch.where(verdict.stop, reason, Reason.STEPS)
        reason = torch.where(finite, reason, Reason.DIVERGED)
        ends = verdict.stop | ~finite | (batch.step >= spec.steps)
        summary = torch.stack(
            [ends.double(), reason.double(), found.joint.double()]
        ).tolist()  # waits for the device once
        ended = [row for row, end in enumerate(summary[0]) if end]
        finished = _take(batch, ended, [Reason(int(summary[1][row])) for row in ended])
        active = len(batch.chains)
        energies = [energy for energy in summary[2] if math.isfinite(energy)]
        if len(ended) < active:
            _update(batch, found.gradient, noise, spec)
        batch = _refill(batch, ended, chains, noise, spec)
        yield Pulse(active, sum(energies) / len(energies) if energies else math.nan, tuple(finished))


_REASON_OF = {"adaptive": Reason.ENERGY, "plateau": Reason.PLATEAU, "fixed": Reason.STEPS}


class _Passes:
    """Forward and backward passes, in parts that halve whenever memory runs out."""

    def __init__(self, model: nn.Module, spec: SamplingSpec, say: Callable[[str], None]) -> None:
        self._model, self._terms, self._say = model, spec.terms, say
        self._most: int | None = None

    def __call__(self, x: Tensor, label: Tensor, means: Tensor) -> Pass:
        while True:
            most = self._most or len(x)
            try:
                parts = [
                    self._one(*part)
                    for part in zip(
                        torch.split(x, most), torch.split(label, most), torch.split(means, most), strict=True
                    )
                ]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if most == 1:
                    raise WorkbenchError("not even one image fits into the device's memory; try --device cpu") from None
                self._most = max(1, min(most, len(x)) // 2)
            else:
                return parts[0] if len(parts) == 1 else Pass(*map(torch.cat, zip(*parts, strict=True)))
            if x.is_cuda:
                torch.cuda.empty_cache()
            self._say(f"out of memory: passes go on with {self._most} images at a time; no chain is lost")

    def _one(self, x: Tensor, label: Tensor, means: Tensor) -> Pass:
        x = x.detach().requires_grad_()
        logits = self._model(x)
        (gradient,) = torch.autograd.grad(guidance_energy(self._terms, logits, label, means).sum(), x)
        logits = logits.detach()
        return Pass(joint_energy(logits, label), marginal_energy(logits), gradient)


def _join(chains: Sequence[Chain], spec: SamplingSpec, device: torch.device) -> _Batch:
    """A batch of chains, on the device; their energies so far in tables of one column per step."""
    joint = np.full((2, len(chains), spec.steps + 1), np.nan, dtype=np.float32)
    for row, chain in enumerate(chains):
        joint[0, row, : len(chain.joint)] = chain.joint
        joint[1, row, : len(chain.marginal)] = chain.marginal
    tables = torch.from_numpy(joint).to(device)
    steps = [chain.step for chain in chains]
    return _Batch(
        chains=list(chains),
        steps=steps,
        label=torch.tensor([chain.label for chain in chains], device=device),
        step=torch.tensor(steps, device=device),
        x=torch.from_numpy(np.stack([chain.x for chain in chains])).to(device),
        velocity=torch.from_numpy(np.stack([chain.velocity for chain in chains])).to(device),
        joint=tables[0],
        marginal=tables[1],
        margin=torch.tensor([chain.margin for chain in chains], device=device),
    )


def _take(batch: _Batch, rows: Sequence[int], reasons: Sequence[Reason]) -> list[Chain]:
    """Chains that end, with all that is known of them, on the host."""
    if not rows:
        return []
    index = torch.tensor(rows, device=batch.x.device)
    x, velocity, joint, marginal, margin = (
        tensor[index].cpu().numpy() for tensor in (batch.x, batch.velocity, batch.joint, batch.marginal, batch.margin)
    )
    return [
        Chain(
            number=batch.chains[row].number,
            label=batch.chains[row].label,
            step=batch.steps[row],
            x=x[i],
            velocity=velocity[i],
            start=batch.chains[row].start,
            joint=joint[i, : batch.steps[row] + 1],
            marginal=marginal[i, : batch.steps[row] + 1],
            margin=float(margin[i]),
            reason=reasons[i],
        )
        for i, row in enumerate(rows)
    ]


def _update(batch: _Batch, gradient: Tensor, noise: ChainNoise, spec: SamplingSpec) -> None:
    """One step of every chain of the batch, in place."""
    batch.velocity.mul_(spec.momentum).add_(gradient, alpha=-0.5 * spec.step_size)
    batch.x.add_(batch.velocity)
    if spec.noise > 0:
        drawn = noise.draw([chain.number for chain in batch.chains], batch.steps)
        batch.x.add_(drawn, alpha=math.sqrt(2 * spec.step_size) * spec.noise)
    batch.x.clamp_(0, 1)
    batch.step.add_(1)
    batch.steps[:] = [step + 1 for step in batch.steps]


def _refill(
    batch: _Batch, ended: Sequence[int], chains: Iterator[Chain], noise: ChainNoise, spec: SamplingSpec
) -> _Batch:
    """Put new chains into the rows of those that ended; drop the rows for which there is none."""
    if not ended:
        return batch
    fresh = list(islice(chains, len(ended)))
    if fresh:
        index = torch.tensor(ended[: len(fresh)], device=batch.x.device)
        new = _join(fresh, spec, batch.x.device)
        for name in _TENSORS:
            getattr(batch, name)[index] = getattr(new, name)
        for row, chain in zip(ended, fresh, strict=False):
            batch.chains[row], batch.steps[row] = chain, chain.step
    gone = set(ended[len(fresh) :])
    if not gone:
        return batch
    kept = [row for row in range(len(batch.chains)) if row not in gone]
    noise.select(kept)
    index = torch.tensor(kept, dtype=torch.long, device=batch.x.device)
    return _Batch(
        [batch.chains[row] for row in kept],
        [batch.steps[row] for row in kept],
        *(getattr(batch, name)[index] for name in _TENSORS),
    )


_TENSORS = ("label", "step", "x", "velocity", "joint", "marginal", "margin")
