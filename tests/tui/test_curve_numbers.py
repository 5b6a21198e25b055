"""Windows, medians, scales, axes and steps, against formulas written down once more."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.runs import append, start, write
from trainers.energylog import EnergyLog
from trainers.energylog.schema import EPOCH_DTYPE
from workbench.onset import labels
from workbench.tui.facts.source import Source
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.plots.charts import ACCURACY_AND_GAP, DELTA, LOSS, LOWER, RATE, READING, Look
from workbench.tui.plots.scales import ASINH, LINEAR, LOG, LOGIT, SCALES, Axis
from workbench.tui.plots.series import axis_of, series_of
from workbench.tui.plots.smoothing import running_median
from workbench.tui.plots.steps import positions, read_trace
from workbench.tui.plots.window import Window, fitted, grown, panned, scrolled, whole, zoomed

TOTALS = st.integers(1, 500)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int]:
    """A window of a run, and the run's epochs."""
    total = draw(TOTALS)
    first = draw(st.integers(0, total - 1))
    return Window(first, draw(st.integers(1, total - first))), total


@given(windows(), st.sampled_from([0.5, 0.8, 1.25, 2.0]), st.integers(-5, 505))
def test_zooming_stays_in_the_run_and_holds_what_it_zooms_around(
    given_window: tuple[Window, int], factor: float, at: int
) -> None:
    window, total = given_window
    after = zoomed(window, total, factor, at)
    assert after.first >= 0
    assert after.stop <= total
    if at in window:
        assert at in after
    assert after.count > window.count or after.count == total if factor > 1 else after.count < max(window.count, 2)
    if after.first > 0 and after.stop < total and at in window:
        before_share, share = ((at - each.first + 0.5) / each.count for each in (window, after))
        assert abs(before_share - share) * after.count <= 1, "the epoch keeps its place to within an epoch"


@given(windows(), st.integers(-600, 600))
def test_panning_and_scrolling_keep_the_width(given_window: tuple[Window, int], epochs: int) -> None:
    window, total = given_window
    after = panned(window, total, epochs)
    assert after.count == window.count
    assert after.first == min(max(window.first + epochs, 0), total - window.count)
    epoch = min(max(epochs, 0), total - 1)
    moved = scrolled(window, total, epoch)
    assert epoch in moved
    assert moved.count == window.count
    assert epoch not in window or moved == window


@given(windows(), st.integers(0, 50))
def test_a_window_at_the_end_of_a_growing_run_stays_there(given_window: tuple[Window, int], more: int) -> None:
    window, total = given_window
    after = grown(window, total, total + more)
    assert after == (Window(total + more - window.count, window.count) if window.stop == total else window)


def test_a_window_of_no_epochs() -> None:
    assert fitted(3, 5, 0) == whole(0) == zoomed(whole(0), 0, 0.5, 0) == panned(whole(0), 0, 3)


