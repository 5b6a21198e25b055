"""The Fréchet distance between two Gaussians, and the streaming moments that it takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, eigvalsh, lapack

from trainers.errors import WorkbenchError

Array = NDArray[np.float64]

BLOCK = 2048
"""Rows by which a covariance is updated at a time: few enough to stay near, enough for an update's own cost of F²."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Number of samples, mean (F,) and unbiased covariance (F, F) of features, float64."""

    num: int
    mean: Array
    covariance: Array


def moments_of(blocks: Iterable[NDArray[np.floating]]) -> Moments:
    """Moments of features that come in blocks (B, F) of any size, in float64 and in one pass.

    Blocks are merged by the pairwise update of Chan, Golub & LeVeque (1979), which does not cancel where the mean is
    large against the spread.

    Raises:
        WorkbenchError: fewer than 2 samples.
    """
    num, mean, scatter = 0, np.empty(0), np.empty((0, 0))
    for rows in _regrouped(blocks):
        own_mean = rows.mean(axis=0)
        np.subtract(rows, own_mean, out=rows)
        if not num:
            num, mean = len(rows), own_mean
            scatter = blas.dsyrk(1.0, rows.T, lower=1)
            continue
        shift, total = own_mean - mean, num + len(rows)
        scatter = blas.dsyrk(1.0, rows.T, beta=1.0, c=scatter, lower=1, overwrite_c=1)
        scatter = blas.dsyr(num * len(rows) / total, shift, a=scatter, lower=1, overwrite_a=1)
        mean = mean + shift * (len(rows) / total)
        num = total
    if num < 2:
        raise WorkbenchError(f"a covariance needs at least 2 images; there {'is 1' if num else 'are none'}")
    upper = np.triu(scatter.T)
    upper /= num - 1
    covariance = upper + upper.T
    np.fill_diagonal(covariance, upper.diagonal())
    return Moments(num=num, mean=mean, covariance=covariance)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance of two Gaussians: ‖μa − μb‖² + tr Σa + tr Σb − 2 tr (Σa Σb)^½, at least 0.

    Dowson & Landau (1982), Journal of Multivariate Analysis 12; as a score of generated images: Heusel et al. (2017),
    GANs Trained by a Two Time-Scale Update Rule, eq. 6.

    Deviation in the arithmetic only: with Σa = L Lᵀ, the eigenvalues of Σa Σb are those of the symmetric Lᵀ Σb L (and
    zeros), so one symmetric eigenvalue problem replaces the square root of a nonsymmetric matrix. L is a pivoted
    Cholesky factor, which exists for covariances of any rank. Eigenvalues that rounding made negative count as 0.
    """
    root = _trace_of_root(a.covariance, b.covariance)
    shift = a.mean - b.mean
    distance = shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * root
    return max(float(distance), 0.0)


def _trace_of_root(first: Array, second: Array) -> float:
    """The trace of (A B)^½ of two positive semidefinite matrices."""
    factor, pivots, rank, info = lapack.dpstrf(first, lower=1)
    assert info >= 0, info
    if not rank:
        return 0.0
    order = pivots - 1
    product, info = lapack.dsygst(second[np.ix_(order, order)], factor, itype=2, lower=1)  # Lᵀ B L
    assert info == 0, info
    # Columns of L from the rank on are not computed; they enter the same rows and columns of the product alone.
    eigenvalues = eigvalsh(product[:rank, :rank], lower=True, check_finite=False, overwrite_a=True)
    return float(np.sqrt(eigenvalues.clip(min=0.0)).sum())


def _regrouped(blocks: Iterable[NDArray[np.floating]]) -> Iterator[Array]:
    """The same rows in order, BLOCK at a time but for the last."""
    buffer, filled = np.empty((0, 0)), 0
    for block in blocks:
        if not buffer.size:
            buffer = np.empty((BLOCK, block.shape[1]))
        start = 0
        while start < len(block):
            taken = min(BLOCK - filled, len(block) - start)
            buffer[filled : filled + taken] = block[start : start + taken]
            filled, start = filled + taken, start + taken
            if filled == BLOCK:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]
