"""Aligned curves of several runs as a figure."""

from typing import TYPE_CHECKING

import numpy as np

from workbench.compare import ALIGNMENTS, Comparison, first_onset
from workbench.report.figures import MOST_NAMED, label, line_styles, new_figure
from workbench.report.tables import run_names
from workbench.report.words import where

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = {"pgd_accuracy": "PGD accuracy (probe set)", "delta_energy_mean": "mean ΔE (nats)"}


def draw_comparison(comparison: Comparison) -> "Figure":
    """PGD accuracy and mean ΔE of all runs that have a place on the axis; a dot marks the first onset of a run."""
    figure, all_axes = new_figure(len(_PANELS))
    names = run_names([track.summary for track in comparison.tracks])
    styles = line_styles(len(names))
    for axes, (measure, words) in zip(all_axes, _PANELS.items(), strict=True):
        for name, track, style in zip(names, comparison.tracks, styles, strict=True):
            if track.positions is None:
                continue
            curve, onset = track.curve(measure), first_onset(track.summary)
            text = label(name) + (f" ({where(onset)})" if onset is not None else "")
            axes.plot(track.positions, curve, linewidth=1.2, label=text, **style)
            if onset is not None and onset.epoch < len(curve) and np.isfinite(curve[onset.epoch]):
                axes.plot(track.positions[onset.epoch], curve[onset.epoch], "o", markersize=5, color=style["color"])
        axes.set(xlabel=ALIGNMENTS[comparison.align], ylabel=words)
    all_axes[0].set_ylim(bottom=0)
    if sum(track.positions is not None for track in comparison.tracks) <= MOST_NAMED:
        handles, texts = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, texts, fontsize=7, loc="outside right upper")
    return figure
