"""Fits against a singular value decomposition in float64 by plain numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.pca import ClassPCA, PCASpec, fit_class_pca
from workbench.pca.solver import choose_solver

MakeFacts = Callable[..., Any]
Samples = tuple[NDArray[np.float32], NDArray[np.int64]]


def reference(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, variances in descending order, directions as rows."""
    x = x.astype(np.float64)
    mean = x.mean(0)
    _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    return mean, s**2 / (len(x) - 1), vt


def kept_by_hand(variances: NDArray[np.float64], share: float) -> int:
    """Add components one by one until the share is reached."""
    total, reached = variances.sum(), 0.0
    for number, variance in enumerate(variances, start=1):
        reached += variance
        if reached >= share * total:
            return number
    return len(variances)


def samples(sizes: tuple[int, ...], dim: int, seed: int = 0, offset: float = 0.5) -> Samples:
    """Classes of the given sizes in mixed order, each with decaying spreads in directions of its own."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, size in enumerate(sizes):
        basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
        spread = 0.3 * 0.8 ** np.arange(dim)
        parts.append(offset + 0.1 * number + (rng.standard_normal((size, dim)) * spread) @ basis)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = rng.permutation(len(labels))
    return np.concatenate(parts)[order].astype(np.float32), labels[order]


@pytest.fixture
def fit(make_facts: MakeFacts) -> Callable[..., ClassPCA]:
    def fit(
        x: NDArray[Any], labels: NDArray[np.int64], spec: PCASpec, num_classes: int, scale: float = 1.0
    ) -> ClassPCA:
        facts = make_facts(spec, tuple(f"c{i}" for i in range(num_classes)), (1, 1, x.shape[1]))
        return fit_class_pca(x, labels, facts, scale=scale)

    return fit


Fit = Callable[..., ClassPCA]


def assert_is_pca(pca: ClassPCA, group: int, x: NDArray[Any], num: int, tolerance: float = 1e-4) -> None:
    """The group's numbers are those of the reference; directions up to their sign."""
    mean, variances, vt = reference(x)
    np.testing.assert_allclose(pca.mean[group], mean, atol=1e-6)
    assert pca.count[group] == len(x)
    assert pca.components[group].shape == (num, x.shape[1])
    np.testing.assert_allclose(pca.std[group].astype(float) ** 2, variances[:num], rtol=tolerance, atol=1e-9)
    np.testing.assert_allclose(
        pca.explained_variance_ratio[group], variances[:num] / variances.sum(), rtol=tolerance, atol=1e-7
    )
    cosines = np.abs((pca.components[group].astype(float) * vt[:num]).sum(1))
    np.testing.assert_allclose(cosines, 1.0, atol=1e-3)
    np.testing.assert_allclose(pca.components[group] @ pca.components[group].T, np.eye(num), atol=1e-4)


@pytest.mark.parametrize("sizes", [(60, 25), (12, 13)], ids=["more samples than dimensions", "fewer"])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 0.999])
def test_the_component_that_crosses_the_threshold_is_kept(sizes: tuple[int, int], share: float, fit: Fit) -> None:
    x, labels = samples(sizes, 20)
    pca = fit(x, labels, PCASpec(variance=share), 2)
    assert pca.label.tolist() == [0, 1]
    assert pca.weight.tolist() == [1.0, 1.0]
    for label in (0, 1):
        own = x[labels == label]
        variances = reference(own)[1]
        num = kept_by_hand(variances, share)
        assert_is_pca(pca, label, own, num)
        together = pca.explained_variance_ratio[label].astype(float).cumsum()
        assert together[-1] >= share - 1e-6
        assert num == 1 or together[-2] < share
        np.testing.assert_allclose(pca.spectrum[label], variances[: min(len(own) - 1, 20)], rtol=1e-3, atol=1e-9)


def test_the_default_keeps_95_percent() -> None:
    assert PCASpec().variance == 0.95
    assert PCASpec(components=3).variance is None


