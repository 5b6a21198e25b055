"""Distributions of energies under several attacks as a figure."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.attack_tables import NATURAL, AttackTables
from workbench.report.figures import label, line_styles, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 400
_TAIL = 0.005
"""Share of the samples at each end that lie beyond the axis."""


def attacks_figure(tables: AttackTables, epoch: int, title: str) -> "Figure":
    """Distributions of E under each attack against natural samples, and of ΔE, in one epoch.

    Args:
        tables: the file beside the log.
        epoch: one of its epochs.
        title: of the epoch, the checkpoint's name say.
    """
    energy = tables.values("energy", epoch).astype(np.float64)
    names = tables.inputs
    figure, (left, right) = new_figure(2, width=5.2)
    with np.errstate(invalid="ignore"):
        delta = energy[0] - energy
    _draw(left, names, energy, skip=())
    _draw(right, names, delta, skip=(NATURAL,))
    left.set(xlabel="E(x), E(x*) in nats", ylabel="density")
    right.set(xlabel="ΔE = E(x) − E(x*) in nats")
    right.axvline(0.0, color="0.5", linewidth=0.8)
    left.legend(fontsize=7)
    figure.suptitle(label(title, 80), fontsize=9)
    return figure


def _draw(axes: "Axes", names: tuple[str, ...], values: NDArray[np.float64], skip: tuple[str, ...]) -> None:
    """A density for each input on a common axis; that of natural samples is filled."""
    shown = {name: row[np.isfinite(row)] for name, row in zip(names, values, strict=True) if name not in skip}
    everything = np.concatenate([*shown.values(), np.empty(0)])
    if not len(everything):
        return
    low, high = np.quantile(everything, (_TAIL, 1 - _TAIL))
    margin = 0.05 * (high - low) or 1.0
    grid = np.linspace(low - margin, high + margin, _POINTS)
    styles = dict(zip([name for name in names if name != NATURAL], line_styles(len(names)), strict=False))
    for name, row in shown.items():
        density = _density(row, grid)
        if name == NATURAL:
            axes.fill_between(grid, density, color="0.8", label=NATURAL)
        else:
            axes.plot(grid, density, linewidth=1.3, label=label(name), **styles[name])
    axes.set_ylim(bottom=0)


def _density(values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernel density with Silverman's bandwidth (1986, eq. 3.31), of values counted on a grid first."""
    if not len(values):
        return np.zeros_like(grid)
    step = grid[1] - grid[0]
    quarters = np.subtract(*np.quantile(values, (0.75, 0.25))) / 1.34
    spread = min(values.std(), quarters) or values.std()
    width = max(0.9 * spread * len(values) ** -0.2, step)
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    counts = np.histogram(values, edges)[0] / (len(values) * step)
    reach = np.arange(-(len(grid) - 1), len(grid)) * step
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), mode="valid")
