import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from trainers.energylog import (
    DELTA_STATISTICS,
    HISTOGRAM_BINS,
    QUANTILES,
    SampleTable,
    delta_statistics,
    histogram_counts,
    histogram_edges,
)

ANY_DELTA = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: arrays(
        dtype,
        st.integers(0, 60),
        elements=st.one_of(
            st.floats(-2_000, 2_000, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 1_000.0, -1_000.0, 0.0])
        ),
    )
)


def nan_for_infinite(delta: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.where(np.isinf(delta), np.nan, delta).astype(np.float64)


@settings(max_examples=150, deadline=None)
@given(ANY_DELTA)
def test_statistics_are_those_of_numpy_over_the_finite_values(delta: NDArray[np.floating]) -> None:
    found = delta_statistics(delta)
    assert tuple(found) == DELTA_STATISTICS
    values = nan_for_infinite(delta)
    if np.isnan(values).all():
        assert all(np.isnan(value) for value in found.values())
        return
    expected = {"mean": np.nanmean(values), "std": np.nanstd(values)}
    expected |= {name: np.nanpercentile(values, 100 * p) for name, p in QUANTILES.items()}
    assert found == {name: pytest.approx(value, rel=1e-9, abs=1e-9) for name, value in expected.items()}


@settings(max_examples=150, deadline=None)
@given(ANY_DELTA)
def test_counts_are_those_of_numpy_with_the_ends_clipped(delta: NDArray[np.floating]) -> None:
    edges = histogram_edges()
    finite = delta[np.isfinite(delta)].astype(np.float64)
    expected, _ = np.histogram(finite.clip(edges[0], edges[-1]), edges)
    found = histogram_counts(delta)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, expected)


def test_end_bins_take_what_lies_beyond_and_infinities_are_not_counted() -> None:
    counts = histogram_counts(np.array([-5e6, -1_001.0, 1e30, np.inf, -np.inf, np.nan]))
    assert (counts[0], counts[-1], counts.sum()) == (2, 1, 3)


def test_edges_are_symmetric_ascending_and_reach_a_thousand_nats() -> None:
    edges = histogram_edges()
    assert edges.shape == (HISTOGRAM_BINS + 1,)
    assert (np.diff(edges) > 0).all()
    np.testing.assert_allclose(edges, -edges[::-1], atol=1e-9)
    np.testing.assert_allclose([edges[0], edges[-1]], [-1_000, 1_000])
    # about even steps of asinh(x / 0.1)
    np.testing.assert_allclose(np.diff(np.arcsinh(edges * 10)), np.arcsinh(1e4) * 2 / HISTOGRAM_BINS)


def test_delta_energy_is_clean_minus_adversarial_and_bears_a_diverged_run() -> None:
    table = SampleTable.empty(4)
    assert np.isnan(table.delta_energy).all()
    table.energy[:] = [-3.0, np.inf, np.nan, 3e38]
    table.energy_adv[:] = [-5.0, np.inf, 1.0, -3e38]
    np.testing.assert_array_equal(table.delta_energy, np.array([2.0, np.nan, np.nan, np.inf], dtype=np.float32))
