"""Accuracies and energies of a model on a split, in evaluation mode; whether it gives logits at all."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainers.attacks import perturb
from trainers.data import Split
from trainers.energylog import SampleTable
from trainers.errors import WorkbenchError
from trainers.seeding import seeded_generator
from trainers.spec import Ball, fgsm, pgd
from trainers.steps import evaluation_mode
from trainers.tally import batch_energies, to_table
from trainers.team import ALONE, Team

PROBE_PGD_STEPS = 10

_FORWARD_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)
"""What a network raises on images that it was not made for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Accuracies in [0, 1]; ``table`` holds the energies of x and of its PGD twin, in the order of the split."""

    clean_accuracy: float
    fgsm_accuracy: float
    pgd_accuracy: float
    table: SampleTable


def evaluate(
    model: nn.Module, split: Split, *, ball: Ball, seed: int, batch_size: int = 512, team: Team = ALONE
) -> Evaluation:
    """Clean, FGSM (from zero) and PGD-10 (random start) accuracy, and the energies under PGD-10.

    The random start is a function of ``seed`` and the batch alone: the same in every epoch, so that curves compare.

    Args:
        model: images in [0, 1] to logits.
        split: what to evaluate on; its tensors lie on the model's device.
        ball: the perturbation set.
        seed: of the random starts.
        batch_size: changes nothing but memory, time and which start a sample gets.
        team: the processes that share every batch; all of them get the whole result.
    """
    parts: list[Tensor] = []
    fgsm_correct: list[Tensor] = []
    device = split.images.device
    with evaluation_mode(model):
        for number, rows in enumerate(torch.split(torch.arange(len(split), device=device), batch_size)):
            share = team.share(len(rows))
            x, y = split.batch(share.of(rows))
            generator = seeded_generator(device, seed, "probe", number, share)
            x_fgsm, clean_logits = perturb(model, x, y, ball=ball, attack=fgsm(), generator=generator)
            x_pgd, _ = perturb(model, x, y, ball=ball, attack=pgd(PROBE_PGD_STEPS), generator=generator)
            assert clean_logits is not None
            with torch.no_grad():
                fgsm_correct.append(share.whole((model(x_fgsm).argmax(1) == y).to(torch.uint8)))
                parts.append(share.whole(batch_energies(y, clean_logits, model(x_pgd)).T).T)
    table = to_table(torch.cat(parts, dim=1))
    return Evaluation(
        clean_accuracy=float(table.correct.mean()),
        fgsm_accuracy=float(torch.cat(fgsm_correct).double().mean()),
        pgd_accuracy=float(table.correct_adv.mean()),
        table=table,
    )


def check_logits(model: nn.Module, x: Tensor, num_classes: int, name: str) -> None:
    """Send a few images (B, C, H, W) in [0, 1] through a model, in evaluation mode, and look at what comes out.

    Raises:
        WorkbenchError: it takes no such images, gives no logits (B, K), or tells apart another number of classes. The
            line begins with ``name``.
    """
    try:
        with evaluation_mode(model), torch.no_grad():
            logits = model(x)
    except _FORWARD_ERRORS as error:
        shape = "x".join(map(str, x.shape[1:]))
        said = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
        raise WorkbenchError(f"{name} cannot take images of {shape}: {said}") from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise WorkbenchError(f"{name}: the model gives {given} for {len(x)} images, not logits (images, classes)")
    if logits.shape[1] != num_classes:
        raise WorkbenchError(f"{name} tells {logits.shape[1]} classes apart, but the data have {num_classes}")
