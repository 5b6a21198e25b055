"""A table of numbers as a PNG, drawn in a process of its own: matplotlib takes a second to load.

``python -m workbench.report.table_figure`` reads one JSON object from standard input (title, columns, rows and how to
draw them, as ``workbench.tui.facts.numbers`` has them) and writes the picture to standard output.
"""

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import histogram_edges
from workbench.report.figures import LINES, line_styles, new_figure
from workbench.report.html.plots import energy_plot, histogram_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 400_000
"""Rows that are drawn at most."""


def picture(document: dict[str, Any]) -> bytes:
    """The picture of a table.

    Args:
        document: "title", "columns" (names), "rows" (lists) and "drawing": kind, x, y, x_label, y_label.
    """
    from matplotlib import rc_context

    drawing = document["drawing"]
    counts = None if drawing["kind"] in ("lines", "points") else _counts(document)
    with rc_context({"text.parse_math": False}):
        if counts is None or not counts.any():
            figure = _lines(document)
        elif drawing["kind"] == "map":
            figure = energy_plot(counts, ())
        else:
            figure = histogram_plot(counts[-1:], [0])
            figure.axes[0].patches[0].set(fill=True, facecolor="#0072B2", edgecolor="#0072B2", linestyle="-")
            figure.axes[0].get_legend().set_visible(False)  # type: ignore[union-attr]
        figure.axes[0].set_title(document["title"], fontsize=9)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=200)
    return content.getvalue()


def _column(document: dict[str, Any], name: str) -> NDArray[np.float64]:
    place = document["columns"].index(name)
    return np.array([np.nan if row[place] is None else row[place] for row in document["rows"][:MOST_ROWS]], dtype=float)


def _counts(document: dict[str, Any]) -> NDArray[np.uint32]:
    """The stored histograms, a row for each epoch up to the last that has any sample."""
    edges = histogram_edges()
    epochs = _column(document, "epoch").astype(np.int64)
    lower = _column(document, "lower")
    bins = np.where(np.isfinite(lower), np.searchsorted(edges, lower), 0)
    counts = np.zeros((int(epochs.max(initial=-1)) + 1, len(edges) - 1), dtype=np.uint32)
    counts[epochs, bins] = _column(document, "count").astype(np.uint32)
    return counts


def _lines(document: dict[str, Any]) -> "Figure":
    """Lines or points over a column; empty axes where there is nothing to draw."""
    drawing = document["drawing"]
    figure, (axes,) = new_figure(width=5.4, height=3.2)
    axes.set(xlabel=drawing["x_label"], ylabel=drawing["y_label"])
    if drawing["kind"] in ("lines", "points"):
        x = _column(document, drawing["x"])
        for number, (name, style) in enumerate(zip(drawing["y"], line_styles(len(drawing["y"])), strict=True)):
            y = _column(document, name)
            if np.isfinite(y).any():
                dots = {"linestyle": "", "marker": ".", "markersize": 3, "color": style["color"]}
                look = (
                    dots
                    if drawing["kind"] == "points"
                    else style | {"linewidth": 1.2, "linestyle": LINES[number % len(LINES)]}
                )
                axes.plot(x, y, label=name.replace("_", " "), **look)
    if axes.lines:
        axes.legend(fontsize=7, frameon=False)
    return figure


if __name__ == "__main__":
    sys.stdout.buffer.write(picture(json.load(sys.stdin)))