def test_all_of_the_variance_reconstructs_every_sample(fit: Fit) -> None:
    x, labels = samples((40,), 12)
    pca = fit(x, labels, PCASpec(variance=1.0), 1)
    centred = x - pca.mean[0]
    again = centred @ pca.components[0].T @ pca.components[0]
    np.testing.assert_allclose(again, centred, atol=1e-5)


def test_a_large_mean_costs_no_digits(fit: Fit) -> None:
    """In float32, products of uncentred samples would lose spreads of 1e-3 beside a mean of 100."""
    rng = np.random.default_rng(3)
    x = (100 + rng.standard_normal((500, 6)) * [1, 0.3, 0.1, 0.03, 0.01, 0.003]).astype(np.float32)
    pca = fit(x, np.zeros(500, dtype=np.int64), PCASpec(components=5), 1)
    assert_is_pca(pca, 0, x, 5, tolerance=1e-2)


def test_bytes_are_scaled(fit: Fit) -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 9), dtype=np.uint8)
    pca = fit(x, np.zeros(50, dtype=np.int64), PCASpec(components=4), 1, scale=1 / 255)
    assert_is_pca(pca, 0, x / 255, 4)
    assert x.dtype == np.uint8


def test_the_samples_are_left_as_they_were(fit: Fit) -> None:
    x, labels = samples((30,), 8)
    before = x.copy()
    fit(x, labels, PCASpec(), 1)
    np.testing.assert_array_equal(x, before)


def test_the_randomised_solver_finds_the_leading_components(fit: Fit) -> None:
    assert choose_solver(600, 520, 5) == "randomized"
    x, labels = samples((600,), 520)
    pca = fit(x, labels, PCASpec(components=5), 1)
    mean, variances, vt = reference(x)
    np.testing.assert_allclose(pca.std[0] ** 2, variances[:5], rtol=1e-3)
    np.testing.assert_allclose(pca.explained_variance_ratio[0], variances[:5] / variances.sum(), rtol=1e-3)
    np.testing.assert_allclose(np.abs((pca.components[0] * vt[:5]).sum(1)), 1.0, atol=1e-3)
    np.testing.assert_allclose(pca.mean[0], mean, atol=1e-6)
    same = fit(x, labels, PCASpec(components=5), 1)
    np.testing.assert_array_equal(same.components[0], pca.components[0])


@pytest.mark.parametrize(
    ("shape", "wanted", "solver"),
    [
        ((5000, 3072), None, "covariance_eigh"),
        ((1250, 3072), None, "full"),
        ((5000, 3072), 50, "randomized"),
        ((5000, 3072), 2000, "covariance_eigh"),
        ((1250, 3072), 1000, "full"),
        ((120, 64), 5, "covariance_eigh"),
        ((30, 64), 5, "full"),
    ],
)
def test_the_solver_goes_by_the_shape(shape: tuple[int, int], wanted: int | None, solver: str) -> None:
    assert choose_solver(*shape, wanted) == solver


def test_fewer_samples_than_components_give_one_less_than_samples(fit: Fit) -> None:
    x, labels = samples((40, 4, 1), 16)
    pca = fit(x, labels, PCASpec(components=6), 3)
    assert pca.num_components.tolist() == [6, 3, 0]
    assert pca.fewer().tolist() == [1, 2]
    assert_is_pca(pca, 1, x[labels == 1], 3)
    np.testing.assert_allclose(pca.mean[2], x[labels == 2][0])
    assert pca.components[2].shape == (0, 16)
    assert len(pca.std[2]) == len(pca.explained_variance_ratio[2]) == len(pca.spectrum[2]) == 0


def test_more_components_than_dimensions_give_as_many_as_dimensions(fit: Fit) -> None:
    x, labels = samples((40,), 5)
    pca = fit(x, labels, PCASpec(components=9), 1)
    assert pca.num_components.tolist() == [5]
    assert pca.fewer().tolist() == [0]


