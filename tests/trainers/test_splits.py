"""The rule by which a probe split is carved out, and the digits that it is carved out of."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refuses
from sklearn.datasets import load_digits as sklearn_digits

from trainers.data import Split, load_data
from trainers.data.split import choose

labellings = st.lists(st.integers(0, 5), min_size=4, max_size=120).map(np.array)


def assert_in_proportion(chosen: np.ndarray, labels: np.ndarray) -> None:
    """Each class has its share of ``chosen`` to within rounding (a prefix of k interleaved classes is off by k/2)."""
    classes, counts = np.unique(labels, return_counts=True)
    for label, count in zip(classes, counts, strict=True):
        share = count / len(labels)
        assert abs((chosen == label).sum() - share * len(chosen)) <= 1 + share * len(classes) / 2


@settings(deadline=None)
@given(labellings, st.data())
def test_splits_are_disjoint_in_proportion_and_fixed(labels: np.ndarray, data: st.DataObject) -> None:
    probe_size = data.draw(st.integers(0, len(labels) - 2))
    train_size = data.draw(st.integers(0, len(labels) - probe_size))
    train, probe = choose(labels, train_size, probe_size)
    assert len(probe) == probe_size
    assert len(train) == (train_size or len(labels) - probe_size)
    rows = np.concatenate([train, probe])
    assert len(np.unique(rows)) == len(rows)
    assert set(rows) <= set(range(len(labels)))
    assert_in_proportion(labels[probe], labels)
    assert_in_proportion(labels[rows], labels)
    again = choose(labels.copy(), train_size, probe_size)
    assert all(np.array_equal(one, other) for one, other in zip((train, probe), again, strict=True))


@settings(deadline=None)
@given(labellings, st.data())
def test_the_probe_split_does_not_depend_on_the_training_size(labels: np.ndarray, data: st.DataObject) -> None:
    probe_size = data.draw(st.integers(1, len(labels) - 2))
    _, probe = choose(labels, 0, probe_size)
    for train_size in range(1, len(labels) - probe_size + 1, 7):
        train, same = choose(labels, train_size, probe_size)
        assert np.array_equal(same, probe)
        assert not set(train) & set(probe)
    _, smaller = choose(labels, 0, probe_size - 1)
    assert np.array_equal(smaller, probe[:-1]), "another probe size takes from the same order"


@settings(deadline=None)
@given(labellings)
def test_a_class_without_samples_changes_nothing(labels: np.ndarray) -> None:
    shifted = np.where(labels >= 2, labels + 1, labels)  # nothing is of class 2
    for one, other in zip(choose(labels, 0, 2), choose(shifted, 0, 2), strict=True):
        assert np.array_equal(one, other)


def test_the_first_training_rows_hold_every_class() -> None:
    """``Split.first`` is the fixed training subset that robust accuracy is compared on, and what ``subset:N`` records.

    Image folders list their files class by class, so rows in file order would make both a matter of one class.
    """
    labels = np.repeat(np.arange(10), 100)
    train, _ = choose(labels, 0, 200)
    assert_in_proportion(labels[train[:100]], labels)


@pytest.mark.parametrize(("train_size", "probe_size"), [(0, 10), (0, 9), (8, 3), (11, 0), (0, 1000)])
def test_sizes_that_do_not_fit_are_refused(train_size: int, probe_size: int) -> None:
    with refuses("10"):
        choose(np.arange(10) % 2, train_size, probe_size)


def test_split_scales_selects_and_keeps_its_own() -> None:
    images = torch.arange(16, dtype=torch.uint8).view(4, 1, 2, 2)
    split = Split(images=images, scale=1 / 16, labels=torch.tensor([0, 1, 2, 3]), index=torch.tensor([9, 8, 7, 6]))
    x, y = split.batch(torch.tensor([3, 0, 3]))
    assert x.dtype == torch.float32
    assert torch.equal(x, torch.stack([images[i] / 16 for i in (3, 0, 3)]))
    assert y.tolist() == [3, 0, 3]
    x.zero_()
    assert torch.equal(split.images, torch.arange(16, dtype=torch.uint8).view(4, 1, 2, 2))
    assert split.first(2).index.tolist() == [9, 8]
    assert len(split.first(99)) == len(split) == 4
    assert split.to(torch.device("cpu")).index.tolist() == [9, 8, 7, 6]
    floats = Split(images=torch.rand(2, 1, 2, 2), scale=1.0, labels=torch.zeros(2), index=torch.arange(2))
    floats.batch(torch.tensor([0]))[0].zero_()
    assert floats.images.min() > 0


def test_every_byte_lands_in_the_unit_range_on_a_level_of_its_own() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(256, 1, 1, 1)
    split = Split(images=levels, scale=1 / 255, labels=torch.zeros(256), index=torch.arange(256))
    x, _ = split.batch(torch.arange(256))
    assert x.min() == 0
    assert x.max() == 1
    assert np.allclose(x.flatten().numpy(), np.arange(256) / 255, rtol=1e-6)


def test_digits_have_their_sizes_and_are_the_originals() -> None:
    data = load_data("digits", probe_size=300)
    bunch = sklearn_digits()
    assert (len(data.train), len(data.probe), len(bunch.images)) == (1197, 300, 1797)
    assert data.class_names == tuple("0123456789")
    assert data.in_channels == 1
    for split in (data.train, data.probe):
        x, y = split.batch(torch.arange(len(split)))
        index = split.index.numpy()
        assert x.shape[1:] == (1, 8, 8)
        np.testing.assert_array_equal(x[:, 0].numpy(), (bunch.images[index] / 16).astype(np.float32))
        np.testing.assert_array_equal(y.numpy(), bunch.target[index])
    pixels = bunch.images[data.train.index.numpy()] / 16
    assert data.mean == pytest.approx((pixels.mean(),))
    assert data.std == pytest.approx((pixels.std(),))


def test_digits_splits_are_disjoint_and_hold_every_class() -> None:
    target = sklearn_digits().target
    train, probe = (split.index.numpy() for split in (load_data("digits").train, load_data("digits").probe))
    test = np.setdiff1d(np.arange(1797), np.concatenate([train, probe]))
    assert len(np.unique(np.concatenate([train, probe]))) == 1497
    assert len(test) == 300
    for part in (train, probe, test):
        assert_in_proportion(target[part], target)


def test_the_test_digits_stay_shut_whatever_the_sizes() -> None:
    def open_ones(train_size: int, probe_size: int) -> set[int]:
        data = load_data("digits", train_size=train_size, probe_size=probe_size)
        return {*data.train.index.tolist(), *data.probe.index.tolist()}

    everything = open_ones(0, 300)
    assert open_ones(0, 1) == open_ones(0, 1000) == open_ones(497, 1000) == everything
    assert open_ones(20, 30) < everything


def test_the_splits_of_the_digits_are_fixed_for_ever() -> None:
    """Measured once. A change moves every published number of the digits and must be meant."""
    data = load_data("digits", probe_size=300)
    crc = [zlib.crc32(np.sort(split.index.numpy()).astype("<i8").tobytes()) for split in (data.train, data.probe)]
    assert crc == [519342498, 1055826427]
    assert data.probe.index[:5].tolist() == [319, 1256, 766, 82, 134]


def test_more_digits_than_there_are_is_refused() -> None:
    with refuses("1497", "--probe-size"):
        load_data("digits", probe_size=1497)
    with refuses("1497"):
        load_data("digits", train_size=1400, probe_size=300)


@pytest.mark.parametrize("name", ["", "mnist", "folder", "folder:", "npz", "npz:", "digits:x", "Digits", ":", "zip:x"])
def test_unknown_data_is_refused_with_what_is_known(name: str) -> None:
    with refuses("digits", "folder:DIR", "npz:FILE"):
        load_data(name)


@pytest.mark.parametrize("name", ["folder:~no-such-user-here/x", "npz:~no-such-user-here/x.npz"])
def test_the_home_of_nobody_is_refused(name: str) -> None:
    with refuses("no-such-user-here"):
        load_data(name)
