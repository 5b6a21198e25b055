"""Random crops and flips of a batch, on the device that holds it; the random part is drawn apart from its use."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.errors import WorkbenchError
from trainers.seeding import seeded_generator
from trainers.spec import Augment

PADDING = 4
"""Rows and columns around an image before it is cropped back to its size, as in the field's loops."""

Around = Literal["constant", "reflect"]
"""What they hold: zeros (black), or the image mirrored at its edge, the outermost pixels not twice."""

KINDS: Mapping[Augment, tuple[Around, bool]] = {
    "crop": ("constant", False),
    "crop-flip": ("constant", True),
    "reflect-crop-flip": ("reflect", True),
}
"""What is around the images, and whether they are mirrored."""


class Draws(NamedTuple):
    """What chance decides of a batch: the upper left corner (B,), (B,) of each crop in the padded image, and its flip.

    Corners lie in 0..2·PADDING; PADDING, PADDING is the image where it was. ``flip`` (B,) is true for a mirrored image.
    """

    top: Tensor
    left: Tensor
    flip: Tensor


def draw(num: int, *, device: torch.device, seed: int, step: int) -> Draws:
    """The draws for a batch of ``num`` images: a function of the run's seed and of the step alone."""
    generator = seeded_generator(device, seed, "augment", step)
    top, left = torch.randint(0, 2 * PADDING + 1, (2, num), generator=generator, device=device).unbind()
    return Draws(top, left, torch.randint(0, 2, (num,), generator=generator, device=device).bool())


def crop_flip(x: Tensor, draws: Draws, around: Around = "constant") -> Tensor:
    """Images (B, C, H, W) padded, cropped at their corners and mirrored where ``flip`` is true; a copy."""
    height, width = x.shape[-2:]
    rows = draws.top[:, None] + torch.arange(height, device=x.device)
    across = torch.arange(width, device=x.device)
    columns = draws.left[:, None] + torch.where(draws.flip[:, None], across.flip(0), across)
    padded = F.pad(x, (PADDING,) * 4, mode=around)
    images = torch.arange(len(x), device=x.device)[:, None, None, None]
    channels = torch.arange(x.shape[1], device=x.device)[:, None, None]
    return padded[images, channels, rows[:, None, :, None], columns[:, None, None, :]]


def augmented(x: Tensor, kind: Augment, draws: Draws) -> Tensor:
    """A batch as it is trained on: unchanged, or by ``crop_flip`` as its kind says."""
    if kind == "none":
        return x
    around, mirrored = KINDS[kind]
    return crop_flip(x, draws if mirrored else draws._replace(flip=torch.zeros_like(draws.flip)), around)


def check_size(kind: Augment, height: int, width: int) -> None:
    """See whether images are large enough.

    Raises:
        WorkbenchError: they cannot be mirrored so far beyond their edge.
    """
    if kind != "none" and KINDS[kind][0] == "reflect" and min(height, width) <= PADDING:
        raise WorkbenchError(f"--augment {kind} needs images larger than {PADDING} pixels; got {height}×{width}")
