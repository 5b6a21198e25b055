"""Rebinning against single bins worked out by hand, numpy's histogram of the samples, and conservation of mass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainers.energylog.schema import HISTOGRAM_BINS, histogram_edges
from workbench.analysis import display_range, energy_map, rebin

EDGES = histogram_edges()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param([0, 1, 2, 4], [10, 20, 40], id="the same bins"),
        pytest.param([0, 0.5, 1.5, 3, 4], [5, 5 + 10, 10 + 20, 20], id="parts of bins"),
        pytest.param([0, 4], [70], id="one column"),
        pytest.param([-2, 0, 1, 9], [0, 10, 60], id="columns beyond the bins are empty"),
        pytest.param([1, 2], [20], id="what is outside is cut off"),
        pytest.param([5, 6], [0], id="all is outside"),
    ],
)
def test_rebin_shares_counts_by_overlap(columns, expected) -> None:
    counts, edges = np.array([10, 20, 40]), np.array([0.0, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(rebin(counts, edges, np.array(columns, dtype=float)), expected)


@given(
    arrays(np.uint32, (3, HISTOGRAM_BINS), elements=st.integers(0, 1000), fill=st.just(np.uint32(0))),
    st.lists(st.floats(-999, 999), min_size=0, max_size=20, unique=True),
)
def test_rebin_conserves_counts_over_the_whole_range(counts, inner) -> None:
    columns = np.unique([EDGES[0], *inner, EDGES[-1]])
    result = rebin(counts, EDGES, columns)
    assert (result >= -1e-9).all()
    np.testing.assert_allclose(result.sum(axis=-1), counts.sum(axis=-1, dtype=np.float64), rtol=1e-12)


def test_rebin_comes_close_to_the_histogram_of_the_samples() -> None:
    samples = np.random.default_rng(0).normal(-1.5, 2.0, 50_000)
    columns = np.linspace(-8, 5, 41)
    result = rebin(np.histogram(samples, EDGES)[0], EDGES, columns)
    exact = np.histogram(samples, columns)[0]
    assert np.abs(result - exact).max() < 0.01 * len(samples) * 0.5


@pytest.mark.parametrize(("mass", "shares"), [(0.99, (0.005, 0.995)), (0.5, (0.25, 0.75)), (1.0, (0.0, 1.0))])
def test_display_range_holds_the_central_mass(mass, shares) -> None:
    samples = np.random.default_rng(1).normal(3.0, 5.0, 20_000)
    low, high = display_range(np.histogram(samples, EDGES)[0], EDGES, mass)
    np.testing.assert_allclose([low, high], np.quantile(samples, shares), atol=0.4)


def test_display_range_of_everything_ends_at_the_outermost_counted_bins() -> None:
    counts, edges = np.array([0, 0, 3, 0, 1, 0]), np.arange(7.0)
    assert display_range(counts, edges, mass=1.0) == (2.0, 5.0)


def test_display_range_sums_epochs_and_ignores_a_few_extremes() -> None:
    counts = np.zeros((2, HISTOGRAM_BINS), dtype=np.uint32)
    counts[0, 700], counts[1, 720], counts[1, -1] = 5000, 5000, 1
    low, high = display_range(counts, EDGES)
    assert EDGES[700] <= low < high <= EDGES[721]


def test_display_range_of_constant_energies_is_a_visible_interval() -> None:
    counts = np.zeros(HISTOGRAM_BINS, dtype=np.uint32)
    counts[HISTOGRAM_BINS // 2] = 100
    low, high = display_range(counts, EDGES)
    assert low < 0 < high
    assert high - low == pytest.approx(0.1)


@pytest.mark.parametrize("counts", [np.zeros(HISTOGRAM_BINS), np.zeros((0, HISTOGRAM_BINS))])
def test_display_range_without_counts(counts) -> None:
    assert display_range(counts, EDGES) == (-1.0, 1.0)


MAP_EDGES = np.array([0.0, 1.0, 2.0])


def test_energy_map_has_one_row_per_epoch_while_there_is_room() -> None:
    counts = np.array([[1, 3], [0, 0], [2, 2]], dtype=np.uint32)
    picture, starts = energy_map(counts, MAP_EDGES, MAP_EDGES, max_rows=10)
    np.testing.assert_allclose(picture, [[0.25, 0.75], [np.nan, np.nan], [0.5, 0.5]])
    np.testing.assert_array_equal(starts, [0, 1, 2, 3])


def test_energy_map_averages_epochs_that_share_a_row() -> None:
    counts = np.array([[4, 0], [0, 100], [0, 0], [3, 1], [0, 0], [0, 0]], dtype=np.uint32)
    picture, starts = energy_map(counts, MAP_EDGES, MAP_EDGES, max_rows=3)
    np.testing.assert_allclose(picture, [[0.5, 0.5], [0.75, 0.25], [np.nan, np.nan]])
    np.testing.assert_array_equal(starts, [0, 2, 4, 6])


@given(st.integers(0, 40), st.integers(1, 50))
def test_energy_map_rows_cover_every_epoch_once(num_epochs, max_rows) -> None:
    picture, starts = energy_map(np.ones((num_epochs, 2), dtype=np.uint32), MAP_EDGES, MAP_EDGES, max_rows)
    assert len(picture) == min(num_epochs, max_rows) == len(starts) - 1
    assert starts[0] == 0
    assert starts[-1] == num_epochs
    assert (np.diff(starts) >= 1).all()
    np.testing.assert_allclose(picture.sum(axis=1), 1.0)
