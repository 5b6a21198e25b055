"""Which points no other point beats."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pareto_front(points: Sequence[Sequence[float | None]]) -> list[bool]:
    """Whether each point is Pareto-optimal: no other is at most as large in every coordinate and smaller in one.

    Args:
        points: (N, D) coordinates, smaller is better (negate what should be large). A point with a None is on no front
            and beats nobody.
    """
    known = [i for i, point in enumerate(points) if None not in point]
    values: NDArray[np.float64] = np.array([points[i] for i in known], dtype=np.float64)
    front = [False] * len(points)
    for i, value in zip(known, values, strict=True):
        beaten = (values <= value).all(axis=1) & (values < value).any(axis=1)
        front[i] = not beaten.any()
    return front
