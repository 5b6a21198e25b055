"""What is to be measured, checked before anything is loaded. Torch-free, so that mistakes are told at once."""

from dataclasses import dataclass
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.landscape.values import ENERGIES, MOST_GRID, MOST_POINTS
from workbench.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class LandscapeSpec:
    """Everything that determines what is measured.

    Attributes:
        data: as ``--data`` takes it; None for what our own checkpoint was trained on.
        split: probe, train or test.
        num: how many samples, classes in proportion.
        samples: stable indices of samples instead.
        eps: radius of the l∞ ball in [0, 1] pixel units; None for that of our own checkpoint, else the data's default.
        attack: what makes x*, by name.
        energy: one of ENERGIES.
        grid: points along each axis, odd so that x is among them.
        reach: the axes go from −reach to reach, in units of ε.
        clip: clip the images of the plane to [0, 1], as an input would be.
        image_mode: grey or rgb, to convert the images; None leaves them.
        seed: of the attack's start and of the random directions.
        batch_size: images at a time.
        device: auto, cpu, cuda or mps.
    """

    data: str | None = None
    split: str = "probe"
    num: int = 8
    samples: tuple[int, ...] | None = None
    eps: float | None = None
    attack: str = "pgd-10"
    energy: str = "marginal"
    grid: int = 41
    reach: float = 1.5
    clip: bool = False
    image_mode: str | None = None
    seed: int = 0
    batch_size: int = 512
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.energy not in ENERGIES:
            raise WorkbenchError(f"--energy must be one of {', '.join(ENERGIES)}; got {self.energy!r}")
        if not (3 <= self.grid <= MOST_GRID and self.grid % 2):
            raise WorkbenchError(
                f"--grid must be odd, so that x is a point of it, from 3 to {MOST_GRID}; got {self.grid}"
            )
        if not 0 < self.reach <= 100:
            raise WorkbenchError(f"--reach must lie in (0, 100], in units of eps; got {self.reach:g}")
        wanted = self.num if self.samples is None else len(self.samples)
        if wanted * self.grid**2 > MOST_POINTS:
            raise WorkbenchError(
                f"{wanted} samples of {self.grid} x {self.grid} points are too many; lower --num or --grid"
            )
        if self.samples is not None and len(set(self.samples)) < max(len(self.samples), 1):
            raise WorkbenchError("--samples must name each sample once, and at least one")


def landscape_path(target: Target) -> Path:
    """Where the landscape of a checkpoint is kept unless told otherwise: in its run, or beside it."""
    if target.run_dir is not None:
        return target.run_dir / f"landscape-{target.checkpoint.stem}.h5"
    return target.checkpoint.with_name(f"{target.checkpoint.stem}.landscape.h5")
