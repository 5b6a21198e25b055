"""Attacks by name, as evaluations ask for them: fgsm, pgd-20, targeted-pgd, trades-kl, apgd-50, random-noise."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.attacks.apgd import apgd
from trainers.attacks.pgd import Forward, perturb
from trainers.errors import WorkbenchError
from trainers.spec import AttackSpec, Ball, fgsm, pgd

MOST_STEPS = 10_000


class Attack(NamedTuple):
    """An attack by its full name, and what makes x* (B, C, H, W) of a forward pass, x, labels, ball and generator."""

    name: str
    run: Callable[[Forward, Tensor, Tensor, Ball, torch.Generator], Tensor]


class Kind(NamedTuple):
    """A row of the table of attacks; ``steps`` is their default number, None where there is nothing to choose."""

    summary: str
    steps: int | None
    make: Callable[[str, int], Attack]


def targeted_pgd(steps: int) -> AttackSpec:
    """PGD-k towards a random wrong class: 2.5·ε/k a step from a uniform start."""
    return AttackSpec(
        name=f"targeted-pgd-{steps}",
        start="uniform",
        steps=steps,
        step_size=2.5 / steps,
        batch_norm="eval",
        objective="targeted",
    )


def trades_kl(steps: int) -> AttackSpec:
    """TRADES' inner maximisation (Zhang et al. 2019): KL(p(x)‖p(x*)) from x + 0.001·N(0, 1), clipped to [0, 1].

    Steps are 2.5·ε/k (2/255 for ten at 8/255, as in WEAT); TRADES itself takes ten of 0.007 at ε = 0.031.
    """
    return AttackSpec(
        name=f"trades-kl-{steps}",
        start="normal",
        start_radius=0.001,
        steps=steps,
        step_size=2.5 / steps,
        batch_norm="eval",
        objective="kl",
    )


def random_noise() -> AttackSpec:
    """No attack at all: uniform in the ball, clipped to [0, 1]."""
    return AttackSpec(name="random-noise", start="uniform", steps=0, batch_norm="eval")


def _signed(spec: AttackSpec) -> Attack:
    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return perturb(forward, x, y, ball=ball, attack=spec, generator=generator).x_adv

    return Attack(spec.name, run)


def _auto(name: str, steps: int) -> Attack:
    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return apgd(forward, x, y, ball=ball, steps=steps, generator=generator)

    return Attack(name, run)


KINDS: Mapping[str, Kind] = {
    "fgsm": Kind("one step of ε from x", None, lambda name, steps: _signed(fgsm())),
    "pgd": Kind("K steps of 2.5·ε/K from a random start", 10, lambda name, steps: _signed(pgd(steps))),
    "targeted-pgd": Kind("the same towards a random wrong class", 10, lambda name, steps: _signed(targeted_pgd(steps))),
    "trades-kl": Kind("KL(p(x)‖p(x*)) from x + 0.001·N", 10, lambda name, steps: _signed(trades_kl(steps))),
    "apgd": Kind("Auto-PGD on the cross-entropy", 100, _auto),
    "random-noise": Kind("uniform in the ball", None, lambda name, steps: _signed(random_noise())),
}
"""Every attack that an evaluation can ask for."""

_NAME = re.compile(r"(.+?)(?:-([0-9]{1,9}))?")


def parse_attack(name: str) -> Attack:
    """An attack by name, with its number of steps where it has one: ``pgd`` is ``pgd-10``.

    Raises:
        WorkbenchError: no such attack, or no such number of steps.
    """
    match = _NAME.fullmatch(name.strip())
    base, number = (match[1], match[2]) if match else (name, None)
    kind = KINDS.get(base)
    if kind is None or (number is not None and kind.steps is None):
        known = ", ".join(base if row.steps is None else f"{base}-K" for base, row in KINDS.items())
        raise WorkbenchError(f"unknown attack {name!r}; known are {known}")
    steps = (kind.steps or 1) if number is None else int(number)
    if not 1 <= steps <= MOST_STEPS:
        raise WorkbenchError(f"attack {name!r} must have 1 to {MOST_STEPS} steps")
    return kind.make(base if kind.steps is None else f"{base}-{steps}", steps)


def parse_attacks(names: str) -> tuple[Attack, ...]:
    """Attacks from names between commas, in their order.

    Raises:
        WorkbenchError: an unknown attack, or one that is named twice.
    """
    attacks = tuple(parse_attack(name) for name in names.split(","))
    twice = next((a.name for i, a in enumerate(attacks) if a.name in {b.name for b in attacks[:i]}), None)
    if twice is not None:
        raise WorkbenchError(f"attack {twice} is named twice; name each once")
    return attacks
