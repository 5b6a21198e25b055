"""Energies and accuracies of one model on one set of images, natural and under attacks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from trainers.attacks import Attack, parse_attack
from trainers.data import Split
from trainers.energy import joint_energy, marginal_energy
from trainers.energylog import SampleTable
from trainers.energylog.attack_tables import NATURAL, Inputs
from trainers.memory import is_out_of_memory
from trainers.seeding import seeded_generator
from trainers.spec import Ball
from trainers.steps import evaluation_mode

FGSM = "fgsm"

Watch = Callable[[int, int], None]
"""Called between batches with the images done and all of them; may raise to end the work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a model makes of natural images and of those of each attack, in the order of the split.

    Attributes:
        inputs: of NATURAL first, then of the attacks in the order asked for.
        fgsm_accuracy: under FGSM from zero, whether it was asked for or not.
        batch_size: what memory allowed.
        num_broken: images for which some logits were not finite; their energies are missing, they count as wrong.
    """

    inputs: Mapping[str, Inputs]
    fgsm_accuracy: float
    batch_size: int
    num_broken: int

    def accuracy(self, name: str) -> float:
        """The share of inputs that are classified as their class."""
        return float(self.inputs[name].correct.mean())

    def table(self, attack: str) -> SampleTable:
        """The log's table of natural samples beside those of one attack."""
        clean, adversarial = self.inputs[NATURAL], self.inputs[attack]
        return SampleTable(
            energy=clean.energy,
            energy_adv=adversarial.energy,
            joint_energy=clean.joint_energy,
            joint_energy_adv=adversarial.joint_energy,
            correct=clean.correct,
            correct_adv=adversarial.correct,
        )


def measure(
    model: nn.Module,
    split: Split,
    attacks: Sequence[Attack],
    *,
    ball: Ball,
    seed: int,
    batch_size: int,
    watch: Watch = lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Measured:
    """Measure in evaluation mode; where memory runs out, begin again with batches of half the size.

    Noise is a function of ``seed`` and the batch: the same for every model and attack, so that they compare, and for
    PGD-10 the same as in training's own evaluation.

    Args:
        model: images in [0, 1] to logits, on the device of the split.
        split: the images.
        attacks: what is done to them.
        ball: where attacks may go.
        seed: of random starts and targets.
        batch_size: images at a time, at most.
        watch: called between batches.
        say: told of a smaller batch.

    Raises:
        WorkbenchError: see the attacks.
    """
    while True:
        try:
            return _measure(model, split, attacks, ball, seed, batch_size, watch)
        except RuntimeError as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
        if split.images.device.type == "cuda":
            torch.cuda.empty_cache()
        batch_size = max(1, batch_size // 2)
        say(f"out of memory; on with batches of {batch_size}, which have other random starts")


def clean_accuracy(model: nn.Module, split: Split, batch_size: int) -> float:
    """The share of natural images that a model classifies as their class, in evaluation mode."""
    with evaluation_mode(model), torch.no_grad():
        right = [model(x).argmax(1) == y for x, y in map(split.batch, _batches(split, batch_size))]
    return float(torch.cat(right).double().mean())


def _batches(split: Split, batch_size: int) -> tuple[Tensor, ...]:
    return torch.split(torch.arange(len(split), device=split.images.device), batch_size)


def _measure(
    model: nn.Module, split: Split, attacks: Sequence[Attack], ball: Ball, seed: int, batch_size: int, watch: Watch
) -> Measured:
    device = split.images.device
    extra = () if FGSM in {attack.name for attack in attacks} else (parse_attack(FGSM),)
    every = (*attacks, *extra)
    parts: dict[str, list[Tensor]] = {name: [] for name in (NATURAL, *(attack.name for attack in every))}
    with evaluation_mode(model):
        for number, rows in enumerate(_batches(split, batch_size)):
            watch(number * batch_size, len(split))
            x, y = split.batch(rows)
            parts[NATURAL].append(_columns(model, x, y))
            for attack in every:
                generator = seeded_generator(device, seed, "probe", number)
                parts[attack.name].append(_columns(model, attack.run(model, x, y, ball, generator), y))
                watch(number * batch_size, len(split))
    inputs = {name: _to_inputs(torch.cat(columns, dim=1)) for name, columns in parts.items()}
    broken = np.any([np.isnan(values.energy) for values in inputs.values()], axis=0)
    return Measured(
        inputs={name: inputs[name] for name in (NATURAL, *(attack.name for attack in attacks))},
        fgsm_accuracy=float(inputs[FGSM].correct.mean()),
        batch_size=batch_size,
        num_broken=int(broken.sum()),
    )


@torch.no_grad()
def _columns(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """E, E(·,y) and whether y is predicted, (3, B); NaN and 0 where a logit is not finite."""
    logits = model(x).float()
    finite = torch.isfinite(logits).all(1)
    missing = torch.full_like(logits[:, 0], torch.nan)
    energies = (torch.where(finite, e, missing) for e in (marginal_energy(logits), joint_energy(logits, y)))
    return torch.stack([*energies, ((logits.argmax(1) == y) & finite).float()])


def _to_inputs(columns: Tensor) -> Inputs:
    energy, joint, correct = columns.cpu().numpy()
    return Inputs(energy, joint, correct.astype(np.uint8))
