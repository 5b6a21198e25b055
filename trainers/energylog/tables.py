"""What one split of a run holds: the keys of its samples, and the energies of one epoch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import NOT_RECORDED


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleKeys:
    """Which samples the columns of a split's tables stand for, in this order.

    Attributes:
        index: Stable index of each sample in its data set, shape (N,).
        label: Class of each sample, shape (N,).
    """

    index: NDArray[np.int64]
    label: NDArray[np.int32]

    def __post_init__(self) -> None:
        assert self.index.ndim == 1
        assert self.index.shape == self.label.shape, f"{self.index.shape} indices, {self.label.shape} labels"

    def __len__(self) -> int:
        return len(self.index)

    def same_as(self, other: "SampleKeys") -> bool:
        """Whether these are the same samples, with the same labels, in the same order."""
        return np.array_equal(self.index, other.index) and np.array_equal(self.label, other.label)


@dataclass(kw_only=True, slots=True)
class SampleTable:
    """One epoch of one split, all arrays of shape (N,) in the order of the split's :class:`SampleKeys`.

    Energies are in nats, NaN where missing; flags are 0, 1 or NOT_RECORDED.
    """

    energy: NDArray[np.float32]
    energy_adv: NDArray[np.float32]
    joint_energy: NDArray[np.float32]
    joint_energy_adv: NDArray[np.float32]
    correct: NDArray[np.uint8]
    correct_adv: NDArray[np.uint8]

    @property
    def delta_energy(self) -> NDArray[np.float32]:
        """ΔE(x) = E(x) − E(x*) in nats, shape (N,); NaN where either is missing."""
        with np.errstate(invalid="ignore", over="ignore"):  # a diverged run has infinite energies
            return self.energy - self.energy_adv

    @classmethod
    def empty(cls, num_samples: int) -> "SampleTable":
        """A table of ``num_samples`` samples in which nothing is recorded yet."""
        energies = np.full((4, num_samples), np.nan, dtype=np.float32)
        flags = np.full((2, num_samples), NOT_RECORDED, dtype=np.uint8)
        return cls(
            energy=energies[0],
            energy_adv=energies[1],
            joint_energy=energies[2],
            joint_energy_adv=energies[3],
            correct=flags[0],
            correct_adv=flags[1],
        )
