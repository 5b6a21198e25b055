"""Figures of results, drawn by matplotlib without a display."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.report.figures import line_styles, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawing = Callable[[], "Figure"]
Curve = Sequence[float | None]


def against_eps(points: Mapping[str, Sequence[tuple[float, float | None]]], ylabel: str) -> Drawing:
    """Means over runs by ε (in [0, 1]), a line for each name, with standard deviations where there are several."""

    def draw() -> "Figure":
        figure, (axes,) = new_figure(width=7.5, height=4.2)
        for (name, pairs), style in zip(points.items(), line_styles(len(points)), strict=True):
            by_eps: dict[float, list[float]] = {}
            for eps, value in pairs:
                if value is not None:
                    by_eps.setdefault(eps, []).append(value)
            radii = sorted(by_eps)
            means = [statistics.fmean(by_eps[eps]) for eps in radii]
            errors = [statistics.stdev(by_eps[eps]) if len(by_eps[eps]) > 1 else 0.0 for eps in radii]
            axes.errorbar(
                [255 * eps for eps in radii], means, errors, label=name, marker="o", markersize=3, capsize=2, **style
            )
        axes.set(xlabel="ε × 255", ylabel=ylabel)
        axes.set_ylim(bottom=0.0)
        _legend(axes, len(points))
        return figure

    return draw


def along_epochs(curves: Mapping[str, Sequence[Curve]], ylabel: str) -> Drawing:
    """Curves by epoch, those of one name alike."""

    def draw() -> "Figure":
        figure, (axes,) = new_figure(width=7.5, height=4.2)
        _draw_curves(axes, curves, ylabel)
        axes.set_ylim(bottom=0.0)
        _legend(axes, len(curves))
        return figure

    return draw


def side_by_side(panels: Mapping[str, Mapping[str, Sequence[Curve]]]) -> Drawing:
    """Several axes of curves by epoch, by what their ordinate is called; names mean the same in all."""

    def draw() -> "Figure":
        figure, all_axes = new_figure(len(panels), width=4.8, height=3.8)
        for axes, (ylabel, curves) in zip(all_axes, panels.items(), strict=True):
            _draw_curves(axes, curves, ylabel)
        _legend(all_axes[-1], max(len(curves) for curves in panels.values()))
        return figure

    return draw


def _draw_curves(axes: "Axes", curves: Mapping[str, Sequence[Curve]], ylabel: str) -> None:
    for (name, runs), style in zip(curves.items(), line_styles(len(curves)), strict=True):
        for number, values in enumerate(runs):
            known = [float("nan") if value is None else value for value in values]
            axes.plot(range(len(known)), known, label=None if number else name, linewidth=1.2, **style)
    axes.set(xlabel="epoch", ylabel=ylabel)


def intervals(groups: Mapping[str, Mapping[str, tuple[float, float, float]]], xlabel: str) -> Drawing:
    """Low, middle and high of something by group and name: a panel for each group, a bar for each name."""

    def draw() -> "Figure":
        figure, all_axes = new_figure(len(groups), width=3.8, height=3.4)
        for axes, (group, bars) in zip(all_axes, groups.items(), strict=True):
            for place, (low, middle, high) in enumerate(bars.values()):
                axes.plot((low, high), (place, place), color="#0072B2", linewidth=4, alpha=0.5)
                axes.plot(middle, place, marker="|", color="black", markersize=10)
            axes.axvline(0.0, color="black", linewidth=0.6)
            axes.set_yticks(range(len(bars)), list(bars) if axes is all_axes[0] else [""] * len(bars))
            axes.invert_yaxis()
            axes.set(xlabel=xlabel, title=group)
        return figure

    return draw


def _legend(axes: "Axes", num: int) -> None:
    axes.legend(fontsize=7, frameon=False, ncols=1 if num < 6 else 2)
