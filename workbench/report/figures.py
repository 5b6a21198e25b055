"""Figures as PNG files, drawn by matplotlib without a display. Text from files is never read as markup or formulas."""

import io
import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """Text from a file as a label: visible characters only, not too long, and no formula between dollar signs.

    A space goes before an underscore at the start: matplotlib leaves such labels out of legends.
    """
    shown = visible(text)
    shown = f" {shown}" if shown.startswith("_") else shown
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


class Panel(NamedTuple):
    """Axes of ``tradeoff``: names of x and y, a point for each thing (None where unknown), and who is on the front."""

    x_label: str
    y_label: str
    points: Sequence[tuple[float, float] | None]
    front: Sequence[bool]
    log_y: bool = False


def tradeoff(
    names: Sequence[str], groups: Sequence[str], panels: Sequence[Panel], *, cost: Sequence[float], cost_label: str
) -> "Figure":
    """The same things under several pairs of measures, each numbered from 1, coloured by what it costs.

    Args:
        names: of the things; of more than 20 only those on a front are numbered and named.
        groups: of the things; each group has a marker shape of its own.
        panels: pairs of measures; points of the front are ringed and joined.
        cost: of the things.
        cost_label: what the cost is.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure, all_axes = new_figure(len(panels), width=4.2, height=3.8)
    colours = ScalarMappable(Normalize(min(cost, default=0.0), max(cost, default=1.0)), "cividis")
    shades = colours.to_rgba(np.asarray(cost, dtype=np.float64))
    shapes = dict(zip(dict.fromkeys(groups), cycle("os^Dv*P"), strict=False))
    for axes, panel in zip(all_axes, panels, strict=True):
        known = [(i, *point) for i, point in enumerate(panel.points) if point is not None]
        front = sorted((x, y) for i, x, y in known if panel.front[i])
        axes.plot([x for x, _ in front], [y for _, y in front], color="0.6", linewidth=1, zorder=1)
        for i, x, y in known:
            edge, width = ("black", 1.6) if panel.front[i] else ("white", 0.6)
            axes.scatter(x, y, s=60, marker=shapes[groups[i]], color=shades[i], edgecolors=edge, linewidths=width)
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, yscale="log" if panel.log_y else "linear")
        axes.margins(0.1)
    figure.colorbar(colours, ax=all_axes, label=cost_label, fraction=0.04, pad=0.01)
    chosen = list(range(len(names)))
    if len(names) > MOST_NAMED:
        chosen = [i for i in chosen if any(panel.front[i] for panel in panels)][:MOST_NAMED]
        for group, shape in shapes.items():
            all_axes[0].plot([], [], shape, color="0.6", label=label(group))
    for i in chosen:
        text = label(f"{i + 1}  {names[i]}", 2 * _LONGEST_NAME)
        all_axes[0].plot([], [], shapes[groups[i]], color=shades[i], label=text)
    figure.legend(fontsize=7, loc="outside right upper")
    figure.draw_without_rendering()  # places the axes, so that numbers can be placed by the pixel
    for axes, panel in zip(all_axes, panels, strict=True):
        _number_points(axes, panel.points, chosen)
    return figure


def _number_points(axes: "Axes", points: Sequence[tuple[float, float] | None], chosen: Sequence[int]) -> None:
    """Write numbers from 1 beside some of the points, each on the side where it covers least."""
    places = {i: np.asarray(axes.transData.transform(point)) for i, point in enumerate(points) if point is not None}
    taken = list(places.values())
    for i in chosen:
        point, place = points[i], places.get(i)
        if point is None or place is None:
            continue
        sides = [place + 13 * np.array([np.cos(turn), np.sin(turn)]) for turn in np.arange(8) * np.pi / 4]
        crowds = [sum(max(0.0, 14 - float(np.abs(side - other).max())) for other in taken) for side in sides]
        best = sides[int(np.argmin(np.round(crowds, 3)))]
        taken.append(best)
        x, y = (best - place) * 72 / _DPI
        text = axes.annotate(str(i + 1), point, (x, y), textcoords="offset points", size=7, ha="center", va="center")
        text.set_in_layout(False)