def test_equal_samples_have_a_mean_only(fit: Fit) -> None:
    x = np.full((10, 4), 0.3, dtype=np.float32)
    pca = fit(x, np.zeros(10, dtype=np.int64), PCASpec(), 1)
    assert pca.num_components.tolist() == [0]
    np.testing.assert_array_equal(pca.mean[0], x[0])


def test_an_empty_class_is_named(fit: Fit) -> None:
    x, labels = samples((10, 10), 4)
    with pytest.raises(WorkbenchError, match="class c2 has no sample"):
        fit(x, labels, PCASpec(), 3)


def test_samples_that_are_not_finite_are_refused(fit: Fit) -> None:
    x, labels = samples((10, 10), 4)
    x[labels == 1, 2] = np.nan
    with pytest.raises(WorkbenchError, match=r"class c1 .* not finite"):
        fit(x, labels, PCASpec(), 2)


def test_local_fits_one_pca_for_each_cluster(fit: Fit) -> None:
    """Two far-apart lumps of 30 and 10 samples in each class."""
    first, _ = samples((30,), 10, seed=1)
    second, _ = samples((10,), 10, seed=2, offset=9.0)
    lumps = np.concatenate([second, first])
    x, labels = np.concatenate([lumps, lumps + 1]), np.repeat([0, 1], 40)
    pca = fit(x, labels, PCASpec(local=2, variance=0.9), 2)
    assert pca.label.tolist() == [0, 0, 1, 1]
    assert pca.count.tolist() == [30, 10, 30, 10]
    assert pca.weight.tolist() == [0.75, 0.25, 0.75, 0.25]
    for group, own in enumerate((first, second, first + 1, second + 1)):
        assert_is_pca(pca, group, own, kept_by_hand(reference(own)[1], 0.9), tolerance=1e-3)
    assert pca.groups_of(1).tolist() == [2, 3]
    np.testing.assert_allclose(pca.class_means(), [lumps.mean(0), lumps.mean(0) + 1], atol=1e-5)
    with pytest.raises(WorkbenchError, match="no class 2"):
        pca.groups_of(2)


def test_local_weights_sum_to_one_and_the_seed_decides(fit: Fit) -> None:
    x, labels = samples((50, 23), 6)
    pca, same = (fit(x, labels, PCASpec(local=4, components=2, seed=7), 2) for _ in range(2))
    sums = [pca.weight[pca.label == label].sum() for label in (0, 1)]
    np.testing.assert_allclose(sums, 1.0)
    assert pca.count[pca.label == 0].sum() == 50
    np.testing.assert_array_equal(pca.mean, same.mean)


def test_more_clusters_than_samples_are_refused(fit: Fit) -> None:
    x, labels = samples((10, 3), 4)
    with pytest.raises(WorkbenchError, match=r"class c1 has 3 samples.*4 clusters.*--local"):
        fit(x, labels, PCASpec(local=4), 2)


def test_clusters_of_equal_samples_are_left_out(fit: Fit) -> None:
    x = np.repeat(np.array([[0.0, 0.0], [1.0, 1.0]], dtype=np.float32), (6, 4), axis=0)
    pca = fit(x, np.zeros(10, dtype=np.int64), PCASpec(local=3), 1)
    assert pca.count.tolist() == [6, 4]
    assert pca.weight.tolist() == [0.6, 0.4]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"variance": 0.0}, "variance must lie in"),
        ({"variance": 1.01}, "variance must lie in"),
        ({"variance": -0.5}, "variance must lie in"),
        ({"variance": float("nan")}, "variance must lie in"),
        ({"variance": float("inf")}, "variance must lie in"),
        ({"variance": 0.9, "components": 3}, "not both"),
        ({"components": 0}, "components must be at least 1"),
        ({"components": -1}, "components must be at least 1"),
        ({"local": 0}, "local must be at least 1"),
        ({"space": "frequencies"}, "pixels, features"),
        ({"seed": -1}, "seed must lie in"),
        ({"seed": 2**32}, "seed must lie in"),
    ],
)
def test_a_spec_must_make_sense(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkbenchError, match=words):
        PCASpec(**settings)
