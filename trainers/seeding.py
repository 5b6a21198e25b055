"""Randomness by position: every draw depends on the run's seed and on where it stands, never on what was drawn before.

A resumed run therefore needs no generator state, and noise does not depend on how often the run was interrupted.
"""

import zlib

import numpy as np
import torch


def seeded_generator(device: torch.device, seed: int, purpose: str, position: int = 0) -> torch.Generator:
    """A generator on ``device`` for one purpose ("order", "attack", ...) at one position (epoch or step)."""
    generator = torch.Generator(device=device)
    entropy = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), position])
    return generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0]) >> 1)
