"""What was recorded at each step, laid on the axis of epochs."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.tui.plots.series import drawable
from workbench.tui.plots.window import Window

if TYPE_CHECKING:
    from workbench.tui.facts.source import Source

COLUMNS = ("loss", "delta_energy_mean", "learning_rate")
"""The columns of ``/step`` that are shown."""

MOST_STEPS = 200_000
"""Of more steps than these, every second, third … is shown."""


class Trace(NamedTuple):
    """The steps of some epochs.

    Attributes:
        window: the epochs.
        positions: where each step stands on the axis of epochs: those of epoch e fill [e - ½, e + ½), shape (S,).
        values: COLUMNS, NaN where there is no number, each of shape (S,).
    """

    window: Window
    positions: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]


def read_trace(source: "Source", window: Window) -> Trace:
    """Read the steps of some epochs; in a thread.

    Raises:
        WorkbenchError: they cannot be read.
    """
    columns = source.steps(("epoch", *COLUMNS), window.first, window.stop)
    order = np.argsort(columns["epoch"], kind="stable")  # they are in order, but for a file that anyone may have made
    every = max(1, -(-len(order) // MOST_STEPS))
    values = {name: columns[name][order][::every].astype(np.float64) for name in COLUMNS}
    return Trace(
        window,
        positions(columns["epoch"][order])[::every],
        {name: np.where(drawable(column), column, np.nan) for name, column in values.items()},
    )


def positions(epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where steps stand on the axis of epochs, evenly spaced within each of theirs.

    Args:
        epochs: the epoch of each step, not falling, shape (S,).
    """
    _, starts, counts = np.unique(epochs, return_index=True, return_counts=True)
    within = np.arange(len(epochs)) - np.repeat(starts, counts)
    return epochs - 0.5 + (within + 0.5) / np.repeat(counts, counts)
