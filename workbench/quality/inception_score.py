"""The inception score: are single images recognised with confidence, and all of them together diverse?"""

import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore

from workbench.quality.quiet import quiet_and_seeded

SPLITS = 10
MIN_SPLIT = 100
"""Fewer images than this in each of the 10 splits say nothing about their spread."""
_LEAST_LOG_PROBABILITY = -700.0
"""exp of this is still above 0 in float64: torchmetrics takes 0 · log 0 for NaN where a class is never predicted."""


def inception_score(logits: Tensor, *, seed: int) -> tuple[float, float | None, int]:
    """exp(mean KL(p(y|x) ‖ p(y))), its mean and standard deviation over splits: from 1 to the number of classes.

    Salimans et al. (2016), Improved Techniques for Training GANs, section 4. Computed by torchmetrics in float64.

    Args:
        logits: (N, K) of the network whose opinion counts, N at least 1.
        seed: of the shuffle before the images are split.

    Returns:
        the score, its standard deviation (ddof 1) and the number of splits: 10 where each holds at least 100 images,
        else 1, for which there is no deviation.
    """
    splits = SPLITS if len(logits) >= SPLITS * MIN_SPLIT else 1
    log_probabilities = logits.double().log_softmax(dim=1).clamp(min=_LEAST_LOG_PROBABILITY)
    with quiet_and_seeded(seed):
        metric = InceptionScore(feature=nn.Identity(), splits=splits)
        metric.update(log_probabilities)
        mean, std = metric.compute()
    return float(mean), float(std) if torch.isfinite(std) else None, splits
