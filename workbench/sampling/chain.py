"""One chain: what it begins as and what it ends as. numpy only, so that what reads samples needs no torch."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


class Reason(IntEnum):
    """Why a chain ended."""

    ENERGY = 0
    """E(x,y) came within √τ of its class's mean energy."""
    PASSED = 1
    """E(x,y) is below that band."""
    PLATEAU = 2
    """E(x,y) no longer falls."""
    STEPS = 3
    """All steps were made."""
    DIVERGED = 4
    """Logits or gradient are not finite; there is no image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """A chain at some step: where it was left, or where it begins.

    Attributes:
        number: which chain of the run.
        label: its class.
        step: updates made.
        x: image (C, H, W), float32 in [0, 1].
        velocity: v of the update (C, H, W), 0 at the start.
        start: the image at step 0.
        joint: E(x,y) in nats of steps 0..step (of steps 0..step−1 where the energy of ``x`` is not known yet).
        marginal: E(x) likewise.
        margin: least distance in nats of the stopping rule from its threshold at any step; inf where no rule looked.
        reason: why it ended; STEPS for one that has not ended.
    """

    number: int
    label: int
    step: int
    x: Image
    velocity: Image
    start: Image
    joint: NDArray[np.float32]
    marginal: NDArray[np.float32]
    margin: float
    reason: Reason


def begin(number: int, label: int, image: Image) -> Chain:
    """A chain before its first step."""
    nothing = np.empty(0, dtype=np.float32)
    return Chain(
        number=number,
        label=label,
        step=0,
        x=image,
        velocity=np.zeros_like(image),
        start=image,
        joint=nothing,
        marginal=nothing,
        margin=float("inf"),
        reason=Reason.STEPS,
    )
