"""A class-wise PCA as lines: class means, and for each class its scree and leading components. Import it late."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.analysis.levels import to_uint8
from workbench.report.pictures import CHANNELS, signed
from workbench.tui.facts.tensors import read_tensors
from workbench.tui.look import palette
from workbench.tui.look.strips import GAP, HEADED, Tile, columns_and_zoom, line, named_rows, picture, thumbnail
from workbench.tui.look.text import number, percent, plain

MOST_MEANS, MOST_GROUPS, MOST_COMPONENTS = 40, 60, 8
"""Classes whose means are shown, groups that are listed, and components of each."""

LEAST_ACROSS = 6
"""Components that must fit side by side where pictures are enlarged."""

MEAN_LINES, SCREE_LINES = 10, 3
"""Lines that the means of few classes may take, and lines of a scree."""

LEFT = 10
"""Columns left of a scree, for the labels of its upright axis."""

_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The PCA of a class, or of a cluster inside a class.

    Attributes:
        title: its name, as it is known.
        samples: images that it was fitted to.
        variances: along the components in descending order, as far as they are known, (S,).
        shares: of its variance that the kept components explain, (K,).
        components: the leading ones as images, (≤ MOST_COMPONENTS, C, H, W); None for features.
    """

    title: str
    samples: int
    variances: NDArray[np.float64]
    shares: NDArray[np.float64]
    components: NDArray[np.float32] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassWisePCA:
    """What is shown of a class-wise PCA.

    Attributes:
        sentence: what it is of.
        names: of the classes.
        means: of the classes, as images (classes, C, H, W); None for features.
        groups: one per class, or per cluster of one.
        num_groups: how many there are in all.
        files: the file and its figures.
        labels: the number of the class of each group.
        settings: what a start of sampling needs to be drawn from it, as ``workbench sample`` takes it; empty where it
            cannot be.
    """

    sentence: str
    names: tuple[str, ...]
    means: NDArray[np.float32] | None
    groups: tuple[Group, ...]
    num_groups: int
    files: tuple[str, ...]
    labels: tuple[int, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def read_pca(output: str) -> ClassWisePCA:
    """The class-wise PCA that ``workbench pca --json`` names.

    Args:
        output: what the command printed.

    Raises:
        WorkbenchError: that is no such JSON, or its file cannot be read or does not hold what it says.
    """
    try:
        answer = json.loads(output)
        facts, path = answer["facts"], Path(answer["path"])
        arrays = read_tensors(path)
        names = tuple(str(name) for name in facts["class_names"])
        shape = tuple(int(size) for size in facts["image_shape"])
        are_images = facts["space"] == "pixels" and shape[0] in CHANNELS
        groups = _groups(arrays, answer["groups"], shape if are_images else None)
        verb = "Fitted" if answer["fitted_now"] else "Fitted before"
        return ClassWisePCA(
            sentence=f"{verb} to the {facts['space']} of {facts['data']}, training split.",
            names=names,
            means=_means(arrays, len(names)).reshape(-1, *shape)[:MOST_MEANS] if are_images else None,
            groups=groups,
            num_groups=len(answer["groups"]),
            files=(str(path), *map(str, answer["figures"])),
            labels=tuple(names.index(str(told["class"])) for told in answer["groups"][:MOST_GROUPS]),
            settings=_settings(facts),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        if isinstance(error, WorkbenchError):
            raise
        raise WorkbenchError(f"cannot make sense of what workbench pca answered: {plain(repr(error))}") from None


def pca_strips(pca: ClassWisePCA, width: int, *, colour: bool) -> list[Strip]:
    """The whole of it as lines of at most ``width`` cells."""
    lines = _head(pca, width, colour=colour)
    for group in pca.groups:
        lines += [*_group_strips(group, width, colour=colour), Strip.blank(0)]
    if pca.num_groups > len(pca.groups):
        lines += [line(f"{pca.num_groups - len(pca.groups)} more are in the file.", width, palette.MUTED)]
    return [*lines, *(line(file, width, palette.MUTED) for file in pca.files)]


def class_starts(pca: ClassWisePCA, width: int, *, colour: bool) -> tuple[int, ...]:
    """The line of ``pca_strips`` at which each class begins."""
    at = len(_head(pca, width, colour=colour))
    starts: dict[int, int] = {}
    for label, group in zip(pca.labels, pca.groups, strict=True):
        starts.setdefault(label, at)
        at += len(_group_strips(group, width, colour=colour)) + 1
    return tuple(starts.values())


def sampling_proposal(pca: ClassWisePCA, place: int | None) -> dict[str, str]:
    """What to propose for sampling from a PCA, of the class at a place; of none, all of them."""
    classes = list(dict.fromkeys(pca.labels))
    chosen = "all" if place is None or place >= len(classes) else str(classes[place])
    return {"classes": chosen, **dict(pca.settings)}


def _settings(facts: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """The start that is drawn from such a PCA; ``workbench sample`` draws from pixels and keeps a share of variance."""
    local, variance = int(str(facts["local"])), facts["variance"]
    if facts["space"] != "pixels" or variance is None:
        return ()
    kept = (("variance", f"{float(str(variance)):g}"),)
    return (("start", "local-pca"), ("local", str(local)), *kept) if local > 1 else (("start", "pca"), *kept)


def _head(pca: ClassWisePCA, width: int, *, colour: bool) -> list[Strip]:
    """What it is, and the class means."""
    lines = [line(pca.sentence, width), Strip.blank(0)]
    if pca.means is not None:
        lines += [line("Class means", width, palette.ACCENT, bold=True), *_mean_strips(pca, width, colour=colour)]
        lines += [Strip.blank(0)]
        signs = (
            "blue: negative, brown: positive"
            if colour and pca.means.shape[1] == 1
            else "dark: negative, bright: positive"
        )
        words = f"Per class: scree and leading components ({signs})"
        lines += [line(words, width, palette.MUTED), Strip.blank(0)]
    return lines


def scree(variances: Sequence[float] | NDArray[np.float64], width: int, height: int) -> list[str]:
    """Variances as bars, one column each, the largest as high as all lines; beyond ``width`` the rest is left out."""
    values = [max(0.0, float(value)) for value in variances[:width]]
    top = max(values, default=0.0) or 1.0
    eighths = [max(1, round(8 * height * value / top)) if value else 0 for value in values]
    rows = range(height - 1, -1, -1)
    return ["".join(_BLOCKS[min(8, max(0, level - 8 * row))] for level in eighths) for row in rows]


def _groups(
    arrays: dict[str, NDArray[np.generic]], told: list[dict[str, object]], shape: tuple[int, ...] | None
) -> tuple[Group, ...]:
    kept = np.cumsum(arrays["num_components"].astype(np.int64))
    known = np.cumsum(arrays["num_spectrum"].astype(np.int64))
    groups = []
    for index, facts in enumerate(told[:MOST_GROUPS]):
        first, end = (int(kept[index - 1]) if index else 0), int(kept[index])
        leading = arrays["components"][first : min(end, first + MOST_COMPONENTS)].astype(np.float32)
        start = int(known[index - 1]) if index else 0
        clusters = sum(other["class"] == facts["class"] for other in told)
        cluster = f", cluster {int(str(facts['cluster'])) + 1}" if clusters > 1 else ""
        groups.append(
            Group(
                title=f"{facts['class']}{cluster}",
                samples=int(str(facts["samples"])),
                variances=arrays["spectrum"][start : int(known[index])].astype(np.float64),
                shares=arrays["explained_variance_ratio"][first:end].astype(np.float64),
                components=None if shape is None else leading.reshape(-1, *shape),
            )
        )
    return tuple(groups)


def _means(arrays: dict[str, NDArray[np.generic]], num_classes: int) -> NDArray[np.float32]:
    """Mean of each class over its groups, by their weights."""
    mean, weight = arrays["mean"].astype(np.float64), arrays["weight"].astype(np.float64)
    means = np.zeros((num_classes, mean.shape[1]))
    np.add.at(means, arrays["label"].astype(np.int64), weight[:, None] * mean)
    return means.astype(np.float32)


def _mean_strips(pca: ClassWisePCA, width: int, *, colour: bool) -> list[Strip]:
    """All means, as many in a row as fit, each row under its names."""
    assert pca.means is not None
    tiles = [thumbnail(tile) for tile in to_uint8(pca.means)]
    height, across = tiles[0].shape[1:]
    columns, zoom = columns_and_zoom(len(tiles), (height, across), width, MEAN_LINES, between=HEADED)
    return named_rows(tiles, pca.names, columns, zoom, width, colour=colour)


def _group_strips(group: Group, width: int, *, colour: bool) -> list[Strip]:
    """Name and numbers, scree, components."""
    total = float(group.shares.sum())
    first = float(group.shares[0]) if len(group.shares) else None
    title = f"{plain(group.title, max(8, width - 66))} · {group.samples} images · {len(group.shares)} components keep"
    lines = [line(f"Class {title} {percent(total)}, the first {percent(first)}", width, palette.ACCENT, bold=True)]
    bars = scree([float(value) for value in group.variances if np.isfinite(value)], width - LEFT - 1, SCREE_LINES)
    labels = (number(float(group.variances[0])) if len(group.variances) else "", "variance", "0")
    for label, row in zip(labels, bars, strict=True):
        lines.append(line(f"{label:>{LEFT - 1}} {row}", width, palette.MUTED))
    last = str(len(bars[0]))
    lines.append(line(f"{'component':>{LEFT - 1}} 1{last:>{max(0, len(bars[0]) - 1)}}", width, palette.MUTED))
    if group.components is not None and len(group.components):
        tiles: list[Tile] = [thumbnail(tile) for tile in (signed if colour else _grey)(group.components)]
        across = {zoom: max(1, (width + GAP) // (tiles[0].shape[2] * zoom + GAP)) for zoom in (1, 2, 3)}
        zoom = max(zoom for zoom in across if zoom == 1 or across[zoom] >= min(len(tiles), LEAST_ACROSS))
        lines += picture(tiles[: across[zoom]], across[zoom], zoom, width, colour=colour)
    return lines


def _grey(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Signed images where there are no colours: zero is mid-grey, the sign is darker or brighter."""
    largest = np.abs(images).reshape(len(images), -1).max(axis=1).reshape(-1, 1, 1, 1)
    return to_uint8(0.5 + 0.5 * images / np.where(largest > 0, largest, 1.0))
