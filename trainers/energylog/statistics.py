"""What the log keeps of one epoch's delta energies: moments, quantiles and counts per histogram bin."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import DELTA_STATISTICS, HISTOGRAM_BINS, QUANTILES, histogram_edges

_EDGES = histogram_edges()


def delta_statistics(delta: NDArray[np.floating]) -> dict[str, float]:
    """Mean, standard deviation and quantiles of the finite values of ``delta``.

    Args:
        delta: ΔE in nats, any shape; NaN and infinite values are left out.

    Returns:
        One float64 value in nats per name of DELTA_STATISTICS; all NaN if no value is finite. The standard deviation
        divides by the number of values; quantiles interpolate linearly between order statistics.
    """
    values = _finite(delta).astype(np.float64)
    if values.size == 0:
        return dict.fromkeys(DELTA_STATISTICS, float("nan"))
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        **{name: float(value) for name, value in zip(QUANTILES, quantiles, strict=True)},
    }


def histogram_counts(delta: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Finite values of ``delta`` per bin of :func:`~trainers.energylog.schema.histogram_edges`.

    A bin holds its lower edge and not its upper one; the two end bins also take everything beyond them.

    Args:
        delta: ΔE in nats, any shape; NaN and infinite values are left out.

    Returns:
        Counts, shape (HISTOGRAM_BINS,).
    """
    bins = np.searchsorted(_EDGES, _finite(delta), side="right") - 1
    return np.bincount(bins.clip(0, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS).astype(np.uint32)


def _finite(delta: NDArray[np.floating]) -> NDArray[np.floating]:
    flat = np.asarray(delta).ravel()
    finite: NDArray[np.floating] = flat[np.isfinite(flat)]
    return finite


def merit(pgd_accuracy: float | None, clean_accuracy: float | None) -> tuple[float, float]:
    """What an epoch is ranked by: robust accuracy on the probe set, and natural accuracy among equals.

    The second decides for models that were never robust, whose PGD accuracy is 0 in every epoch.
    """
    return pgd_accuracy or 0.0, clean_accuracy if clean_accuracy is not None and np.isfinite(clean_accuracy) else 0.0


def best_epoch(rows: Sequence[np.void]) -> int | None:
    """The first epoch of highest merit among rows of the epoch table; None if PGD accuracy was never measured."""
    measured = [row for row in rows if np.isfinite(row["pgd_accuracy"])]
    best = max(measured, key=lambda row: merit(float(row["pgd_accuracy"]), float(row["clean_accuracy"])), default=None)
    return None if best is None else int(best["epoch"])
