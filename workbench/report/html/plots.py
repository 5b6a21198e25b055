"""The plots of the page: matplotlib figures as SVG text that takes the page's own colour for lines and letters."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import histogram_edges
from workbench.analysis.histograms import display_range, energy_map, rebin
from workbench.onset import Onset
from workbench.report.figures import new_figure
from workbench.report.words import KIND_SHORT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Drawn in this, replaced by the page's text colour: one picture for light and for dark pages."""

ACCURACIES = {
    # column: name, colour (Okabe and Ito), line style
    "clean_accuracy": ("clean", "#56B4E9", "-"),
    "fgsm_accuracy": ("FGSM", "#E69F00", "--"),
    "pgd_accuracy": ("PGD", "#009E73", "-"),
    "train_pgd_accuracy": ("PGD, training images", "#999999", ":"),
}
KIND_COLOURS = {"catastrophic": "#D55E00", "robust": "#CC79A7"}
SHOWN = 0.998
"""Share of all samples that the ΔE axis holds."""
_COLUMNS, _ROWS, _BARS = 240, 120, 90


def as_svg(figure: "Figure") -> str:
    """A figure as an ``<svg>`` element; text stays text, nothing is loaded from elsewhere."""
    from matplotlib import rc_context

    content = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "workbench"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(
            content, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = content.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def accuracy_plot(table: NDArray[np.void], onsets: Sequence[Onset]) -> "Figure":
    """Accuracies of rows of EPOCH_DTYPE over the epochs, with a line at every onset."""
    figure, axes = _axes("epoch", "accuracy")
    for column, (name, colour, line) in ACCURACIES.items():
        if np.isfinite(table[column]).any():
            marker = "o" if len(table) == 1 else None
            axes.plot(table["epoch"], table[column], line, color=colour, linewidth=1.4, marker=marker, label=name)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter("{x:.0%}")
    _mark(axes, onsets)
    if axes.lines:
        axes.legend(fontsize=8, frameon=False, labelcolor=INK, loc="best")
    return figure


def loss_plot(table: NDArray[np.void]) -> "Figure":
    """Training loss, and the learning rate on an axis of its own."""
    figure, axes = _axes("epoch", "training loss (nats)")
    axes.plot(table["epoch"], table["train_loss"], color="#0072B2", linewidth=1.4)
    rate = axes.twinx()
    rate.plot(table["epoch"], table["learning_rate"], ":", color="#999999", linewidth=1.2)
    rate.set_ylabel("learning rate (dotted)", color=INK)
    _ink(rate)
    return figure


def energy_plot(counts: NDArray[np.uint32], onsets: Sequence[Onset]) -> "Figure":
    """ΔE of all epochs: a column an epoch, darker where more of its samples lie; the median as a line.

    Args:
        counts: the stored histogram, shape (E, HISTOGRAM_BINS).
        onsets: marked by lines.
    """
    figure, axes = _axes("epoch", "ΔE (nats)")
    edges = histogram_edges()
    low, high = np.arcsinh(np.array(display_range(counts, edges, SHOWN)))
    scale = np.linspace(low, high, _ROWS + 1)
    shares, bounds = energy_map(counts, edges, np.sinh(scale), _COLUMNS)
    extent = (-0.5, bounds[-1] - 0.5, float(low), float(high))
    axes.imshow(
        np.sqrt(np.clip(shares, 0.0, 1.0)).T,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap="viridis",
        interpolation="nearest",
    )
    recorded = counts.sum(axis=1) > 0
    medians = [np.arcsinh(_median(row, edges)) for row in counts[recorded]]
    axes.plot(np.flatnonzero(recorded), medians, color="white", linewidth=1)
    axes.set(xlim=extent[:2], ylim=extent[2:])
    _nats(axes.yaxis, float(low), float(high))
    axes.grid(visible=False)
    _mark(axes, onsets)
    return figure


def histogram_plot(counts: NDArray[np.uint32], epochs: Sequence[int]) -> "Figure":
    """ΔE of a few epochs as outlines: shares of the epoch's samples per bar, on the axis of ``energy_plot``."""
    figure, axes = _axes("ΔE (nats)", "share of samples")
    edges = histogram_edges()
    low, high = np.arcsinh(np.array(display_range(counts, edges, SHOWN)))
    scale = np.linspace(low, high, _BARS + 1)
    colours = ("#999999", "#0072B2", "#D55E00", "#009E73")
    for colour, line, epoch in zip(colours, (":", "-", "-", "--"), epochs, strict=False):
        total = counts[epoch].sum()
        if total:
            shares = rebin(counts[epoch], edges, np.sinh(scale)) / total
            axes.stairs(shares, scale, color=colour, linewidth=1.4, linestyle=line, label=f"epoch {epoch}")
    _nats(axes.xaxis, float(low), float(high))
    axes.legend(fontsize=8, frameon=False, labelcolor=INK)
    return figure


def _axes(x: str, y: str) -> "tuple[Figure, Axes]":
    figure, (axes,) = new_figure(width=5.4, height=3.2)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    _ink(axes)
    return figure, axes


def _ink(axes: "Axes") -> None:
    axes.tick_params(colors=INK, which="both")
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.spines["top"].set_visible(False)


def _mark(axes: "Axes", onsets: Sequence[Onset]) -> None:
    for onset in onsets:
        colour = KIND_COLOURS[onset.kind]
        axes.axvline(onset.epoch, color=colour, linewidth=1.2, linestyle="--")
        axes.annotate(
            KIND_SHORT[onset.kind],
            (onset.epoch, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -10),
            textcoords="offset points",
            color=colour,
            fontweight="bold",
            fontsize=9,
        )


def _nats(axis: object, low: float, high: float) -> None:
    """Label an axis that is even in asinh(ΔE) with nats."""
    decades = [sign * digit * 10.0**power for sign in (-1, 1) for power in range(-2, 4) for digit in (1, 3)]
    inside = [nats for nats in (0.0, *decades) if low <= np.arcsinh(nats) <= high]
    spread = (high - low) / 9  # at most about nine labels
    chosen: list[float] = []
    for nats in sorted(inside, key=abs):
        if all(abs(np.arcsinh(nats) - np.arcsinh(other)) >= spread for other in chosen):
            chosen.append(nats)
    axis.set_ticks([float(np.arcsinh(nats)) for nats in chosen], [f"{nats:g}" for nats in chosen])  # type: ignore[attr-defined]


def _median(counts: NDArray[np.uint32], edges: NDArray[np.float64]) -> float:
    totals = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    return float(np.interp(totals[-1] / 2, totals, edges))
