"""Where chains begin: an image per chain, a function of seed and chain number alone."""

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from trainers.data import Split
from trainers.errors import WorkbenchError
from workbench.pca import ClassPCA
from workbench.sampling.chain import Image
from workbench.sampling.spec import SamplingSpec, StartKind

Draw = Callable[[Generator, int], NDArray[np.floating]]
"""Draws an image, flat or shaped and not yet clipped, of a class."""


def start_images(
    spec: SamplingSpec, image_shape: tuple[int, int, int], *, pca: ClassPCA | None, train: Split | None
) -> Callable[[int], Image]:
    """The start (C, H, W) of each chain, float32 in [0, 1], by its number.

    Args:
        spec: kind, scale and noise of the start, and the seed.
        image_shape: (C, H, W).
        pca: for ``pca`` and ``local-pca``.
        train: the training images, for ``gaussian`` and ``data``.
    """
    draw = STARTS[spec.start](spec, image_shape, pca, train)

    def start(chain: int) -> Image:
        generator = default_rng(SeedSequence([spec.seed, zlib.crc32(b"start"), chain]))
        image = draw(generator, spec.label(chain)).reshape(image_shape)
        if spec.start_noise > 0:
            image = image + spec.start_noise * generator.standard_normal(image_shape)
        return np.clip(image, 0, 1).astype(np.float32)

    return start


Maker = Callable[[SamplingSpec, tuple[int, int, int], ClassPCA | None, Split | None], Draw]


def _from_pca(spec: SamplingSpec, image_shape: tuple[int, int, int], pca: ClassPCA | None, train: Split | None) -> Draw:
    """μ_g + scale · Σ_i σ_i·N(0,1)·U_i, the group g (class, or cluster of it) drawn by its weight.

    OmnAI-Lab's code scales by 0.005·s_i with s_i the singular values; σ_i = s_i/√(n−1), so at the 5,000 images a class
    of CIFAR-10 that is ``start_scale`` 0.35, and unlike 0.005·s_i it does not depend on how many images there are.
    """
    assert pca is not None

    def draw(generator: Generator, label: int) -> NDArray[np.floating]:
        groups = np.flatnonzero(pca.label == label)
        if not len(groups):
            raise WorkbenchError(f"the PCA has no images of class {label}; fit it on data that do")
        edges = np.cumsum(pca.weight[groups])
        group = int(groups[min(int(np.searchsorted(edges, generator.random() * edges[-1], "right")), len(groups) - 1)])
        coefficients = generator.standard_normal(len(pca.std[group]), dtype=np.float32) * pca.std[group]
        image: NDArray[np.floating] = pca.mean[group] + spec.start_scale * (coefficients @ pca.components[group])
        return image

    return draw


def _from_gaussian(
    spec: SamplingSpec, image_shape: tuple[int, int, int], pca: ClassPCA | None, train: Split | None
) -> Draw:
    """N(μ_y, scale²·Σ_y), the normal distribution of the class (Santurkar et al. 2019, arXiv 1906.09453).

    It is drawn without ever forming Σ_y: μ + scale · Σ_j z_j·(x_j − μ)/√(n−1) over the n images of the class.
    """
    assert train is not None
    images = {label: _images(train, label).flatten(1) for label in set(spec.labels)}
    means = {label: x.mean(0) for label, x in images.items()}

    def draw(generator: Generator, label: int) -> NDArray[np.floating]:
        x, mean = images[label], means[label]
        z = torch.from_numpy(generator.standard_normal(len(x), dtype=np.float32)).to(x.device)
        deviation = (z @ x - z.sum() * mean) / max(len(x) - 1, 1) ** 0.5
        image: NDArray[np.floating] = (mean + spec.start_scale * deviation).cpu().numpy()
        return image

    return draw


def _from_noise(
    spec: SamplingSpec, image_shape: tuple[int, int, int], pca: ClassPCA | None, train: Split | None
) -> Draw:
    """Uniform on [0, 1] in every pixel."""
    return lambda generator, label: generator.random(image_shape)


def _from_data(
    spec: SamplingSpec, image_shape: tuple[int, int, int], pca: ClassPCA | None, train: Split | None
) -> Draw:
    """A training image of the class."""
    assert train is not None
    images = {label: _images(train, label) for label in set(spec.labels)}

    def draw(generator: Generator, label: int) -> NDArray[np.floating]:
        image: NDArray[np.floating] = images[label][int(generator.integers(len(images[label])))].cpu().numpy()
        return image

    return draw


def _images(train: Split, label: int) -> torch.Tensor:
    rows = torch.nonzero(train.labels == label).squeeze(1)
    if not len(rows):
        raise WorkbenchError(f"the training data hold no image of class {label}; choose another --class or --start")
    return train.batch(rows)[0]


STARTS: Mapping[StartKind, Maker] = {
    "pca": _from_pca,
    "local-pca": _from_pca,
    "gaussian": _from_gaussian,
    "noise": _from_noise,
    "data": _from_data,
}
