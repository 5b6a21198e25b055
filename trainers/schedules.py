"""Learning-rate schedules: plain functions of the progress through a run."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Shape(NamedTuple):
    """Where a schedule turns, in shares of the run.

    Attributes:
        peak: of the triangular one.
        drops: where the stepped one falls to a tenth.
    """

    peak: float = 0.5
    drops: Sequence[float] = (0.5, 0.75)


ORDINARY = Shape()


def flat(progress: float, shape: Shape = ORDINARY) -> float:
    """Constant."""
    return 1.0


def stepped(progress: float, shape: Shape = ORDINARY) -> float:
    """×0.1 at each drop: at 1/2 and again at 3/4 in Rice et al. 2020."""
    return 0.1 ** sum(progress >= drop for drop in shape.drops)


def triangular(progress: float, shape: Shape = ORDINARY) -> float:
    """0 → 1 → 0 on straight lines; the peak is at 1/2 in Wong et al. 2020, at 2/5 in GradAlign."""
    return min(progress / shape.peak, (1.0 - progress) / (1.0 - shape.peak))


def cosine(progress: float, shape: Shape = ORDINARY) -> float:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def one_cycle(progress: float, shape: Shape = ORDINARY) -> float:
    """Half a cosine from 1/25 to 1 over the first 0.3, another to 4e-6 (Smith & Topin 2018; torch's OneCycleLR)."""
    warm, first, last = 0.3, 1.0 / 25.0, 1.0 / 25.0 / 1e4
    if progress < warm:
        return 1.0 + (first - 1.0) * cosine(progress / warm)
    return last + (1.0 - last) * cosine((progress - warm) / (1.0 - warm))


SCHEDULES: Mapping[str, Callable[[float, Shape], float]] = {
    "flat": flat,
    "stepped": stepped,
    "triangular": triangular,
    "cosine": cosine,
    "one-cycle": one_cycle,
}


def learning_rate(schedule: str, peak: float, step: int, total_steps: int, shape: Shape = ORDINARY) -> float:
    """Learning rate of optimizer step ``step`` (from 0) of ``total_steps``, taken at the middle of the step.

    The middle keeps a triangular schedule from beginning and ending with a step of exactly zero.
    """
    return peak * SCHEDULES[schedule]((step + 0.5) / total_steps, shape)
