"""The upright axis of a plot: where its shares lie in rows, and what stands beside it."""

import math

PAD = 0.03
"""Share of the height that is left free above and below the lines."""

Label = tuple[float, str, str]
"""Where on the upright axis, from 0 to 1, what, and in which colour."""


def row_of(share: float, height: int) -> int:
    """The row of a plot ``height`` rows high, edges included, at a share of its axis; as textual-plot draws lines."""
    padded = (share + PAD) / (1 + 2 * PAD)
    return min(max(1, math.floor(height - 1 - padded * (height - 2))), height - 2)
