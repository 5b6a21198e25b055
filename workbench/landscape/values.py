"""What a measured landscape is. numpy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENERGIES = ("marginal", "joint")
"""E(x), or E(x,y) with y the sample's class."""

NUM_ANGLES = 72
"""Directions in which the edge of the ball is found."""

MOST_GRID = 401
MOST_POINTS = 2**24
"""Points of all planes together: 10,000 samples of 41 × 41."""


def axis_of(grid: int, reach: float) -> NDArray[np.float64]:
    """An odd number of values from −reach to reach at equal distances; the middle one is exactly 0."""
    half = grid // 2
    values: NDArray[np.float64] = np.arange(-half, half + 1, dtype=np.float64) * (reach / half)
    return values


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Where a landscape comes from and how it was measured.

    Attributes:
        name: the run, or the checkpoint's file.
        checkpoint: path of the weights.
        checkpoint_digest: their SHA-256 in hex.
        method: how the checkpoint says that it was trained; None if it does not.
        epoch: after which it was saved; None outside a run.
        data: as ``--data`` takes it.
        data_digest: SHA-256 in hex of the samples' images and labels.
        split: probe, train or test.
        class_names: by label.
        image_shape: (C, H, W).
        eps: radius of the l∞ ball in [0, 1] pixel units.
        attack: what made x*.
        energy: one of ENERGIES.
        grid: points along each axis, odd.
        reach: the axes go from −reach to reach, in units of ε.
        clip: whether the images of the plane were clipped to [0, 1].
        seed: of the attack's start and of the random directions.
        device: what measured it.
        notes: what was inferred of a checkpoint made elsewhere.
        versions: of the libraries.
        created: ISO 8601, UTC.
    """

    name: str
    checkpoint: str
    checkpoint_digest: str
    method: str | None
    epoch: int | None
    data: str
    data_digest: str
    split: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    eps: float
    attack: str
    energy: str
    grid: int
    reach: float
    clip: bool
    seed: int
    device: str
    notes: tuple[str, ...]
    versions: dict[str, str]
    created: str

    @property
    def title(self) -> str:
        """The name, and the epoch where there is one."""
        return self.name if self.epoch is None else f"{self.name}, epoch {self.epoch}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Landscape:
    """N planes x + a·d1 + b·d2 with a, b in units of ε; energies in nats.

    d1 is x* − x scaled to an l∞ norm of ε; d2 is a random sign vector, made orthogonal to d1 and as long in l2.

    Attributes:
        facts: where it comes from.
        index: (N,) int64, stable index of each sample in its data set.
        label: (N,) int32, its class.
        correct: (N,) uint8, 1 if x is classified as its class.
        correct_adv: (N,) uint8, the same of x*.
        attacked: (N,) uint8, 0 where x* = x, so that d1 is a random sign vector too.
        position: (N,) float64, the a of x*: at most 1.
        natural: (N,) float64, E at x.
        adversarial: (N,) float64, E at x*.
        gradient_l1: (N,) float64, ε·‖∇E(x)‖₁ in nats.
        gradient_l2: (N,) float64, ‖∇E(x)‖₂ in nats per unit of a pixel's range.
        energy: (N, G, G) float32, E; rows are b, columns a, both ascending.
        linear: (N, G, G) float32, δᵀ∇E(x) of the same points, δ their difference from x.
        outline: (N, NUM_ANGLES) float32, how far the ball reaches in the plane, in units of ε, at equal angles from
            a = 1 towards b = 1.
    """

    facts: Facts
    index: NDArray[np.int64]
    label: NDArray[np.int32]
    correct: NDArray[np.uint8]
    correct_adv: NDArray[np.uint8]
    attacked: NDArray[np.uint8]
    position: NDArray[np.float64]
    natural: NDArray[np.float64]
    adversarial: NDArray[np.float64]
    gradient_l1: NDArray[np.float64]
    gradient_l2: NDArray[np.float64]
    energy: NDArray[np.float32]
    linear: NDArray[np.float32]
    outline: NDArray[np.float32]

    def __len__(self) -> int:
        """Samples."""
        return len(self.index)

    @property
    def axis(self) -> NDArray[np.float64]:
        """The values of a, and of b: (G,), in units of ε; the middle one is 0."""
        return axis_of(self.facts.grid, self.facts.reach)

    @property
    def finite(self) -> NDArray[np.bool_]:
        """(N,): whether all energies of a sample are finite."""
        ends = np.isfinite(self.natural) & np.isfinite(self.adversarial)
        whole: NDArray[np.bool_] = ends & np.isfinite(self.energy).all((1, 2)) & np.isfinite(self.linear).all((1, 2))
        return whole