@given(st.integers(1, 300), st.integers(1, 100), st.integers(0, 10_000))
def test_an_axis_of_a_part_of_a_run(count: int, width: int, first: int) -> None:
    axis, at_zero = EpochAxis(count, width, first), EpochAxis(count, width)
    for column in range(width):
        assert axis.epoch(column) == first + at_zero.epoch(column)
    for epoch in (0, count // 2, count - 1):
        assert axis.column(first + epoch) == at_zero.column(epoch)
    assert [axis.holds(epoch) for epoch in (first - 1, first, first + count - 1, first + count)] == [
        False,
        True,
        True,
        False,
    ]
    assert all(axis.holds(int(label)) for _, label in axis.ticks())


@pytest.mark.parametrize("width", [3, 5, 9])
def test_medians_are_those_of_whole_windows_of_known_values(width: int) -> None:
    values = np.random.default_rng(width).normal(size=60)
    values[[4, 5, 20, 41]] = np.nan
    known = [epoch for epoch in range(60) if not math.isnan(values[epoch])]
    expected = {}
    for place in range(width // 2, len(known) - width // 2):
        window = sorted(values[epoch] for epoch in known[place - width // 2 : place + width // 2 + 1])
        expected[known[place]] = window[width // 2]
    smooth = running_median(values, width)
    assert {epoch: value for epoch, value in enumerate(smooth) if not math.isnan(value)} == expected


def test_a_median_of_5_is_the_one_that_the_label_of_robust_overfitting_takes() -> None:
    values = np.random.default_rng(0).random(30)
    np.testing.assert_array_equal(running_median(values, 5)[2:-2], labels.running_median(values))


@pytest.mark.parametrize("values", [[], [0.5], [np.nan] * 9, [0.1, 0.2]])
def test_too_few_values_have_no_median(values: list[float]) -> None:
    assert np.isnan(running_median(np.array(values), 3)).all()


def test_scales_are_what_they_say() -> None:
    shares = np.array([0.01, 0.5, 0.9, 1.0, 0.0])
    np.testing.assert_allclose(
        LOGIT.place(shares), [math.log(1 / 99), 0, math.log(9), math.log(999), -math.log(999)], atol=1e-12
    )
    np.testing.assert_allclose(LOG.place(np.array([0.1, 1, 100.0])), [-1, 0, 2])
    assert np.isnan(LOG.place(np.array([0.0, -1.0]))).all()
    np.testing.assert_allclose(ASINH.place(np.array([-2.0, 0.0])), [math.asinh(-2), 0])


@given(
    st.sampled_from([LINEAR, *SCALES.values()]),
    st.floats(1e-3, 0.9),
    st.floats(1.01, 1e6),
    st.integers(3, 60),
)
def test_ticks_of_every_scale_lie_on_it_and_rise(scale, low: float, ratio: float, rows: int) -> None:
    high = min(low * ratio, 0.999) if scale is LOGIT else low * ratio
    if not high > low * 1.001:
        return
    ticks = Axis(scale, low, high).ticks(rows)
    shares = [share for share, _ in ticks]
    assert shares == sorted(shares)
    assert len(ticks) <= max(20, rows)
    assert all(low * (1 - 1e-6) <= value <= high * (1 + 1e-6) for _, value in ticks)


def table(**columns: list[float]) -> np.ndarray:
    rows = np.zeros(len(next(iter(columns.values()))), EPOCH_DTYPE)
    for name in EPOCH_DTYPE.names:
        if EPOCH_DTYPE[name].kind == "f":
            rows[name] = columns.get(name, np.nan)
    return rows


def test_axes_fit_what_is_seen_or_begin_at_0() -> None:
    losses = table(train_loss=[8.0, 2.0, 1.0, 0.5])
    series = series_of(losses, LOSS, 1)
    assert axis_of(series, LOSS, Look(), whole(4))[1:] == (0.0, 8.0)
    assert axis_of(series, LOSS, Look(), Window(1, 2))[1:] == (0.0, 2.0)
    assert axis_of(series, LOSS, Look(fitted=True), Window(1, 2))[1:] == (1.0, 2.0)
    assert axis_of(series, LOSS, Look(scaled=True), whole(4)) == Axis(LOG, 0.5, 8.0)
    shares = series_of(table(pgd_accuracy=[0.2, 0.4]), ACCURACY_AND_GAP, 1)
    assert axis_of(shares, ACCURACY_AND_GAP, Look(), whole(2))[1:] == (0.0, 1.0)
    assert axis_of(shares, ACCURACY_AND_GAP, Look(fitted=True), whole(2))[1:] == (0.2, 0.4)


@pytest.mark.parametrize("chart", [ACCURACY_AND_GAP, *LOWER])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1.0, 0.3, 1e-300, 1e300, -5.0])
@pytest.mark.parametrize("look", [Look(), Look(scaled=True), Look(fitted=True), Look(scaled=True, fitted=True)])
def test_no_value_breaks_an_axis(chart, value: float, look: Look) -> None:
    rows = table(**{line.column: [value, value] for line in chart.lines})
    series = series_of(rows, chart, 3)
    upright = axis_of(series, chart, look, whole(2))
    start, end = upright.scale.place(np.array([upright.low, upright.high]))
    assert end > start
    for each in series:
        assert not np.isinf(upright.shares(each.raw)).any()
    assert upright.ticks(8)
    assert len(chart.reading(value)) <= READING


def test_lines_without_values_are_left_out() -> None:
    rows = table(train_loss=[1.0, 2.0], train_regularizer=[0.0, 0.0])
    assert [each.line.name for each in series_of(rows, LOSS, 1)] == ["loss"]
    assert not series_of(rows, DELTA, 1)
    assert not series_of(rows, RATE, 1)


def test_edges_of_a_band_are_not_smoothed() -> None:
    rows = table(train_delta_energy_mean=[0.0, 5.0, 1.0], train_delta_energy_q05=[-1.0, -2.0, -3.0])
    smooth = {each.line.column: each.smooth for each in series_of(rows, DELTA, 3)}
    assert smooth["train_delta_energy_q05"] is None
    np.testing.assert_array_equal(smooth["train_delta_energy_mean"], [np.nan, 1.0, np.nan])


def test_steps_stand_evenly_within_their_epochs() -> None:
    at = positions(np.array([3, 3, 4, 4, 4, 4]))
    np.testing.assert_allclose(at, [2.75, 3.25, 3.625, 3.875, 4.125, 4.375])
    assert positions(np.array([], dtype=np.int64)).size == 0


def test_the_steps_of_some_epochs_are_those_of_all_steps(tmp_path: Path) -> None:
    writer = start(tmp_path)
    for epoch in range(6):
        for step in range(7 + epoch):  # blocks of steps are padded
            writer.append_step({"loss": 100.0 * epoch + step})
        append(writer)
    writer.close("finished")
    with EnergyLog.open(tmp_path) as log:
        every = log.steps()
        for first, stop in ((0, 6), (2, 4), (5, 6), (6, 9), (3, 3)):
            wanted = every[(every["epoch"] >= first) & (every["epoch"] < stop)]
            found = log.steps_of(("epoch", "loss"), first, stop)
            np.testing.assert_array_equal(found["loss"], wanted["loss"])
            np.testing.assert_array_equal(found["epoch"], wanted["epoch"])


def test_a_run_without_steps_has_no_trace(tmp_path: Path) -> None:
    trace = read_trace(Source(write(tmp_path / "run", epochs=3), lambda: 0.0), Window(0, 3))
    assert trace.positions.size == 0
