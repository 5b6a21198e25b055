"""What a strong evaluation says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

NATURAL = "natural"
"""What the images themselves are called among the attacks."""

STATISTICS = ("mean", "std", "q05", "q25", "q50", "q75", "q95")

_Z = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

Statistics = Mapping[str, float | None]
"""Values in nats by name of STATISTICS; None where no sample has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many of some images are classified right."""

    num: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        """Their share; None of no images."""
        return self.correct / self.num if self.num else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the accuracy on all images of the kind lies, at 95 % confidence (Wilson 1927); None of no images."""
        return wilson(self.correct, self.num) if self.num else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group(Tally):
    """All images, or those of a class, under one attack or none.

    Attributes:
        num_energies: of how many images the energies are.
        energy: of E(x*), or of E(x) of natural images.
        joint_energy: of E(x*,y), or of E(x,y).
        delta_energy: of ΔE(x) = E(x) − E(x*); None of natural images.
    """

    num_energies: int
    energy: Statistics
    joint_energy: Statistics
    delta_energy: Statistics | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What the model makes of natural images, or of them under one attack.

    Attributes:
        name: NATURAL or the name of the attack.
        seconds: how long it took.
        overall: all images. Under an attack those count as right of which x and every x* that was tried is right.
        classes: those of each class, in the order of the class names.
    """

    name: str
    seconds: float
    overall: Group
    classes: tuple[Group, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """One checkpoint under some attacks.

    Attributes:
        checkpoint: path of the file when it was evaluated.
        digest: SHA-256 of the file, in hex.
        epoch: of the run after which it was saved; None outside a run.
        run_id: of the run; None outside a run.
        data: what the images are of, as ``--data`` takes it.
        split: test, probe or train.
        class_names: by label.
        eps: radius of the l∞ ball in [0, 1] pixel units.
        seed: of random starts and targets.
        batch_size: images at a time, which decides which start an image gets.
        device: what it was computed on.
        image_mode: what the images were converted to; None where they were not.
        notes: what was stripped, ignored or inferred of the checkpoint.
        asked: names of the attacks that were to be measured; those that are have a row in ``inputs``.
        num_broken: images for which some logits were not finite; they count as wrong.
        inputs: natural images first, then each attack.
        worst: images that are right whatever was tried: all, then those of each class.
        created: when it began, ISO 8601 in UTC.
        versions: of Python and the libraries.
        git_revision: of the checkout that measured, None without one.
    """

    checkpoint: str
    digest: str
    epoch: int | None
    run_id: str | None
    data: str
    split: str
    class_names: tuple[str, ...]
    eps: float
    seed: int
    batch_size: int
    device: str
    image_mode: str | None
    notes: tuple[str, ...]
    asked: tuple[str, ...]
    num_broken: int
    inputs: tuple[Inputs, ...]
    worst: tuple[Tally, ...]
    created: str
    versions: Mapping[str, str]
    git_revision: str | None

    @property
    def natural(self) -> Inputs:
        """Natural images."""
        return self.inputs[0]

    @property
    def attacks(self) -> tuple[Inputs, ...]:
        """The attacks that were measured."""
        return self.inputs[1:]

    @property
    def num(self) -> int:
        """Images."""
        return self.natural.overall.num


def wilson(correct: int, num: int) -> tuple[float, float]:
    """The interval in which a share lies of which ``correct`` out of ``num`` were seen, at 95 % (Wilson 1927)."""
    share, wide = correct / num, _Z**2 / num
    centre = share + wide / 2
    reach = _Z * math.sqrt(share * (1 - share) / num + wide / (4 * num))
    low, high = (centre - reach) / (1 + wide), (centre + reach) / (1 + wide)
    return (0.0 if correct == 0 else low, 1.0 if correct == num else high)
