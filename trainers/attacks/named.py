"""Attacks by name, as evaluations ask for them: fgsm, pgd-20, pgd-50-10 (ten restarts), targeted-pgd, apgd-50, ..."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.attacks.apgd import apgd
from trainers.attacks.auto import PASSES as AUTOATTACK_PASSES
from trainers.attacks.auto import autoattack, require_autoattack
from trainers.attacks.objectives import FROM_CLEAN_LOGITS
from trainers.attacks.pgd import Forward, perturb
from trainers.attacks.restarts import Attacker, restarted
from trainers.errors import WorkbenchError
from trainers.spec import AttackSpec, Ball, fgsm, pgd, trades_kl

MOST_STEPS, MOST_RESTARTS = 10_000, 1_000


class Attack(NamedTuple):
    """An attack that an evaluation asks for.

    Attributes:
        name: its full name, with steps and restarts.
        run: what makes x* (B, C, H, W) of a forward pass, x, labels, ball and generator.
        passes: forward passes that an image takes, at most; about so many for ``autoattack``.
        gives_errors_only: whether x* is x itself wherever the attack finds no error.
    """

    name: str
    run: Attacker
    passes: int
    gives_errors_only: bool = False


class Kind(NamedTuple):
    """A row of the table of attacks; ``steps`` is their default number, None where there is nothing to choose."""

    summary: str
    steps: int | None
    make: Callable[[str, int], Attack]
    can_restart: bool = False


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


def random_noise() -> AttackSpec:
    """No attack at all: uniform in the ball, clipped to [0, 1]."""
    return AttackSpec(name="random-noise", start="uniform", steps=0, batch_norm="eval")


def _signed(spec: AttackSpec) -> Attack:
    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return perturb(forward, x, y, ball=ball, attack=spec, generator=generator).x_adv

    return Attack(spec.name, run, spec.steps + (spec.objective in FROM_CLEAN_LOGITS))


def _auto(name: str, steps: int) -> Attack:
    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return apgd(forward, x, y, ball=ball, steps=steps, generator=generator)

    return Attack(name, run, steps + 1)


def _whole_autoattack(name: str, steps: int) -> Attack:
    require_autoattack()
    return Attack(name, autoattack, AUTOATTACK_PASSES, gives_errors_only=True)


def _repeated(attack: Attack, restarts: int) -> Attack:
    """The worst of several starts."""

    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return restarted(attack.run, forward, x, y, ball=ball, generator=generator, restarts=restarts)

    return Attack(f"{attack.name}-{restarts}", run, restarts * (attack.passes + 1))


KINDS: Mapping[str, Kind] = {
    "fgsm": Kind("one step of ε from x", None, lambda name, steps: _signed(fgsm())),
    "pgd": Kind("K steps of 2.5·ε/K from a random start", 10, lambda name, steps: _signed(pgd(steps)), True),
    "targeted-pgd": Kind(
        "the same towards a random wrong class", 10, lambda name, steps: _signed(targeted_pgd(steps)), True
    ),
    "trades-kl": Kind(
        "KL(p(x)‖p(x*)) from x + 0.001·N", 10, lambda name, steps: _signed(trades_kl(steps, clip_start=True)), True
    ),
    "apgd": Kind("Auto-PGD on the cross-entropy", 100, _auto, True),
    "random-noise": Kind("uniform in the ball", None, lambda name, steps: _signed(random_noise())),
    "autoattack": Kind("APGD-CE, APGD-T, FAB-T and Square; an extra", None, _whole_autoattack),
}
"""Every attack that an evaluation can ask for."""

_NAME = re.compile(r"(.+?)(?:-([0-9]{1,9}))?(?:-([0-9]{1,9}))?")


def parse_attack(name: str) -> Attack:
    """An attack by name, with its steps and restarts: ``pgd`` is ``pgd-10``, ``pgd-50-10`` starts ten times.

    Raises:
        WorkbenchError: no such attack, or no such number of steps or restarts.
    """
    match = _NAME.fullmatch(name.strip())
    base, number, again = match.groups() if match else (name, None, None)
    kind = KINDS.get(base)
    if kind is None or (number is not None and kind.steps is None) or (again is not None and not kind.can_restart):
        known = ", ".join(base if row.steps is None else f"{base}-K" for base, row in KINDS.items())
        raise WorkbenchError(f"unknown attack {name[:80]!r}; known are {known}, and pgd-K-R for R restarts")
    steps = (kind.steps or 1) if number is None else int(number)
    restarts = 1 if again is None else int(again)
    if not 1 <= steps <= MOST_STEPS:
        raise WorkbenchError(f"attack {name!r} must have 1 to {MOST_STEPS} steps")
    if not 1 <= restarts <= MOST_RESTARTS:
        raise WorkbenchError(f"attack {name!r} must have 1 to {MOST_RESTARTS} restarts")
    attack = kind.make(base if kind.steps is None else f"{base}-{steps}", steps)
    return attack if restarts == 1 else _repeated(attack, restarts)


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
