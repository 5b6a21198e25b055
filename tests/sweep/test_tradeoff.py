"""The plot: every thing numbered and named, or, where they are many, those on a front; text is no formula."""

import numpy as np
from matplotlib.figure import Figure

from workbench.report.figures import Panel, tradeoff


def draw(num: int, front: list[int], groups: tuple[str, ...] = ("pca", "noise")) -> Figure:
    rng = np.random.default_rng(0)
    points: list[tuple[float, float] | None] = [(float(x), float(y)) for x, y in rng.random((num, 2))]
    points[-1] = None
    names = [f"$cell_{i}$" for i in range(num)]
    panels = [
        Panel("recall", "precision", points, [i in front for i in range(num)]),
        Panel("cost", "FID", points, [False] * num, log_y=True),
    ]
    kinds = [groups[i % len(groups)] for i in range(num)]
    return tradeoff(names, kinds, panels, cost=list(range(num)), cost_label="passes")


def numbers(figure: Figure, axes: int) -> list[str]:
    return [text.get_text() for text in figure.axes[axes].texts]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_few_are_all_numbered_but_those_without_a_point() -> None:
    figure = draw(5, front=[1, 3])
    assert numbers(figure, 0) == numbers(figure, 1) == ["1", "2", "3", "4"]
    assert legend(figure) == [rf"{i + 1}  \$cell_{i}\$" for i in range(5)]
    assert figure.axes[1].get_yscale() == "log"


def test_the_front_is_joined_from_left_to_right() -> None:
    figure = draw(6, front=[0, 2, 4])
    line = figure.axes[0].lines[0]
    wanted = np.random.default_rng(0).random((6, 2))[[0, 2, 4]]
    np.testing.assert_allclose(line.get_xydata(), wanted[np.argsort(wanted[:, 0])])


def test_of_many_the_front_is_numbered_and_groups_are_named() -> None:
    figure = draw(30, front=[4, 7])
    assert numbers(figure, 0) == ["5", "8"]
    assert legend(figure) == ["pca", "noise", r"5  \$cell_4\$", r"8  \$cell_7\$"]


def test_numbers_do_not_lie_on_points_or_each_other() -> None:
    figure = draw(12, front=[0])
    figure.draw_without_rendering()
    axes = figure.axes[0]
    centres = [text.get_window_extent() for text in axes.texts]
    middles = np.array([[(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2] for box in centres])
    gaps = np.abs(middles[:, None] - middles[None]).max(axis=-1)
    gaps[np.arange(len(gaps)), np.arange(len(gaps))] = np.inf
    assert gaps.min() > 6
