"""Randomness by position: every draw depends on the run's seed and on where it stands, never on what was drawn before.

A resumed run therefore needs no generator state, and noise does not depend on how often the run was interrupted.
"""

import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from trainers.team import WHOLE, Share


class SharedGenerator(torch.Generator):
    """One process's generator of a batch that several share: ``drawn`` draws for all and takes this process's part."""

    share: Share = WHOLE


def drawn(like: Tensor, generator: torch.Generator, fill: Callable[[Tensor], Tensor]) -> Tensor:
    """What ``fill`` draws into a tensor of the shape of ``like``, samples first, laid out as ``like``.

    It draws in one order of pixels, and under a SharedGenerator for the whole batch: chance depends neither on the
    memory format of a run nor on the number of its processes.
    """
    share = generator.share if isinstance(generator, SharedGenerator) else WHOLE
    num = len(like) if share.size == 1 else share.num
    mine = share.of(fill(like.new_empty((num, *like.shape[1:]))))
    return mine if mine.is_contiguous() and like.is_contiguous() else torch.empty_like(like).copy_(mine)


def seeded_generator(
    device: torch.device, seed: int, purpose: str, position: int = 0, share: Share = WHOLE
) -> torch.Generator:
    """A generator on ``device`` for one purpose ("order", "attack", ...) at one position (epoch or step).

    ``share``: the part of a batch that it draws for; all by default.
    """
    generator = torch.Generator(device=device)
    if share.size > 1:
        generator = SharedGenerator(device=device)
        generator.share = share
    entropy = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), position])
    return generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0]) >> 1)
