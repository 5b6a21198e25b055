"""The kernel inception distance: squared maximum mean discrepancy under a cubic kernel, without the bias of FID."""

from torch import Tensor, nn
from torchmetrics.image.kid import KernelInceptionDistance

from workbench.quality.quiet import quiet_and_seeded

SUBSETS, MAX_SUBSET_SIZE = 100, 1000


def kernel_distance(features: Tensor, reference: Tensor, *, seed: int) -> tuple[float, float, int]:
    """Mean and standard deviation over 100 random subsets of the unbiased MMD² with k(x, y) = (x·y/F + 1)³.

    Bińkowski et al. (2018), Demystifying MMD GANs, section 4. Computed by torchmetrics in float64. Unbiased, so it may
    come out below 0. Deviation: a subset takes at most half of the smaller set (and at least 2 images), so that
    subsets of few images differ from each other; from 2,000 images on it is the paper's 1,000.

    Args:
        features: (N, F), N at least 2.
        reference: (M, F), M at least 2.
        seed: of the subsets.

    Returns:
        mean, standard deviation and the size of the subsets.
    """
    size = max(2, min(MAX_SUBSET_SIZE, min(len(features), len(reference)) // 2))
    with quiet_and_seeded(seed):
        metric = KernelInceptionDistance(feature=nn.Identity(), subsets=SUBSETS, subset_size=size)
        metric.update(reference.double(), real=True)
        metric.update(features.double(), real=False)
        mean, std = metric.compute()
    return float(mean), float(std), size
