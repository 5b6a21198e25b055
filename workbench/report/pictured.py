"""Samples as pictures side by side: natural, adversarial, and how they differ."""

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.levels import to_uint8
from workbench.report.pictures import signed

ACROSS = 3
"""Pictures of a sample."""


def side_by_side(natural: NDArray[np.float32], adversarial: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    """Three pictures for each sample: x, x* and x* − x, in which blue (dark, in colour images) is what was taken away.

    Args:
        natural: x in [0, 1], shape (n, C, H, W), C of 1 or 3.
        adversarial: x*, likewise.

    Returns:
        Pictures (3·n, 3, H, W), those of a sample after one another; and the difference that has the full colour, the
        largest of all samples.

    Raises:
        WorkbenchError: images of other channels.
    """
    difference = adversarial.astype(np.float64) - natural
    limit = float(np.abs(difference).max(initial=0.0))
    rgb = [np.repeat(each, 3 // each.shape[1], axis=1) for each in map(to_uint8, (natural, adversarial))]
    pair = signed(difference, limit)
    rgb.append(pair)
    return np.stack(rgb, axis=1).reshape(-1, *pair.shape[1:]), limit
