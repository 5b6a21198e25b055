"""Random crops and flips: against a loop over single images, and the chances of what is drawn."""

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from trainers.data.augment import PADDING, Draws, augmented, check_size, crop_flip, draw
from trainers.errors import WorkbenchError

CPU = torch.device("cpu")


def one_by_one(x: Tensor, draws: Draws, mode: Literal["constant", "reflect"] = "constant") -> Tensor:
    """Each image by itself, in numpy: pad, cut out, mirror."""
    height, width = x.shape[-2:]
    out = []
    for image, top, left, flip in zip(x.numpy(), *(part.tolist() for part in draws), strict=True):
        padded = np.pad(image, [(0, 0), (4, 4), (4, 4)], mode=mode)
        cut = padded[:, top : top + height, left : left + width]
        out.append(cut[:, :, ::-1] if flip else cut)
    return torch.from_numpy(np.stack(out).copy())


@pytest.mark.parametrize("shape", [(40, 3, 32, 32), (30, 1, 8, 8), (20, 2, 5, 9)])
def test_a_batch_is_what_its_images_are_one_by_one(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    draws = draw(len(x), device=CPU, seed=3, step=5)
    before = x.clone()
    assert torch.equal(augmented(x, "crop-flip", draws), one_by_one(x, draws))
    still = draws._replace(flip=torch.zeros(len(x), dtype=torch.bool))
    assert torch.equal(augmented(x, "crop", draws), one_by_one(x, still))
    assert torch.equal(augmented(x, "reflect-crop-flip", draws), one_by_one(x, draws, "reflect"))
    assert augmented(x, "none", draws) is x
    assert torch.equal(x, before), "the data are left alone"


def test_images_that_cannot_be_reflected_so_far_are_refused() -> None:
    check_size("reflect-crop-flip", 5, 5)
    check_size("crop-flip", 4, 4)
    with pytest.raises(WorkbenchError, match="larger than 4 pixels; got 8×4"):
        check_size("reflect-crop-flip", 8, 4)


def test_an_image_in_the_middle_is_the_image() -> None:
    x = torch.rand(2, 3, 6, 7)
    middle = torch.full((2,), PADDING)
    flipped = crop_flip(x, Draws(middle, middle, torch.tensor([False, True])))
    assert torch.equal(flipped, torch.stack([x[0], x[1].flip(2)]))


def test_corners_are_uniform_and_independent_and_half_of_the_images_are_mirrored() -> None:
    num = 81 * 2 * 200
    top, left, flip = draw(num, device=CPU, seed=0, step=0)
    counts = torch.bincount((top * 9 + left) * 2 + flip, minlength=162).double()
    assert len(counts) == 162
    chi_squared = float(((counts - 200) ** 2 / 200).sum())
    assert 161 - 5 * 18 < chi_squared < 161 + 5 * 18  # of 161 degrees of freedom: standard deviation 18
    assert abs(float(flip.double().mean()) - 0.5) < 4 * 0.5 / num**0.5


def test_draws_are_of_the_seed_and_the_step() -> None:
    def found(seed: int, step: int) -> tuple[int, ...]:
        return tuple(
            torch.stack([part.long() for part in draw(20, device=CPU, seed=seed, step=step)]).flatten().tolist()
        )

    assert found(1, 2) == found(1, 2)
    assert len({found(1, 2), found(1, 3), found(2, 2), found(2, 3)}) == 4
