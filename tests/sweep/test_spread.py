"""The spread of a class against scipy's distances."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from workbench.sweep import spread
from workbench.sweep.spread import class_spreads, mean_pairwise_distance, relative_spread


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_the_mean_of_all_distances(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "BLOCK", block)
    points = np.random.default_rng(0).normal(1000, 3, (23, 5)).astype(np.float32)
    assert mean_pairwise_distance(points) == pytest.approx(pdist(points.astype(np.float64)).mean(), rel=1e-9)


def test_equal_points_have_no_spread() -> None:
    assert mean_pairwise_distance(np.full((4, 3), 0.1)) == 0


def test_classes_of_one_are_left_out_and_classes_weigh_the_same() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(9, 4)), np.array([0, 0, 0, 0, 0, 2, 2, 2, 5])
    found = class_spreads(x, y)
    assert found == pytest.approx({0: pdist(x[:5]).mean(), 2: pdist(x[5:8]).mean()})
    reference = class_spreads(2 * x, y)
    assert relative_spread(found, reference) == pytest.approx(0.5)
    assert relative_spread(reference, {0: found[0]}) == pytest.approx(2.0)
    assert relative_spread(found, {5: 1.0}) is None
    assert relative_spread(found, {0: 0.0}) is None
