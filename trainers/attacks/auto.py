"""AutoAttack (Croce & Hein 2020), by the package of its authors' code, which is an extra."""

import importlib.util
import logging

import torch
from torch import Tensor

from trainers.attacks.geometry import project
from trainers.attacks.pgd import Forward
from trainers.errors import WorkbenchError
from trainers.spec import Ball

LEAST_CLASSES = 4
"""The targeted DLR loss compares the four largest logits."""

MOST_TARGETS = 9

PASSES = 101 + 2 * MOST_TARGETS * 101 + 5000
"""About how many forward passes an image takes that withstands everything: APGD-CE, APGD-T, FAB-T, Square."""


def require_autoattack() -> None:
    """See to it that the extra is there.

    Raises:
        WorkbenchError: it is not.
    """
    if importlib.util.find_spec("pyautoattack") is None:
        raise WorkbenchError(
            "autoattack needs the autoattack extra: pip install -c constraints.txt 'workbench[autoattack]'"
        )


def autoattack(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
    """The standard version: APGD-CE, targeted APGD on the DLR loss, targeted FAB, Square with 5,000 queries, in turn.

    Only images that are still classified as y go on to the next attack. The seed is drawn from ``generator``; torch's
    own generators, which the package seeds, are as before afterwards. With fewer than ten classes all wrong ones are
    targeted.

    Args:
        forward: images (B, C, H, W) in [0, 1] to logits (B, K). Its mode is the caller's business.
        x: natural images, not changed.
        y: labels (B,).
        ball: the perturbation set around ``x``.
        generator: on the device of ``x``.

    Returns:
        Images in the ball and in [0, 1], detached; x itself where it found no error, and where x is one.

    Raises:
        WorkbenchError: the extra is missing, or the model tells fewer than four classes apart.
    """
    require_autoattack()
    from pyautoattack import AutoAttack

    with torch.no_grad():
        num_classes = forward(x[:1]).shape[1]
    if num_classes < LEAST_CLASSES:
        raise WorkbenchError(f"autoattack needs {LEAST_CLASSES} classes or more, the model has {num_classes}")
    logging.getLogger("auto-attack").setLevel(logging.ERROR)  # per batch it warns of what our own tables show
    seed = int(torch.randint(2**31, (), generator=generator, device=x.device))
    devices = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        attack = AutoAttack(forward, eps=ball.eps, norm="Linf", version="standard", device=x.device, seed=seed)
        targets = min(MOST_TARGETS, num_classes - 1)
        attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = targets
        x_adv, _ = attack.run_standard_evaluation(x, y, batch_size=len(x))
    return project(x_adv, x, ball).clamp_(0.0, 1.0).detach()
