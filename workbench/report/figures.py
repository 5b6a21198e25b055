"""Figures as PNG files, drawn by matplotlib without a display. Text from files is never read as markup or formulas."""

import io
from collections.abc import Sequence
from itertools import cycle, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.report.files import write_picture
from workbench.report.pictures import grid
from workbench.report.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito (2008) without its yellow, which is hard to see on white."""

LINES = ("-", "--", ":", "-.")
MOST_NAMED = 20
"""More curves than this get no legend."""

_DPI = 100
_LONGEST_NAME = 18


def line_styles(num: int) -> list[dict[str, Any]]:
    """``num`` pairs of colour and line style for ``Axes.plot``, the first 28 of them different."""
    pairs = ({"linestyle": line, "color": colour} for line, colour in product(LINES, COLOURS))
    return list(islice(cycle(pairs), num))


def new_figure(num_axes: int = 1, *, width: float = 5.0, height: float = 3.6) -> "tuple[Figure, list[Axes]]":
    """An empty figure with axes side by side, each ``width`` × ``height`` inches at 100 pixels an inch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * num_axes, height), dpi=_DPI, layout="constrained")
    axes = [figure.add_subplot(1, num_axes, number + 1) for number in range(num_axes)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(visible=True, linewidth=0.4, alpha=0.5)
    return figure, axes


def save_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all; folders are made.

    Raises:
        WorkbenchError: it cannot be written.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png")
    write_picture(path, content.getvalue())


def label(text: str, longest: int = _LONGEST_NAME) -> str:
    """Text from a file as a label: visible characters only, not too long, and no formula between dollar signs."""
    shown = visible(text)
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return shown.replace("$", r"\$")


def scree(
    names: Sequence[str],
    spectra: Sequence[NDArray[np.float32]],
    shares: Sequence[NDArray[np.float32]],
    *,
    threshold: float | None,
) -> "Figure":
    """Variance along each component, and the share that the first components explain together.

    Args:
        names: of the groups.
        spectra: variances in descending order, as far as they are known, one array a group.
        shares: shares of the group's variance that the kept components explain, one array a group.
        threshold: the share that was asked for, drawn as a line; None for none.
    """
    figure, (left, right) = new_figure(2)
    for name, style, spectrum, share in zip(names, line_styles(len(names)), spectra, shares, strict=True):
        positive = spectrum[spectrum > 0]
        left.plot(np.arange(1, len(positive) + 1), positive, linewidth=1.2, **style)
        together = np.cumsum(share, dtype=np.float64)
        text = f"{label(name)} ({len(share)})"
        right.plot(np.arange(1, len(share) + 1), together, linewidth=1.2, label=text, **style)
        right.plot(np.arange(len(share), len(share) + 1)[: len(together)], together[-1:], "o", markersize=4, **style)
    left.set(xscale="log", yscale="log", xlabel="component", ylabel="variance along it")
    right.set(xlabel="components", ylabel="share of variance explained", ylim=(0, 1.02))
    if threshold is not None:
        right.axhline(threshold, color="0.4", linewidth=0.8)
        right.annotate(f"{threshold:g}", (0, threshold), xytext=(2, 2), textcoords="offset points", color="0.3", size=8)
    if len(names) <= MOST_NAMED:
        right.legend(title="kept", fontsize=7, title_fontsize=8, ncols=1 if len(names) < 12 else 2, loc="lower right")
    return figure


def image_table(
    rows: Sequence[str], columns: Sequence[str], images: NDArray[np.uint8], *, zoom: int = 1, title: str = ""
) -> "Figure":
    """Images in a table with a name for every row and column.

    Args:
        rows: names of the rows.
        columns: names of the columns, cut to their width.
        images: (rows × columns, C, H, W), row after row, C of 1 or 3.
        zoom: every pixel becomes zoom × zoom pixels.
        title: above the table.
    """
    from matplotlib.figure import Figure

    gap = 2
    picture = np.asarray(grid(images, len(columns), zoom=zoom, gap=gap).convert("RGB"))
    height, width = (size * zoom + gap for size in images.shape[2:])
    margin_left, margin_top, margin = 1.5, 0.55 if title else 0.3, 0.05
    inches = picture.shape[1] / _DPI + margin_left + margin, picture.shape[0] / _DPI + margin_top + margin
    figure = Figure(figsize=inches, dpi=_DPI)
    box = (
        margin_left / inches[0],
        margin / inches[1],
        picture.shape[1] / _DPI / inches[0],
        picture.shape[0] / _DPI / inches[1],
    )
    axes = figure.add_axes(box)
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.set_yticks([(number + 0.5) * height for number in range(len(rows))], [label(name) for name in rows])
    axes.set_xticks(
        [(number + 0.5) * width for number in range(len(columns))], [label(name, width // 6) for name in columns]
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    if title:
        figure.suptitle(title, x=margin_left / inches[0], y=1 - 0.05 / inches[1], ha="left", va="top", size=9)
    return figure
