"""Images in [0, 1] as the levels that files and screens hold. numpy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_uint8(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images in [0, 1] of any shape to levels 0..255, rounded to the nearest; values outside are clipped, NaN is 0."""
    levels: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(images), 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels
