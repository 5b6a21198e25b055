"""Curves smoothed by a running median, as the label of robust overfitting smooths them."""

import numpy as np
from numpy.typing import NDArray


def running_median(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The centred median of ``width`` known values, whole windows only, as of `workbench.onset.labels`.

    A median, for it keeps a collapse where it is and as steep as it is, where a mean would draw it out and an
    exponential average would also move it to later epochs. Epochs without a value are left out before: a run that is
    evaluated at every second epoch has medians of ``width`` evaluations.

    Args:
        values: one value per epoch, NaN where there is none, shape (E,).
        width: values in a window; odd, so that a median stands at the epoch in its middle.

    Returns:
        The medians, NaN where there is no value or no whole window around it, shape (E,).
    """
    assert width % 2 == 1, width
    smooth = np.full(values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) >= width:
        windows = np.lib.stride_tricks.sliding_window_view(values[known], width)
        half = width // 2
        smooth[known[half : len(known) - half]] = np.median(windows, axis=1)
    return smooth
