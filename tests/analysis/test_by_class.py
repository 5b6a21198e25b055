"""Each class against a plain loop over its samples and numpy's own quantiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.by_class import MOST_CLASSES, by_class, classes_of, spreads

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def made_up(seed: int, count: int = 700, num_classes: int = 12):
    """Samples of some classes, with gaps of every kind."""
    rng = np.random.default_rng(seed)
    delta = rng.normal(0, 5, count).astype(np.float32)
    delta[rng.random(count) < 0.1] = np.nan
    delta[rng.random(count) < 0.02] = np.inf
    flags = rng.choice(np.array([0, 1, 255], np.uint8), (2, count))
    return delta, flags[0], flags[1], rng.integers(-2, num_classes + 3, count)


@pytest.mark.parametrize("seed", range(4))
def test_every_class_is_as_a_loop_finds_it(seed: int) -> None:
    delta, correct, correct_adv, label = made_up(seed)
    classes = classes_of(label, 12)
    found = by_class(delta, correct, correct_adv, classes)
    edges = np.linspace(-6, 6, 31)
    counts = spreads(delta, classes, edges)
    assert classes.labels.tolist() == list(range(-2, 15))
    for row, name in enumerate(classes.labels):
        mine = [index for index in range(len(label)) if label[index] == name]
        assert classes.counts[row] == len(mine)
        values = np.array([delta[index] for index in mine if np.isfinite(delta[index])], dtype=np.float64)
        np.testing.assert_allclose(found.quantiles[row], np.quantile(values, LEVELS), rtol=1e-6)
        np.testing.assert_array_equal(counts[row], np.histogram(values, edges)[0])
        for flags, share in ((correct, found.accuracy), (correct_adv, found.accuracy_adv)):
            known = [flags[index] for index in mine if flags[index] != 255]
            assert share[row] == pytest.approx(sum(known) / len(known))


def test_named_classes_without_samples_are_there_and_have_nothing() -> None:
    classes = classes_of(np.array([1, 1]), 3)
    found = by_class(np.array([2.0, 4.0]), np.array([1, 0], np.uint8), np.array([255, 255], np.uint8), classes)
    assert classes.counts.tolist() == [0, 2, 0]
    np.testing.assert_array_equal(found.median, [np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(found.accuracy, [np.nan, 0.5, np.nan])
    assert np.isnan(found.accuracy_adv).all()


def test_no_samples_and_no_classes() -> None:
    classes = classes_of(np.zeros(0, np.int32), 0)
    nothing = np.zeros(0, np.uint8)
    assert by_class(np.zeros(0), nothing, nothing, classes).quantiles.shape == (0, 5)
    assert spreads(np.zeros(0), classes, np.linspace(0, 1, 5)).shape == (0, 4)


def test_a_class_of_which_nothing_is_finite() -> None:
    classes = classes_of(np.array([0, 1]), 2)
    flags = np.ones(2, np.uint8)
    assert np.isnan(by_class(np.array([np.nan, -np.inf]), flags, flags, classes).quantiles).all()


def test_a_file_of_countless_labels_is_bounded() -> None:
    label = np.arange(-5, 9_000).astype(np.int32) * 200_000
    classes = classes_of(label, 10)
    assert len(classes) == MOST_CLASSES
    assert set(range(10)) <= set(classes.labels.tolist())
    assert classes.counts.sum() + classes.left_out == len(label)
    assert classes.left_out > 6_000
    flags = np.ones(len(label), np.uint8)
    found = by_class(label.astype(np.float32), flags, flags, classes)
    np.testing.assert_array_equal(found.median[classes.counts > 0], label[np.isin(label, classes.labels)])


@given(st.lists(st.tuples(st.integers(-3, 4), st.floats(-1e3, 1e3, width=32)), max_size=30))
def test_the_median_is_numpys(samples: list[tuple[int, float]]) -> None:
    label = np.array([name for name, _ in samples], np.int32)
    delta = np.array([value for _, value in samples], np.float32)
    classes = classes_of(label, 2)
    flags = np.ones(len(label), np.uint8)
    for name, median in zip(classes.labels, by_class(delta, flags, flags, classes).median, strict=True):
        mine = delta[label == name].astype(np.float64)
        assert (median == pytest.approx(np.median(mine))) if len(mine) else np.isnan(median)
