"""Orders of samples against plain loops."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest

from trainers.energylog.schema import NOT_RECORDED
from workbench.analysis.ranking import (
    MOST_FLIPS,
    ORDERS,
    FlipCount,
    attacked_loss,
    change_from,
    delta_energy,
    epochs_before,
    ranked,
)

NAN, INF = math.nan, math.inf


def plain_order(values: list[float], *, descending: bool, size: bool) -> list[int]:
    keys = [abs(value) if size else value for value in values]
    there = [place for place, key in enumerate(keys) if not math.isnan(key)]
    missing = [place for place, key in enumerate(keys) if math.isnan(key)]
    return sorted(there, key=lambda place: -keys[place] if descending else keys[place]) + missing


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("size", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_order_is_that_of_a_plain_sort(descending: bool, size: bool, dtype: type) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-5, 5, 200).astype(dtype)  # many equals
    values[rng.integers(0, 200, 30)] = NAN
    values[[3, 5]] = INF, -INF
    expected = plain_order(values.tolist(), descending=descending, size=size)
    assert ranked(values, descending=descending, size=size).tolist() == expected


@pytest.mark.parametrize("values", [[], [NAN], [NAN, NAN], [1.0]])
def test_few_and_missing_values(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert ranked(array, descending=True).tolist() == list(range(len(values)))


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int64])
def test_whole_numbers_descend_to_their_smallest(dtype: type) -> None:
    info = np.iinfo(np.int16 if dtype is np.int64 else dtype)
    values = np.array([0, info.min, info.max, 1, info.max], dtype)
    assert ranked(values, descending=True).tolist() == plain_order(
        [float(value) for value in values], descending=True, size=False
    )


def test_energies() -> None:
    energy, adv, joint = (np.array(values, np.float32) for values in ([1, NAN, INF], [0.5, 1, INF], [2, 3, NAN]))
    assert np.array_equal(delta_energy(energy, adv), np.array([0.5, NAN, NAN], np.float32), equal_nan=True)
    assert np.array_equal(attacked_loss(adv, joint), np.array([1.5, 2, NAN], np.float32), equal_nan=True)


def test_the_change_is_from_the_mean_of_what_was_recorded_before() -> None:
    before = [np.array(values, np.float32) for values in ([1, NAN, NAN], [3, 5, NAN])]
    after = np.array([10, 4, 1], np.float32)
    assert np.array_equal(change_from(before, after), np.array([8, -1, NAN], np.float32), equal_nan=True)
    assert np.isnan(change_from([], after)).all()


@pytest.mark.parametrize(("onset", "epochs"), [(0, []), (1, [0]), (2, [0, 1]), (10, [7, 8, 9])])
def test_the_epochs_before_an_onset(onset: int, epochs: list[int]) -> None:
    assert list(epochs_before(onset)) == epochs


def test_flips_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    flags = rng.choice(np.array([0, 1, NOT_RECORDED], np.uint8), (30, 50))
    count = FlipCount(50)
    for epoch, row in enumerate(flags):
        count.take(row)
        assert count.epoch == epoch
        for sample in range(50):
            seen = [flag for flag in flags[: epoch + 1, sample].tolist() if flag != NOT_RECORDED]
            assert count.flips[sample] == sum(a != b for a, b in pairwise(seen))


def test_flips_do_not_overflow() -> None:
    count = FlipCount(1)
    count.flips[:] = MOST_FLIPS - 1
    for flag in (0, 1, 0, 1):
        count.take(np.array([flag], np.uint8))
    assert count.flips.tolist() == [MOST_FLIPS]


def test_every_order_has_a_name_of_its_own_title() -> None:
    assert len({order.title for order in ORDERS.values()}) == len(ORDERS)


def test_a_set_of_imagenets_size_is_ordered_in_half_a_second() -> None:
    values = np.random.default_rng(0).standard_normal(1_281_167, np.float32)
    start = time.process_time()
    ranked(values, descending=True, size=True)
    assert time.process_time() - start < 0.5
