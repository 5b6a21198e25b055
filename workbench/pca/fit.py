"""Fitting: one scikit-learn PCA per class, or per k-means cluster inside a class."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.pca.solver import RANDOMIZED, choose_solver
from workbench.pca.spec import PCASpec
from workbench.pca.values import ClassPCA, PCAFacts

Say = Callable[[str], None]


def silent(sentence: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    std: NDArray[np.float32]
    ratio: NDArray[np.float32]
    spectrum: NDArray[np.float32]


def fit_class_pca(
    x: NDArray[np.generic],
    labels: NDArray[np.int64],
    facts: PCAFacts,
    *,
    scale: float = 1.0,
    say: Say = silent,
) -> ClassPCA:
    """Fit one PCA per group, a group being a class or one of ``facts.local`` k-means clusters inside it.

    A group of n samples has at most n − 1 components, so one of a single sample has its mean only. With a share of
    variance the smallest number of components is kept whose variances sum to at least that share: the component
    that crosses the threshold stays (the generation code of the OmnAI-Lab repository drops it).

    Local clusters are our reading of the *local* PCA of arXiv 2505.22486, for which there is no public code.

    Args:
        x: samples (N, D), any real dtype; converted to float32 class by class.
        labels: (N,), into ``facts.class_names``.
        facts: what is asked for (``facts.spec``), and where ``x`` comes from.
        scale: brings ``x`` to the units of the PCA: 1/255 for images of 8 bits.
        say: told which class is being fitted.

    Raises:
        WorkbenchError: a class without samples, or with fewer samples than clusters; samples that are not finite.
    """
    spec, names = facts.spec, facts.class_names
    label: list[int] = []
    count: list[int] = []
    weight: list[float] = []
    groups: list[_Group] = []
    for number, name in enumerate(names):
        say(f"class {number + 1} of {len(names)}: {name}")
        rows = np.flatnonzero(labels == number)
        _check_count(name, len(rows), spec.local, facts.data)
        samples = x[rows].astype(np.float32)
        if scale != 1.0:
            samples *= np.float32(scale)
        for members in _clusters(samples, spec):
            group = samples if len(members) == len(samples) else samples[members]
            groups.append(_fit_group(group, spec, name))
            label.append(number)
            count.append(len(members))
            weight.append(len(members) / len(rows))
    return ClassPCA(
        label=np.array(label, dtype=np.int64),
        count=np.array(count, dtype=np.int64),
        weight=np.array(weight, dtype=np.float64),
        mean=np.stack([group.mean for group in groups]),
        components=tuple(group.components for group in groups),
        std=tuple(group.std for group in groups),
        explained_variance_ratio=tuple(group.ratio for group in groups),
        spectrum=tuple(group.spectrum for group in groups),
        facts=facts,
    )


def _check_count(name: str, num_samples: int, local: int, data: str) -> None:
    if num_samples == 0:
        raise WorkbenchError(f"class {name} has no sample in the training split of {data}; a PCA needs at least one")
    if num_samples < local:
        raise WorkbenchError(
            f"class {name} has {num_samples} samples in {data}, too few for {local} clusters; lower --local"
        )


def _clusters(samples: NDArray[np.float32], spec: PCASpec) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each cluster, the largest first; a cluster may stay empty (equal samples) and is left out."""
    if spec.local == 1:
        yield np.arange(len(samples))
        return
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different samples than clusters
        cluster = KMeans(spec.local, n_init="auto", random_state=spec.seed).fit_predict(samples)
    sizes = np.bincount(cluster, minlength=spec.local)
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number]:
            yield np.flatnonzero(cluster == number)


def _fit_group(samples: NDArray[np.float32], spec: PCASpec, name: str) -> _Group:
    """The PCA of a group; ``samples`` are centred in place.

    They are centred here, by a mean taken in float64, because scikit-learn's covariance solver subtracts n·μμᵀ from
    uncentred products, which costs float32 most of its digits where the mean is large against the spread.
    """
    from sklearn.decomposition import PCA

    mean = samples.mean(axis=0, dtype=np.float64).astype(np.float32)
    if not np.isfinite(mean).all():
        raise WorkbenchError(f"class {name} has samples that are not finite; has its training diverged?")
    samples -= mean
    num_samples, dim = samples.shape
    limit = min(num_samples - 1, dim)
    if limit == 0 or not samples.any():
        nothing = np.zeros(0, dtype=np.float32)
        components = np.zeros((0, dim), dtype=np.float32)
        return _Group(mean=mean, components=components, std=nothing, ratio=nothing, spectrum=nothing)
    wanted = None if spec.components is None else min(spec.components, limit)
    solver = choose_solver(num_samples, dim, wanted)
    num_fitted = wanted if solver == RANDOMIZED else limit
    pca = PCA(num_fitted, svd_solver=solver, random_state=spec.seed, copy=False).fit(samples)
    kept = _num_kept(pca.explained_variance_, spec.variance) if wanted is None else wanted
    return _Group(
        mean=mean,
        components=pca.components_[:kept].copy(),  # C order, and without the rest
        std=np.sqrt(pca.explained_variance_[:kept]),
        ratio=pca.explained_variance_ratio_[:kept],
        spectrum=pca.explained_variance_,
    )


def _num_kept(spectrum: NDArray[np.float32], share: float | None) -> int:
    """The least number of leading variances that sum to at least ``share`` of all."""
    assert share is not None
    sums = np.cumsum(spectrum, dtype=np.float64)
    return int(np.searchsorted(sums, share * sums[-1])) + 1
