"""When a chain is frozen: rules over its energies E(x,y), for a whole batch at once."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from workbench.sampling.spec import SamplingSpec, StopRule

PLATEAU_WINDOW = 10
"""Steps over which ``plateau`` looks back."""


class Verdict(NamedTuple):
    """Of each chain (B,): whether it stops now, whether it went past the target, and how clear that is.

    ``margin`` is the distance of what decides from its threshold, in nats; a chain whose margin is within rounding may
    stop a step earlier or later in a batch of another size.
    """

    stop: Tensor
    passed: Tensor
    margin: Tensor


class Energies(NamedTuple):
    """What a rule sees of B chains: E(x,y) of every step so far, (B, T+1), the step (B,), and Ē_y (B,)."""

    joint: Tensor
    step: Tensor
    class_mean: Tensor

    def at(self, step: Tensor) -> Tensor:
        """E(x,y) (B,) at a step (B,), clamped to the first."""
        return self.joint.gather(1, step.clamp_min(0)[:, None]).squeeze(1)


def adaptive(seen: Energies, spec: SamplingSpec) -> Verdict:
    """(E(x,y) − Ē_y)² < τ, or E(x,y) below Ē_y where guidance can only lower it further.

    The first is the rule of Mirza et al. 2025 (arXiv 2505.22486); the second is ours: a chain that steps over the band
    between two updates, or begins below it, would otherwise run away from the data for ever.
    """
    distance = seen.at(seen.step) - seen.class_mean
    inside = distance.square() < spec.stop_tol
    returns = any(name == "class-mean" for _, name in spec.terms)
    passed = torch.zeros_like(inside) if returns else (distance < 0) & ~inside
    margin = (distance.abs() - spec.stop_tol**0.5).abs() if returns else (distance - spec.stop_tol**0.5).abs()
    return Verdict(inside | passed, passed, margin)


def plateau(seen: Energies, spec: SamplingSpec) -> Verdict:
    """The last 10 updates brought less than the share τ of the whole descent of E(x,y) since the start."""
    now = seen.at(seen.step)
    recent = seen.at(seen.step - PLATEAU_WINDOW) - now
    allowed = spec.stop_tol * (seen.joint[:, 0] - now).clamp_min(0)
    ready = seen.step >= PLATEAU_WINDOW
    return Verdict(
        ready & (recent <= allowed), torch.zeros_like(ready), torch.where(ready, (recent - allowed).abs(), torch.inf)
    )


def fixed(seen: Energies, spec: SamplingSpec) -> Verdict:
    """Never: all chains make all their steps."""
    never = torch.zeros_like(seen.step, dtype=torch.bool)
    return Verdict(never, never, torch.full_like(seen.class_mean, torch.inf))


RULES: Mapping[StopRule, Callable[[Energies, SamplingSpec], Verdict]] = {
    "adaptive": adaptive,
    "plateau": plateau,
    "fixed": fixed,
}


def judge(seen: Energies, spec: SamplingSpec) -> Verdict:
    """The verdict of the rule of ``spec``; before ``min_steps`` no chain stops."""
    verdict = RULES[spec.stop](seen, spec)
    looked_at = seen.step >= spec.min_steps
    return Verdict(
        verdict.stop & looked_at,
        verdict.passed & looked_at,
        torch.where(looked_at, verdict.margin, torch.full_like(verdict.margin, torch.inf)),
    )
