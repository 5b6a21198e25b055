"""The inception score and KID against numpy, and the global generator left as it was."""

import warnings

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from workbench.quality.inception_score import inception_score
from workbench.quality.kernel import kernel_distance


def by_numpy(logits: np.ndarray) -> float:
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    p = np.exp(log_p)
    marginal = p.mean(0)
    return float(np.exp((p * (log_p - np.log(marginal))).sum(1).mean()))


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of Bińkowski et al."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    m, n = len(x), len(y)
    xx, yy = kernel(x, x), kernel(y, y)
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * kernel(x, y).mean())


def test_inception_score_of_few_images_is_one_split_without_spread() -> None:
    logits = np.random.default_rng(0).normal(size=(60, 7)) * 3
    mean, std, splits = inception_score(torch.from_numpy(logits).float(), seed=0)
    assert (std, splits) == (None, 1)
    assert mean == pytest.approx(by_numpy(logits.astype(np.float32)), rel=1e-9)


def test_inception_score_of_many_images_is_the_mean_over_ten_splits() -> None:
    logits = np.random.default_rng(0).normal(size=(1000, 5)) * 3
    mean, std, splits = inception_score(torch.from_numpy(logits), seed=3)
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(3)).numpy()
    parts = [by_numpy(part) for part in np.split(logits[order], 10)]
    assert splits == 10
    assert mean == pytest.approx(np.mean(parts))
    assert std == pytest.approx(np.std(parts, ddof=1))


def test_inception_score_has_its_bounds() -> None:
    sure = torch.eye(4).repeat(25, 1) * 1e5  # certain, and the classes take turns: as many as there are
    assert inception_score(sure, seed=0)[0] == pytest.approx(4.0)
    assert inception_score(torch.zeros(50, 4), seed=0)[0] == pytest.approx(1.0)
    one_class = torch.zeros(50, 4)
    one_class[:, 0] = 1e6  # the others have probability 0: not NaN
    assert inception_score(one_class, seed=0)[0] == pytest.approx(1.0)


def test_kid_of_whole_sets_is_the_unbiased_estimate() -> None:
    """Over many random halves the mean of an unbiased estimate comes near the one of the whole sets."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(80, 6)), generator.normal(size=(90, 6)) + 0.7
    mean, std, size = kernel_distance(torch.from_numpy(x), torch.from_numpy(y), seed=0)
    assert size == 40
    assert mean == pytest.approx(mmd2(x, y), abs=4 * std / np.sqrt(100))


def test_kid_is_the_mean_over_the_subsets_that_the_seed_draws() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(30, 4)), generator.normal(size=(50, 4)) * 1.5
    mean, std, size = kernel_distance(torch.from_numpy(x).float(), torch.from_numpy(y).float(), seed=7)
    draws = torch.Generator().manual_seed(7)
    values = []
    for _ in range(100):
        rows_y = torch.randperm(50, generator=draws)[:size].numpy()
        rows_x = torch.randperm(30, generator=draws)[:size].numpy()
        values.append(mmd2(x.astype(np.float32)[rows_x].astype(float), y.astype(np.float32)[rows_y].astype(float)))
    assert size == 15
    assert (mean, std) == pytest.approx((np.mean(values), np.std(values)))


def test_kid_of_two_images_is_a_number() -> None:
    assert np.isfinite(kernel_distance(torch.zeros(2, 3), torch.ones(2, 3), seed=0)[0])


def test_neither_draws_from_the_global_generator_nor_warns() -> None:
    x = torch.randn(40, 5)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [(inception_score(x, seed=0), kernel_distance(x, x + 1, seed=0)) for _ in range(2)]
    assert torch.equal(torch.rand(3), expected)
    assert found[0] == found[1]
    assert kernel_distance(x, x + 1, seed=1) != found[0][1]
