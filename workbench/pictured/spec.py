"""Which samples are wanted as pictures, and where those that were made lie. Needs nothing but names."""

import re
from dataclasses import dataclass
from pathlib import Path

from trainers.errors import WorkbenchError

SPLITS = ("train", "probe")
MOST_SAMPLES = 256

_ATTACK = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureSpec:
    """Samples and what is done to them.

    Attributes:
        samples: stable indices, each once.
        split: "train" or "probe".
        attack: name of the attack that makes x*; None for the one that the run's log shows of the split: the training
            attack, or PGD-10 of the probe set.
        seed: of random starts; the start of a sample depends on this and its index alone.

    Raises:
        WorkbenchError: no samples, too many, one twice, or no such split.
    """

    samples: tuple[int, ...]
    split: str = "train"
    attack: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.samples) <= MOST_SAMPLES:
            raise WorkbenchError(f"give 1 to {MOST_SAMPLES} samples at a time, not {len(self.samples)}")
        twice = next((one for i, one in enumerate(self.samples) if one in self.samples[:i]), None)
        if twice is not None:
            raise WorkbenchError(f"sample {twice} is named twice; name each once")
        if self.split not in SPLITS:
            raise WorkbenchError(f"split must be one of {', '.join(SPLITS)}, not {self.split!r}")
        if not 0 <= self.seed < 2**32:
            raise WorkbenchError(f"seed must lie in 0..{2**32 - 1}, not {self.seed}")


def pictures_path(derived: Path, *, digest: str, split: str, attack: str) -> Path | None:
    """Where pictures of a checkpoint lie: ``images-train-fgsm-1f3a5c7e9b0d.safetensors``.

    Args:
        derived: folder of what is made from the run.
        digest: SHA-256 of the checkpoint in hex, of which twelve digits are in the name.
        split: "train" or "probe".
        attack: name of the attack, from anywhere.

    Returns:
        The path; None where the attack's name could not be one.
    """
    if split not in SPLITS or not _ATTACK.fullmatch(attack):
        return None
    return derived / f"images-{split}-{attack}-{digest[:12]}.safetensors"
