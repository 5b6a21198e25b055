"""Learning-rate schedules: plain functions of the progress through a run."""

import math
from collections.abc import Callable, Mapping


def flat(progress: float) -> float:
    """Constant."""
    return 1.0


def stepped(progress: float) -> float:
    """×0.1 at 1/2 and again at 3/4 (Rice et al. 2020)."""
    return 0.1 ** ((progress >= 0.5) + (progress >= 0.75))


def triangular(progress: float) -> float:
    """0 → 1 → 0 with the peak at 1/2 (Wong et al. 2020)."""
    return 1.0 - abs(2.0 * progress - 1.0)


def cosine(progress: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "flat": flat,
    "stepped": stepped,
    "triangular": triangular,
    "cosine": cosine,
}


def learning_rate(schedule: str, peak: float, step: int, total_steps: int) -> float:
    """Learning rate of optimizer step ``step`` (from 0) of ``total_steps``, taken at the middle of the step.

    The middle keeps a triangular schedule from beginning and ending with a step of exactly zero.
    """
    return peak * SCHEDULES[schedule]((step + 0.5) / total_steps)
