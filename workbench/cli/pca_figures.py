"""The figures of a class-wise PCA."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.levels import to_uint8
from workbench.pca.spec import PIXELS
from workbench.pca.values import ClassPCA
from workbench.report.pictures import CHANNELS, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COMPONENTS, MOST_ROWS, MOST_CLASSES_SHOWN = 8, 60, 20
_ACROSS = 12
_CELL = 64


def is_of_pictures(fitted: ClassPCA) -> bool:
    """Whether its means and components can be shown as pictures."""
    return fitted.facts.space == PIXELS and fitted.facts.image_shape[0] in CHANNELS


def draw_scree(fitted: ClassPCA) -> "Figure":
    """Variance along the components and the share they explain."""
    from workbench.report.figures import scree

    classes = [fitted.facts.class_names[label] for label in fitted.label]
    return scree(classes, fitted.spectrum, fitted.explained_variance_ratio, threshold=fitted.facts.variance)


def draw_means(fitted: ClassPCA) -> "Figure":
    """The mean of every class; of every cluster, one below the other, if it is local."""
    from workbench.report.figures import image_table

    names = fitted.facts.class_names[:MOST_ROWS]
    groups = [fitted.groups_of(label) for label in range(len(names))]
    most = max(map(len, groups))
    white = np.full(fitted.facts.image_shape, 255, dtype=np.uint8)
    means = to_uint8(fitted.mean).reshape(-1, *fitted.facts.image_shape)
    cells = [[means[of[i]] if i < len(of) else white for of in groups] for i in range(most)]
    clusters = ["mean"] if most == 1 else [f"cluster {i + 1}" for i in range(most)]
    if len(names) <= _ACROSS:
        return image_table(clusters, names, np.array([cell for row in cells for cell in row]), zoom=_zoom(fitted))
    turned = [cell for column in zip(*cells, strict=True) for cell in column]
    return image_table(names, clusters, np.array(turned), zoom=_zoom(fitted))


def draw_components(fitted: ClassPCA) -> "Figure":
    """Mean and leading components of every group."""
    from workbench.report.figures import image_table

    shape = fitted.facts.image_shape
    names = _group_names(fitted)[:MOST_ROWS]
    num = min(MOST_COMPONENTS, int(fitted.num_components[: len(names)].max()))
    cells: list[NDArray[np.uint8]] = []
    for mean, components in zip(fitted.mean[: len(names)], fitted.components, strict=False):
        cells.append(np.broadcast_to(to_uint8(mean.reshape(shape)), (3, *shape[1:])))
        cells.extend(signed(components[:num].reshape(-1, *shape)))
        cells.extend([np.full((3, *shape[1:]), 255, dtype=np.uint8)] * (num - min(num, len(components))))
    columns = ["mean", *(str(i + 1) for i in range(num))]
    return image_table(names, columns, np.array(cells), zoom=_zoom(fitted))


FIGURES: Mapping[str, tuple[Callable[[ClassPCA], bool], Callable[[ClassPCA], "Figure"]]] = {
    "scree": (lambda fitted: bool(fitted.num_components.any()), draw_scree),
    "means": (is_of_pictures, draw_means),
    "components": (is_of_pictures, draw_components),
}
"""Every figure: whether a PCA has it, and how it is drawn."""


def _group_names(fitted: ClassPCA) -> list[str]:
    """The class of each group, with a cluster number where there are several."""
    names = fitted.facts.class_names
    first = np.searchsorted(fitted.label, np.arange(len(names)))
    return [
        names[label] if fitted.facts.local == 1 else f"{names[label]} {group - first[label] + 1}"
        for group, label in enumerate(fitted.label)
    ]


def _zoom(fitted: ClassPCA) -> int:
    return max(1, _CELL // fitted.facts.image_shape[2])
