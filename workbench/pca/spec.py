"""What a class-wise PCA is asked for."""

import math
from dataclasses import dataclass

from trainers.errors import WorkbenchError

DEFAULT_VARIANCE = 0.95
PIXELS, FEATURES = "pixels", "features"
SPACES = (PIXELS, FEATURES)


@dataclass(frozen=True, kw_only=True, slots=True)
class PCASpec:
    """How many components to keep, of what, in how many clusters.

    Attributes:
        variance: share of a group's variance to keep, in (0, 1]; the component that crosses it is kept. 0.95 unless
            ``components`` is given.
        components: number of components instead, at least 1; None where ``variance`` decides.
        space: "pixels" (images in [0, 1], flattened) or "features" (what the network's last linear layer sees).
        local: k-means clusters inside each class, each with a PCA of its own; 1 is one PCA per class.
        seed: of k-means and of the randomised solver, at least 0.

    Raises:
        WorkbenchError: a value out of range, or both ``variance`` and ``components``.
    """

    variance: float | None = None
    components: int | None = None
    space: str = PIXELS
    local: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.variance is not None and self.components is not None:
            raise WorkbenchError("give --variance or --components, not both: one of them decides how many are kept")
        if self.components is None:
            object.__setattr__(self, "variance", float(DEFAULT_VARIANCE if self.variance is None else self.variance))
        if self.variance is not None and not (math.isfinite(self.variance) and 0 < self.variance <= 1):
            raise WorkbenchError(f"variance must lie in (0, 1], not {self.variance:g}; 0.95 keeps 95 %")
        if self.components is not None and self.components < 1:
            raise WorkbenchError(f"components must be at least 1, not {self.components}")
        if self.space not in SPACES:
            raise WorkbenchError(f"space must be one of {', '.join(SPACES)}, not {self.space!r}")
        if self.local < 1:
            raise WorkbenchError(f"local must be at least 1 (1: one PCA per class), not {self.local}")
        if not 0 <= self.seed < 2**32:
            raise WorkbenchError(f"seed must lie in 0..{2**32 - 1}, not {self.seed}")

    @property
    def seeded(self) -> bool:
        """Whether the seed can matter: k-means draws, and so does the solver that few components may choose."""
        return self.local > 1 or self.components is not None
