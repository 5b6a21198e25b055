"""Where things stand on the screen, against formulas written down once more."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tui.plots.axes import DeltaAxis, EpochAxis

BOUNDS = st.tuples(st.floats(-1000, 999), st.floats(0.1, 1000)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.integers(1, 3000), st.integers(1, 300))
def test_the_column_of_an_epoch_shows_that_epoch_where_there_is_room(count: int, width: int) -> None:
    axis = EpochAxis(count, width)
    columns = [axis.column(epoch) for epoch in range(count)]
    assert columns == sorted(columns)
    assert columns[0] >= 0
    assert columns[-1] < width
    if count <= width:
        assert [axis.epoch(column) for column in columns] == list(range(count))


@given(st.integers(1, 100_000), st.integers(8, 300))
def test_epoch_ticks_are_round_and_do_not_touch(count: int, width: int) -> None:
    ticks = EpochAxis(count, width).ticks()
    assert ticks[0][1] == "0"
    ends = [(column - len(label) // 2, column + (len(label) + 1) // 2) for column, label in ticks]
    assert all(end < start for (_, end), (start, _) in pairwise(ends))


def test_delta_axis_is_even_in_asinh() -> None:
    axis = DeltaAxis(-50.0, 10.0)
    np.testing.assert_allclose(np.diff(np.arcsinh(axis.edges(7))), (math.asinh(10) + math.asinh(50)) / 7)
    assert axis.position(-50.0) == 0.0
    assert axis.position(10.0) == pytest.approx(1.0)
    assert [axis.cell(value, 10) for value in (-1e9, -50.0, 10.0, 1e9)] == [0, 0, 9, 9]


@given(BOUNDS, st.integers(10, 200))
def test_delta_ticks_lie_on_the_axis_and_do_not_touch(bounds: tuple[float, float], size: int) -> None:
    axis = DeltaAxis(*bounds)
    ticks = axis.ticks(size)
    assert ticks
    spans = [(cell - len(label) / 2, cell + len(label) / 2) for cell, label in ticks]
    assert all(end < start for (_, end), (start, _) in pairwise(spans))
    for cell, label in ticks:
        assert 0 <= cell < size
        assert bounds[0] - 0.01 * abs(bounds[0]) <= float(label) <= bounds[1] + 0.01 * abs(bounds[1])


def test_delta_ticks_are_round() -> None:
    labels = [label for _, label in DeltaAxis(-50.0, 12.0).ticks(60)]
    assert labels == ["-50", "-20", "-10", "-5", "-2", "-1", "0", "1", "2", "5", "10"]
    assert [label for _, label in DeltaAxis(-50.0, 12.0).ticks(12, spacing=3)] == ["-10", "0", "10"]
