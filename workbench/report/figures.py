"""Figures as PNG files, drawn by matplotlib without a display. Text from files is never read as markup or formulas."""

import io
import warnings
from collections.abc import Mapping, Sequence
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
_PRECISION = 1e-7
"""Variances under this share of the largest are rounding errors of float32."""
_LONGEST_NAME = 18
_GAP = 2


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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # it is drawn as a box
        figure.savefig(content, format="png", pil_kwargs={"optimize": True})
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
        names: what each curve is of; curves of one name look alike.
        spectra: variances in descending order, as far as they are known, one array a group.
        shares: shares of the group's variance that the kept components explain, one array a group.
        threshold: the share that was asked for, drawn as a line; None for none.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (left, right) = new_figure(2)
    styles = dict(zip(dict.fromkeys(names), line_styles(len(set(names))), strict=True))
    for name, spectrum, share in zip(names, spectra, shares, strict=True):
        known = spectrum[spectrum > spectrum.max(initial=0.0) * _PRECISION]
        left.plot(np.arange(1, len(known) + 1), known, linewidth=1.2, **styles[name])
        number, together = np.arange(1, len(share) + 1), np.cumsum(share, dtype=np.float64)
        right.plot(number, together, linewidth=1.2, **styles[name])
        right.plot(number[-1:], together[-1:], "o", markersize=4, **styles[name])
    left.set(xscale="log", yscale="log", xlabel="component", ylabel="variance along it")
    right.set(xlabel="components", ylabel="share of variance explained", ylim=(0, 1.02))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    if threshold is not None:
        right.axhline(threshold, color="0.4", linewidth=0.8)
        right.annotate(f"{threshold:g}", (0, threshold), xytext=(2, 2), textcoords="offset points", color="0.3", size=8)
    if len(styles) <= MOST_NAMED:
        _add_legend(right, styles, names, shares)
    return figure


def _add_legend(
    axes: "Axes", styles: Mapping[str, dict[str, Any]], names: Sequence[str], shares: Sequence[NDArray[np.float32]]
) -> None:
    """A line for each name, with the numbers of kept components of its curves."""
    for name, style in styles.items():
        kept = ", ".join(str(len(share)) for other, share in zip(names, shares, strict=True) if other == name)
        axes.plot([], [], label=f"{label(name)} ({label(kept)})", **style)
    axes.figure.legend(title="kept", fontsize=7, title_fontsize=8, loc="outside right upper")


def image_table(rows: Sequence[str], columns: Sequence[str], images: NDArray[np.uint8], *, zoom: int = 1) -> "Figure":
    """Images in a table with a name for every row and column, pixel for pixel.

    Args:
        rows: names of the rows.
        columns: names of the columns, cut to their width.
        images: (rows × columns, C, H, W), row after row, C of 1 or 3.
        zoom: every pixel becomes zoom × zoom pixels.
    """
    from matplotlib.figure import Figure

    names = [label(name) for name in rows]
    picture = np.asarray(grid(images, len(columns), zoom=zoom, gap=_GAP).convert("RGB"))
    height, width = picture.shape[:2]
    left, top, margin = 20 + 8 * max(map(len, names)), 30, 5
    all_height, all_width = top + height + margin, left + width + margin
    figure = Figure(figsize=(all_width / _DPI, all_height / _DPI), dpi=_DPI)
    axes = figure.add_axes((left / all_width, margin / all_height, width / all_width, height / all_height))
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    cell_height, cell_width = (size * zoom + _GAP for size in images.shape[2:])
    axes.set_yticks([(number + 0.5) * cell_height for number in range(len(rows))], names)
    headings = [label(name, cell_width // 6) for name in columns]
    axes.set_xticks([(number + 0.5) * cell_width for number in range(len(columns))], headings)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    return figure
