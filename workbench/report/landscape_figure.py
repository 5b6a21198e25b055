"""Planes of landscapes as a figure: one row a landscape, one column a sample, one colour scale."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trainers.errors import WorkbenchError
from workbench.landscape import Landscape
from workbench.report.figures import label
from workbench.report.landscape_map import plane_name, rises, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS, MOST_ROWS = 6, 12
_LEVELS, _MAP = 13, "cividis"
_NAME = 30


def draw_landscapes(landscapes: Sequence[Landscape], names: Sequence[str]) -> "Figure":
    """E − E(x) of the first samples of each landscape, with x, x* and the edge of the ball.

    Args:
        landscapes: at most MOST_ROWS.
        names: what to call them.

    Raises:
        WorkbenchError: too many landscapes.
    """
    if len(landscapes) > MOST_ROWS:
        raise WorkbenchError(f"a figure has room for {MOST_ROWS} landscapes, not {len(landscapes)}; name fewer")
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    columns = min(MOST_COLUMNS, max(map(len, landscapes)))
    figure = Figure(figsize=(2.1 * columns + 1.6, 2.3 * len(landscapes) + 0.6), dpi=100, layout="constrained")
    scale = scale_of([plane for landscape in landscapes for plane in rises(landscape, columns)])
    all_axes = []
    for row, (landscape, name) in enumerate(zip(landscapes, names, strict=True)):
        for column in range(min(columns, len(landscape))):
            axes = figure.add_subplot(len(landscapes), columns, row * columns + column + 1)
            _draw(axes, landscape, column, scale)
            axes.tick_params(labelsize=7, labelleft=column == 0, labelbottom=row == len(landscapes) - 1)
            if column == 0:
                axes.set_ylabel(label(name, _NAME) + "\nb (units of ε)", fontsize=8)
            if row == len(landscapes) - 1:
                axes.set_xlabel("a (units of ε)", fontsize=8)
            all_axes.append(axes)
    bar = figure.colorbar(ScalarMappable(Normalize(*scale), _MAP), ax=all_axes, extend="both", fraction=0.04, pad=0.01)
    bar.set_label(f"{_energies(landscapes)} less its value at x (nats)")
    handles, texts = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper right", ncols=3, fontsize=8, facecolor="0.75")
    return figure


def _energies(landscapes: Sequence[Landscape]) -> str:
    words = {"marginal": "E(x)", "joint": "E(x,y)"}
    return " or ".join(dict.fromkeys(words[landscape.facts.energy] for landscape in landscapes))


def _draw(axes: "Axes", landscape: Landscape, row: int, scale: tuple[float, float]) -> None:
    plane = np.ma.masked_invalid(rises(landscape, row + 1)[row])
    axis, reach = landscape.axis, landscape.facts.reach
    half = reach / (landscape.facts.grid - 1)
    ends = (-reach - half, reach + half)
    axes.set_facecolor("0.6")
    axes.imshow(plane, origin="lower", extent=(*ends, *ends), cmap=_MAP, vmin=scale[0], vmax=scale[1])
    levels = np.linspace(*scale, _LEVELS)
    if plane.count() and plane.min() < levels[-1] and plane.max() > levels[0]:
        crossed = levels[(levels > plane.min()) & (levels < plane.max())]
        if len(crossed):
            axes.contour(axis, axis, plane, levels=crossed, colors="white", linewidths=0.4, alpha=0.6)
    angles = np.arange(landscape.outline.shape[1] + 1) * (2 * np.pi / landscape.outline.shape[1])
    radii = np.append(landscape.outline[row], landscape.outline[row, 0])
    axes.plot(radii * np.cos(angles), radii * np.sin(angles), "--", color="white", linewidth=1, label="ball")
    axes.plot(0, 0, "o", color="white", markeredgecolor="black", markersize=6, linestyle="none", label="x")
    position = landscape.position[row]
    axes.plot(position, 0, "X", color="white", markeredgecolor="black", markersize=7, linestyle="none", label="x*")
    axes.set(xlim=ends, ylim=ends)
    axes.set_title(label(plane_name(landscape, row)), fontsize=8)
