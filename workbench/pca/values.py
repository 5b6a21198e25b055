"""A fitted class-wise PCA and where it comes from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.pca.spec import FEATURES, PIXELS, PCASpec

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PCAFacts:
    """Where a class-wise PCA comes from.

    Attributes:
        data: name of the data set as it was given (as ``--data`` takes it).
        data_source: the same with its path made absolute.
        data_digest: ``Split.digest()`` of the training split.
        train_size: size of the training split that the checkpoint asks for; None if it says nothing.
        probe_size: the same of the probe split.
        class_names: classes in the order of their labels.
        image_shape: (C, H, W).
        space: "pixels" or "features".
        variance: share of variance that was asked for; None if a number of components was.
        num_components: number of components that was asked for; None if a share of variance was.
        local: k-means clusters asked for inside each class.
        seed: of k-means and of the randomised solver.
        checkpoint_digest: SHA-256 of the weights file whose features these are; None for pixels.
        versions: of Python and the libraries that fitted.
        created: ISO 8601 time.
        schema_version: of the file.
    """

    data: str
    data_source: str
    data_digest: str
    train_size: int | None
    probe_size: int | None
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    space: str
    variance: float | None
    num_components: int | None
    local: int
    seed: int
    checkpoint_digest: str | None
    versions: Mapping[str, str]
    created: str
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not self.class_names:
            raise WorkbenchError("a class-wise PCA needs classes")
        if len(self.image_shape) != 3 or min(self.image_shape) < 1:
            raise WorkbenchError(f"an image shape is (C, H, W), not {self.image_shape}")
        if (self.checkpoint_digest is not None) != (self.space == FEATURES):
            raise WorkbenchError("a PCA of features, and no other, names the checkpoint they come from")
        if self.spec.variance != self.variance:
            raise WorkbenchError("a PCA keeps a share of variance or a number of components")

    @property
    def spec(self) -> PCASpec:
        """What was asked for."""
        return PCASpec(
            variance=self.variance,
            components=self.num_components,
            space=self.space,
            local=self.local,
            seed=self.seed,
        )

    @property
    def dim(self) -> int | None:
        """Pixels of an image; None for features, whose number the network decides."""
        return math.prod(self.image_shape) if self.space == PIXELS else None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassPCA:
    """One PCA per group; a group is a class, or a k-means cluster inside a class. Groups are sorted by class.

    A sample of a class: draw group g of the class with probability ``weight[g]``, then
    mean[g] + Σ_i z_i · std[g][i] · components[g][i] with z ~ N(0, 1). The singular values of the centred samples are
    std · sqrt(count − 1).

    Attributes:
        label: class of each group, (G,) int64, ascending.
        count: training samples of each group, (G,) int64.
        weight: share of the group in its class, (G,) float64; sums to 1 over a class.
        mean: (G, D) float32; D is C·H·W in the order (C, H, W), or the number of features.
        components: per group (K_g, D) float32, orthonormal rows, the largest variance first; K_g may be 0.
        std: per group (K_g,) float32, square roots of the variances (divisor count − 1) along the components.
        explained_variance_ratio: per group (K_g,) float32, shares of the group's whole variance.
        spectrum: per group the variances in descending order as far as the solver knows them, float32: all of them
            (exact solvers) or those of the kept components (randomised solver).
        facts: where it comes from.
    """

    label: NDArray[np.int64]
    count: NDArray[np.int64]
    weight: NDArray[np.float64]
    mean: NDArray[np.float32]
    components: tuple[NDArray[np.float32], ...]
    std: tuple[NDArray[np.float32], ...]
    explained_variance_ratio: tuple[NDArray[np.float32], ...]
    spectrum: tuple[NDArray[np.float32], ...]
    facts: PCAFacts

    @property
    def num_groups(self) -> int:
        """Groups over all classes."""
        return len(self.label)

    @property
    def num_components(self) -> NDArray[np.int64]:
        """Kept components of each group, (G,)."""
        return np.array([len(std) for std in self.std], dtype=np.int64)

    def groups_of(self, label: int) -> NDArray[np.int64]:
        """The groups of a class.

        Raises:
            WorkbenchError: no such class.
        """
        if not 0 <= label < len(self.facts.class_names):
            raise WorkbenchError(f"no class {label}; the PCA has classes 0 to {len(self.facts.class_names) - 1}")
        return np.flatnonzero(self.label == label).astype(np.int64)

    def class_means(self) -> NDArray[np.float32]:
        """Mean of each class over its groups, (number of classes, D)."""
        means = np.zeros((len(self.facts.class_names), self.mean.shape[1]))
        np.add.at(means, self.label, self.weight[:, None] * self.mean)
        return means.astype(np.float32)

    def fewer(self) -> NDArray[np.int64]:
        """Groups that have fewer components than were asked for: too few samples, or too few dimensions."""
        wanted = 1 if self.facts.num_components is None else self.facts.num_components
        return np.flatnonzero(self.num_components < wanted).astype(np.int64)
