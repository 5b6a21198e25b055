"""The numbers behind the plots, against numpy."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual_hires_canvas import Canvas, HiResMode

from tests.tui.runs import write
from workbench.tui.facts.glance import FINE, read_glance
from workbench.tui.facts.source import Source
from workbench.tui.look.palette import LEVELS, heat
from workbench.tui.plots.axes import DeltaAxis, EpochAxis
from workbench.tui.plots.heat import heat_of
from workbench.tui.plots.scales import LINEAR, Axis
from workbench.tui.plots.series import decimate
from workbench.tui.widgets.histogram import bars, joined
from workbench.tui.widgets.layers import LayeredCanvas
from workbench.tui.widgets.upright import row_of


def test_joined_shares_are_those_of_the_fine_steps() -> None:
    fine = np.random.default_rng(0).random(FINE)
    np.testing.assert_allclose(joined(fine.tolist(), 96), fine.reshape(96, -1).sum(axis=1))


@given(st.integers(1, 300))
def test_joining_keeps_the_sum(columns: int) -> None:
    fine = np.random.default_rng(1).random(FINE)
    assert sum(joined(fine.tolist(), columns)) == pytest.approx(fine.sum())


@given(st.integers(1, 400))
def test_bars_are_not_too_many_and_about_equally_wide(columns: int) -> None:
    heights = bars(np.random.default_rng(2).random(FINE).tolist(), columns)
    assert len(heights) == columns
    widths = np.diff(np.flatnonzero([True, *(np.diff(heights) != 0), True]))
    assert len(widths) <= 72
    assert widths.max() - widths.min() <= 1


def test_the_glance_shares_out_the_last_epoch(tmp_path: Path) -> None:
    glance = read_glance(write(tmp_path / "run", epochs=3))
    moment = glance.moment
    assert (moment.epoch, moment.split, moment.attack) == (2, "train", "fgsm")
    # ΔE = spread · (0.3 + log u): its quantiles are known, and so is the share below any of them
    size = 0.3 + 0.05 * 2
    axis = DeltaAxis(moment.low, moment.high)
    for share in (0.2, 0.5, 0.8):
        below = sum(moment.shares[: axis.cell(size * (0.3 + math.log(share)), FINE)])
        assert below == pytest.approx(share, abs=0.02)
    assert moment.statistic("q50") == pytest.approx(size * (0.3 + math.log(0.5)), abs=0.01)
    assert sum(moment.before) == pytest.approx(1.0, abs=0.02)


def test_heat_is_darkest_where_nothing_is_and_brightest_at_the_mode(tmp_path: Path) -> None:
    view = Source(write(tmp_path / "run", epochs=10), lambda: 0.0).read()
    picture = heat_of(view, EpochAxis(10, 30), 40)
    assert picture.levels.shape == (40, 30)
    assert picture.levels.max() == LEVELS - 1
    assert picture.levels.min() == 0
    assert (picture.levels[:, 0] == picture.levels[:, 2]).all(), "three columns show the first epoch"
    for column, median in enumerate(picture.medians):
        size = 0.3 + 0.05 * (column // 3)
        assert median == view.axis.cell(size * (0.3 + math.log(0.5)), 40)
    # the exponential has its mode at its upper end, 0.3 · size
    assert picture.levels[:, 15].argmax() == pytest.approx(39 - view.axis.cell(0.3 * 0.55, 40), abs=2)


def test_the_heat_scale_gets_lighter_throughout() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    scale = [lightness(heat(level)) for level in range(LEVELS)]
    assert scale == sorted(scale)


@given(st.integers(1, 5000), st.integers(1, 60))
def test_decimation_keeps_every_columns_extremes(points: int, columns: int) -> None:
    x, y = np.arange(points, dtype=float), np.random.default_rng(points).normal(size=points)
    kept_x, kept_y = decimate(x, y, columns)
    assert len(kept_x) <= max(2 * columns, 1)
    assert (np.diff(kept_x) > 0).all()
    assert (y[kept_x.astype(int)] == kept_y).all()
    assert kept_y.max() == y.max()
    assert kept_y.min() == y.min()


@pytest.mark.parametrize(
    ("top", "height", "expected"),
    [
        (1.0, 8, [0.0, 0.5, 1.0]),
        (1.0, 24, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (2.3, 5, [0.0, 2.0]),
        (0.07, 8, [0.0, 0.05]),
        (480.0, 12, [0.0, 200.0, 400.0]),
    ],
)
def test_ticks_are_round(top: float, height: int, expected: list[float]) -> None:
    ticks = Axis(LINEAR, 0.0, top).ticks(height)
    assert [value for _, value in ticks] == pytest.approx(expected)
    assert [share * top for share, _ in ticks] == pytest.approx(expected)


def test_rows_run_from_top_to_bottom_inside_the_box() -> None:
    rows = [row_of(share, 12) for share in np.linspace(1, 0, 50)]
    assert rows == sorted(rows)
    assert (rows[0], rows[-1]) == (1, 10)
    assert [row_of(share, 12) for share in (-5.0, 5.0)] == [10, 1]


@given(st.lists(st.tuples(st.integers(-4, 44), st.integers(-8, 88)), max_size=80))
def test_dots_are_where_the_canvas_of_textual_plot_sets_them(points: list[tuple[int, int]]) -> None:
    ours, theirs = LayeredCanvas(20, 20, id="plot"), Canvas(20, 20)
    for canvas in (ours, theirs):
        canvas.set_hires_pixels([(x / 2, y / 4) for x, y in points], HiResMode.BRAILLE, "red")
    for x in range(20):
        for y in range(20):
            assert ours.get_pixel(x, y) == theirs.get_pixel(x, y)


def test_what_lies_over_a_drawing_comes_off_again() -> None:
    canvas = LayeredCanvas(4, 3, id="plot")
    canvas.set_pixel(1, 1, "x", "red")
    canvas.lay({(1, 1): ("o", Style()), (2, 2): ("o", Style()), (9, 9): ("o", Style())})
    assert [canvas.get_pixel(1, 1)[0], canvas.get_pixel(2, 2)[0], canvas.drawn(1, 1)[0]] == ["o", "o", "x"]
    canvas.lay({(2, 2): ("+", Style())})
    assert [canvas.get_pixel(1, 1), canvas.get_pixel(2, 2)[0], canvas.drawn(2, 2)[0]] == [("x", "red"), "+", " "]
    canvas.lay({})
    assert canvas.get_pixel(2, 2)[0] == " "
