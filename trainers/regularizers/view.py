"""What a regularizer may look at, and what it may remember."""

from collections.abc import MutableMapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.attacks import Ascent
from trainers.attacks.pgd import Forward
from trainers.spec import TrainConfig
from trainers.team import WHOLE, Share

Memory = MutableMapping[str, Tensor]
"""Tensors that outlive a step, by name: part of the state from which a run is resumed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One batch as its training step sees it.

    Attributes:
        forward: images to logits, in training mode and with gradient.
        x: natural images (B, C, H, W).
        y: labels (B,).
        clean_logits: of x (B, K); None where no part needs them.
        adv_logits: of x* (B, K).
        ascent: what the attack left behind.
        config: the settings of this moment of the run.
        generator: source of noise, after the attack has drawn from it.
        memory: what the run remembers from step to step.
        share: the part of the batch that all of this is.
    """

    forward: Forward
    x: Tensor
    y: Tensor
    clean_logits: Tensor | None
    adv_logits: Tensor
    ascent: Ascent
    config: TrainConfig
    generator: torch.Generator
    memory: Memory
    share: Share = WHOLE
