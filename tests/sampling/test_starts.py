"""Starts: the distributions that they are said to have, a function of seed and chain alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainers.data import Split
from workbench.pca import ClassPCA, PCAFacts, PCASpec, fit_class_pca
from workbench.sampling.spec import STARTS, SamplingSpec
from workbench.sampling.starts import start_images

SHAPE = (1, 2, 3)
NUM_IMAGES = 60
GENERATOR = np.random.default_rng(0)
LABELS = np.arange(NUM_IMAGES) % 2
_MIXED = GENERATOR.normal(size=(NUM_IMAGES, 6)) @ GENERATOR.normal(size=(6, 6))
IMAGES = (0.45 + 0.01 * _MIXED + 0.1 * LABELS[:, None]).astype(np.float32)
SPEC = SamplingSpec(labels=(0, 1), num=4, seed=3)


@pytest.fixture(scope="module")
def train() -> Split:
    return Split(
        images=torch.from_numpy(IMAGES).reshape(NUM_IMAGES, *SHAPE),
        scale=1.0,
        labels=torch.from_numpy(LABELS),
        index=torch.arange(NUM_IMAGES),
    )


def fitted(spec: PCASpec) -> ClassPCA:
    facts = PCAFacts(
        data="npz:x",
        data_source="npz:x",
        data_digest="",
        train_size=None,
        probe_size=None,
        class_names=("a", "b"),
        image_shape=SHAPE,
        space=spec.space,
        variance=spec.variance,
        num_components=spec.components,
        local=spec.local,
        seed=spec.seed,
        checkpoint_digest=None,
        versions={},
        created="",
    )
    return fit_class_pca(IMAGES, LABELS, facts)


def draw(spec: SamplingSpec, pca: ClassPCA | None, train: Split | None, num: int = 4000) -> NDArray[np.float32]:
    """Starts of class 1, flat."""
    start = start_images(spec, SHAPE, pca=pca, train=train)
    return np.stack([start(chain).ravel() for chain in range(1, 2 * num, 2)])


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_is_an_image_that_seed_and_chain_determine(kind: str, train: Split) -> None:
    spec = replace(SPEC, start=kind, start_noise=0.01)
    pca = fitted(PCASpec(variance=0.9, local=3 if kind == "local-pca" else 1))
    one, again = (start_images(spec, SHAPE, pca=pca, train=train) for _ in range(2))
    later = again(5)
    for chain in (0, 1, 5):
        image = one(chain)
        assert image.shape == SHAPE
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1
    np.testing.assert_array_equal(one(5), later)
    assert not np.array_equal(one(5), one(7))
    assert not np.array_equal(one(5), start_images(replace(spec, seed=4), SHAPE, pca=pca, train=train)(5))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_pca_and_gaussian_have_the_mean_and_covariance_of_the_class(scale: float, train: Split) -> None:
    members = IMAGES[LABELS == 1].astype(np.float64)
    covariance = np.cov(members, rowvar=False)
    for kind, pca in (("gaussian", None), ("pca", fitted(PCASpec(variance=1.0)))):
        drawn = draw(replace(SPEC, start=kind, start_scale=scale), pca, train).astype(np.float64)
        np.testing.assert_allclose(drawn.mean(0), members.mean(0), atol=0.002)
        size = np.abs(covariance).max()
        np.testing.assert_allclose(np.cov(drawn, rowvar=False), scale**2 * covariance, atol=0.08 * size)


def test_pca_stays_in_the_span_of_what_was_kept(train: Split) -> None:
    members = IMAGES[LABELS == 1].astype(np.float64)
    _, _, directions = np.linalg.svd(members - members.mean(0))
    drawn = draw(SPEC, fitted(PCASpec(components=2)), None, num=50) - members.mean(0)
    assert np.abs(drawn @ directions[2:].T).max() < 1e-5
    assert np.abs(drawn @ directions[:2].T).max() > 1e-2


def test_no_scale_is_the_mean_and_local_means_come_by_their_weight() -> None:
    members = IMAGES[LABELS == 1]
    still = replace(SPEC, start_scale=0.0)
    np.testing.assert_allclose(draw(still, fitted(PCASpec()), None, num=3), np.tile(members.mean(0), (3, 1)), atol=1e-6)
    pca = fitted(PCASpec(local=3))
    drawn = draw(replace(still, start="local-pca"), pca, None, num=1000)
    groups = np.flatnonzero(pca.label == 1)
    for group in groups:
        share = (np.abs(drawn - pca.mean[group]).max(1) < 1e-6).mean()
        assert share == pytest.approx(pca.weight[group], abs=0.05)


def test_data_are_training_images_and_noise_is_uniform(train: Split) -> None:
    drawn = draw(replace(SPEC, start="data"), None, train, num=200)
    distances = np.abs(drawn[:, None] - IMAGES[LABELS == 1][None]).max(2).min(1)
    assert distances.max() == 0
    assert len(np.unique(drawn, axis=0)) > 20
    uniform = draw(replace(SPEC, start="noise"), None, None, num=2000)
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)
    assert uniform.var() == pytest.approx(1 / 12, abs=0.003)


def test_start_noise_is_added(train: Split) -> None:
    noisy = draw(replace(SPEC, start_scale=0.0, start_noise=0.02), fitted(PCASpec()), None, num=2000)
    assert (noisy - IMAGES[LABELS == 1].mean(0)).std() == pytest.approx(0.02, rel=0.03)


@pytest.mark.parametrize("kind", ["data", "gaussian"])
def test_a_class_without_images_is_refused(kind: str, train: Split) -> None:
    with pytest.raises(ValueError, match="no image of class 7"):
        start_images(replace(SPEC, start=kind, labels=(7,)), SHAPE, pca=None, train=train)
