"""The heat map's numbers: from all epochs' histograms to levels of a colour scale. Needs numpy: import it late."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import histogram_edges
from workbench.analysis import energy_map, rebin
from workbench.tui.facts.source import View
from workbench.tui.look.palette import LEVELS
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.widgets.histogram import MOST_BARS

SATURATED = 0.995
"""Share of the picture's non-empty cells that are not brighter than the top of the scale."""


LEAST = 1e-4
"""The least share of an epoch's samples in a column that a ridge shows."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A picture of ΔE over epochs.

    Attributes:
        levels: shape (steps, columns), the largest ΔE first, 0 (nothing) to LEVELS - 1. They grow with the square root
            of the share, so that thin tails still show.
        medians: step of each column's median ΔE, counted from the smallest; None where there is none.
        most: the share of an epoch's samples in one step that the top level stands for.
    """

    levels: NDArray[np.int64]
    medians: list[int | None]
    most: float


def heat_of(view: View, axis: EpochAxis, steps: int) -> Heat:
    """The picture of a run with ``steps`` steps of ΔE and a column for each of the axis."""
    epochs = np.array([axis.epoch(column) for column in range(axis.width)])
    shares, bounds = energy_map(view.counts, histogram_edges(), np.array(view.axis.edges(steps)), axis.width)
    most = float(np.nanquantile(shares[shares > 0], SATURATED)) if (shares > 0).any() else 1.0
    scaled = np.sqrt(np.clip(np.nan_to_num(shares) / most, 0.0, 1.0)) * (LEVELS - 1)
    rows = np.searchsorted(bounds, epochs, side="right") - 1
    medians = view.table[f"{view.split}_delta_energy_q50"][epochs]
    return Heat(
        levels=np.ceil(scaled).astype(np.int64)[rows].T[::-1],
        medians=[view.axis.cell(float(median), steps) if np.isfinite(median) else None for median in medians],
        most=most,
    )


def ridges_of(view: View, epochs: list[int], columns: int) -> list[list[float]]:
    """Shares of each epoch's samples per column of the ΔE axis, its highest 1; zeros where none are recorded.

    Neighbouring columns share a bar where single ones would show noise, not shape.
    """
    if not epochs:
        return []
    bars = -(-columns // (1 + columns // MOST_BARS))
    counts = rebin(view.counts[epochs], histogram_edges(), np.array(view.axis.edges(bars)))
    shares = counts / np.maximum(view.counts[epochs].sum(axis=1, dtype=np.float64), 1.0)[:, None]
    heights = np.where(shares < LEAST, 0.0, shares / np.maximum(shares.max(axis=1), LEAST)[:, None])
    wide: list[list[float]] = heights[:, np.arange(columns) * bars // columns].tolist()
    return wide
