"""The Fréchet distance against scipy's matrix square root, torchmetrics, and what must hold for any features."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from trainers.errors import WorkbenchError
from workbench.quality import frechet
from workbench.quality.frechet import Moments, frechet_distance, moments_of

Array = NDArray[np.float64]


def correlated(num: int, width: int, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(width, width)) * np.exp(-np.arange(width) / 5)
    return generator.normal(size=(num, width)) @ mixing + generator.normal(size=width)


def by_sqrtm(a: Array, b: Array) -> float:
    """FID as its paper writes it."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(cov_a @ cov_b).real
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(cov_a + cov_b - 2 * root))


def distance(a: Array, b: Array) -> float:
    return frechet_distance(moments_of([a]), moments_of([b]))


SIZES = {"many samples": (200, 150), "one set of low rank": (200, 12), "the other of low rank": (12, 200)}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_it_is_what_the_square_root_gives(sizes: tuple[int, int]) -> None:
    a, b = (correlated(num, 30, seed) for seed, num in enumerate(sizes))
    assert distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-6)


@pytest.mark.parametrize("sizes", [(200, 150), (12, 9), (2, 3)], ids=str)
def test_it_is_what_torchmetrics_gives(sizes: tuple[int, int]) -> None:
    a, b = (torch.from_numpy(correlated(num, 30, seed)) for seed, num in enumerate(sizes))
    metric = FrechetInceptionDistance(feature=_Identity(), normalize=True).set_dtype(torch.float64)
    metric.update(a, real=True)
    metric.update(b, real=False)
    assert distance(a.numpy(), b.numpy()) == pytest.approx(float(metric.compute()), rel=1e-5)


class _Identity(nn.Identity):
    num_features = 30


def test_two_sets_of_low_rank_have_the_trace_of_their_own_small_problem() -> None:
    """With centred X = U S Vᵀ, tr (Σa Σb)^½ is the sum of the singular values of Xa Xbᵀ, which no F×F matrix enters."""
    a, b = correlated(8, 40, 0), correlated(11, 40, 1)
    x, y = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (a, b))
    root = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.sum(x**2) + np.sum(y**2) - 2 * root
    assert distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_diagonal_gaussians_have_a_closed_form() -> None:
    def gaussian(mean: float, deviations: Array) -> Moments:
        return Moments(num=9, mean=np.full(4, mean), covariance=np.diag(deviations**2))

    s, t = np.array([1.0, 2.0, 0.0, 3.0]), np.array([2.0, 2.0, 1.0, 0.0])
    assert frechet_distance(gaussian(1.0, s), gaussian(3.0, t)) == pytest.approx(4 * 4 + np.sum((s - t) ** 2))


@pytest.mark.parametrize("num", [7, 300])
def test_a_set_is_at_0_from_itself_and_a_shifted_one_at_the_squared_shift(num: int) -> None:
    x, shift = correlated(num, 20, 0), np.linspace(-1, 2, 20)
    spread = np.trace(np.cov(x, rowvar=False))
    assert distance(x, x) == pytest.approx(0.0, abs=1e-6 * spread)
    assert distance(x, x + shift) == pytest.approx(shift @ shift, abs=1e-6 * spread)
    assert distance(x, x + shift) == pytest.approx(distance(x + shift, x), abs=1e-6 * spread)


def test_constant_features_have_no_spread() -> None:
    assert distance(np.zeros((5, 3)), np.ones((4, 3))) == 3.0


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 20, 23], [49, 1]], ids=str)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_moments_do_not_depend_on_the_blocks(sizes: list[int], offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frechet, "BLOCK", 8)
    x = correlated(50, 6, 0) + offset
    found = moments_of(np.split(x, np.cumsum(sizes)[:-1]))
    assert found.num == 50
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=1e-8, atol=1e-9)


def test_moments_of_float32_are_taken_in_float64() -> None:
    x = (correlated(5000, 3, 0) + 1000).astype(np.float32)
    np.testing.assert_allclose(moments_of([x]).covariance, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-10)


@pytest.mark.parametrize("num", [0, 1])
def test_fewer_than_two_samples_are_refused(num: int) -> None:
    with pytest.raises(WorkbenchError, match="at least 2"):
        moments_of([np.ones((num, 3))])
