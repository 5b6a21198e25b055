"""How rough a landscape is: one number per sample and figure. numpy only.

All are of the plane x + a·d1 + b·d2 on a grid of spacing h; a and b count in units of ε, energies in nats.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.landscape.values import Landscape

Values = NDArray[np.float64]

ROUNDING = 2.0**-20
"""Differences of E under this share of the largest |E| of a line are rounding errors of float32, not slopes."""


def delta_energy(landscape: Landscape) -> Values:
    """ΔE = E(x) − E(x*)."""
    return landscape.natural - landscape.adversarial


def energy_range(landscape: Landscape) -> Values:
    """The largest E of the plane less the smallest."""
    energy = landscape.energy.astype(np.float64)
    found: Values = energy.max((1, 2)) - energy.min((1, 2))
    return found


def variation(landscape: Landscape) -> Values:
    """Mean of |E(p) − E(q)|/h over all pairs of points p, q that are neighbours along an axis: total variation.

    That is the mean slope along the axes, whichever way it goes; on a plane it is (|∂E/∂a| + |∂E/∂b|)/2.
    """
    energy, h = landscape.energy.astype(np.float64), _spacing(landscape)
    along_b, along_a = (np.abs(np.diff(energy, axis=axis)).mean((1, 2)) for axis in (1, 2))
    mean: Values = (along_a + along_b) / (2 * h)
    return mean


def plane_deviation(landscape: Landscape) -> Values:
    """Root of the mean of (E − c₀ − c₁·a − c₂·b)², with c the coefficients that make it least (least squares)."""
    found: Values = np.sqrt(np.square(_off_plane(landscape)).mean((1, 2)))
    return found


def plane_share(landscape: Landscape) -> Values:
    """R² of the best plane: 1 − mean (E − plane)²/variance of E. The one figure that no scale of E changes.

    NaN where E does not vary by more than rounding.
    """
    energy = landscape.energy.astype(np.float64)
    varies = np.ptp(energy, axis=(1, 2)) > ROUNDING * np.abs(energy).max((1, 2))
    variance = np.where(varies, energy.var((1, 2)), np.nan)
    share: Values = 1 - np.square(_off_plane(landscape)).mean((1, 2)) / variance
    return share


def linearity_error(landscape: Landscape) -> Values:
    """The largest |E(x + δ) − E(x) − δᵀ∇E(x)| of the plane.

    The local linearity measure of Qin et al. 2019 (Adversarial Robustness through Local Linearization, eq. 5), of E
    instead of the loss, and over the plane instead of the ball.
    """
    rise = landscape.energy.astype(np.float64) - landscape.natural[:, None, None]
    found: Values = np.abs(rise - landscape.linear).max((1, 2))
    return found


def curvature(landscape: Landscape) -> Values:
    """The largest |E(a + h) − 2·E(a) + E(a − h)|/h² along d1 through x (b = 0).

    The second derivative in the adversarial direction, which Moosavi-Dezfooli et al. 2019 (Robustness via Curvature
    Regularization, and Vice Versa) tie to robustness, by differences; its largest value on the line.
    """
    bends: Values = np.abs(np.diff(_line(landscape), n=2, axis=1)).max(1) / _spacing(landscape) ** 2
    return bends


def sign_changes(landscape: Landscape) -> Values:
    """How often E turns from rising to falling or back along d1 through x; level stretches are passed over."""
    line = _line(landscape)
    steps = np.diff(line, axis=1)
    least = ROUNDING * np.abs(line).max(1, keepdims=True)
    signs = np.where(np.abs(steps) > least, np.sign(steps), 0.0)
    counts = []
    for row in signs:
        slopes = row[row != 0]
        counts.append(np.count_nonzero(slopes[1:] != slopes[:-1]))
    return np.array(counts, dtype=np.float64)


class Figure(NamedTuple):
    """A figure of roughness: its name, a short one for tables, unit, meaning, and how it is computed."""

    name: str
    short: str
    unit: str
    meaning: str
    of: Callable[[Landscape], Values]


FIGURES = (
    Figure("delta_energy", "ΔE", "nat", "E(x) − E(x*)", delta_energy),
    Figure("range", "range", "nat", "largest less smallest E of the plane", energy_range),
    Figure("variation", "slope", "nat/ε", "mean |E(p) − E(q)|/distance of neighbours", variation),
    Figure("plane_deviation", "rms", "nat", "RMS distance of E from its best plane", plane_deviation),
    Figure("plane_share", "R²", "1", "share of E's variance that plane explains", plane_share),
    Figure("linearity_error", "linear", "nat", "max |E(x+δ) − E(x) − δᵀ∇E(x)|", linearity_error),
    Figure("curvature", "bend", "nat/ε²", "largest |second difference| along x* − x", curvature),
    Figure("sign_changes", "turns", "1", "changes of the slope's sign along x* − x", sign_changes),
    Figure(
        "gradient_l1",
        "ε·‖∇‖₁",
        "nat",
        "most that a linear E would vary in the ball",
        lambda of: of.gradient_l1,
    ),
    Figure("gradient_l2", "‖∇‖₂", "nat/unit", "length of ∇E(x), per unit of pixel range", lambda of: of.gradient_l2),
)
"""Every figure. On a linear E rms, linear, bend and turns are 0 up to rounding, and R² is 1."""


def roughness(landscape: Landscape) -> dict[str, Values]:
    """Every figure by name, (N,) float64; NaN for a sample some of whose energies are not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        return {figure.name: np.where(landscape.finite, figure.of(landscape), np.nan) for figure in FIGURES}


def mean_and_median(values: Values) -> tuple[float | None, float | None]:
    """Mean and median over the samples that have a value; None if none has."""
    known = values[np.isfinite(values)]
    return (float(known.mean()), float(np.median(known))) if len(known) else (None, None)


def _off_plane(landscape: Landscape) -> Values:
    """What the best plane leaves of E, (N, G, G)."""
    energy, axis = landscape.energy.astype(np.float64), landscape.axis
    # On a grid that is symmetric about 0 the three terms are orthogonal.
    squares = np.square(axis).sum() * len(axis)
    level = energy.mean((1, 2), keepdims=True)
    slope_a = (energy * axis).sum((1, 2), keepdims=True) / squares
    slope_b = (energy * axis[:, None]).sum((1, 2), keepdims=True) / squares
    rest: Values = energy - (level + slope_a * axis + slope_b * axis[:, None])
    return rest


def _spacing(landscape: Landscape) -> float:
    return 2 * landscape.facts.reach / (landscape.facts.grid - 1)


def _line(landscape: Landscape) -> Values:
    """E along d1 through x, (N, G)."""
    line: Values = landscape.energy[:, landscape.facts.grid // 2].astype(np.float64)
    return line
