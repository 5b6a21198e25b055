"""Class agreement: how many samples an independent classifier takes for what they are meant to be."""

import numpy as np
from numpy.typing import NDArray


def agreement(
    predicted: NDArray[np.int64], intended: NDArray[np.int64], num_classes: int
) -> tuple[float, tuple[float | None, ...]]:
    """Share of samples whose intended label a judge predicts, overall and by class.

    This is the classification accuracy score of Ravuri & Vinyals (2019) turned round: there the classifier learns from
    samples and is tested on real images; here it learns from real images and is asked about samples.

    Args:
        predicted: (N,) labels that the judge gives.
        intended: (N,) labels that the samples were made for.
        num_classes: how many classes there are.

    Returns:
        the share of all samples, N at least 1, and one share per class, None for a class without samples.
    """
    right = predicted == intended
    shares = (right[intended == label] for label in range(num_classes))
    return float(right.mean()), tuple(float(share.mean()) if len(share) else None for share in shares)
