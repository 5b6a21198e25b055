"""Which scikit-learn solver fits a matrix fastest.

Measured with scikit-learn 1.9 on float32 matrices, one thread, seconds (``benchmarks/pca.py`` for CIFAR-10's shape):

=========================  ======  ===============  ==============  ===============
samples × dimensions       full    covariance_eigh  randomized, 50  randomized, 200
=========================  ======  ===============  ==============  ===============
500 × 3,072                0.29    10.8             0.08            0.26
1,250 × 3,072              1.8     11.2             0.26            0.49
2,500 × 3,072              8.5     10.9             0.50            1.4
5,000 × 3,072              21      11               0.7             2.1
1,000 × 512                0.060   0.068            0.019
5,000 × 512                0.21    0.11             0.086
=========================  ======  ===============  ==============  ===============
"""

FULL, COVARIANCE, RANDOMIZED = "full", "covariance_eigh", "randomized"
LARGE = 500
FEW = 4


def choose_solver(num_samples: int, dim: int, num_components: int | None) -> str:
    """The solver for a matrix (num_samples, dim) of which ``num_components`` are wanted, or a share of variance (None).

    A share of variance needs the whole spectrum, so an exact solver: the eigenvectors of the covariance matrix where
    there are at least as many samples as dimensions, the singular value decomposition of the samples where there are
    fewer. A fixed, small number of components of a large matrix (at most a quarter of its smaller side, which is at
    least 500) is left to the randomised solver (Halko, Martinsson and Tropp 2011), 2 to 10 times as fast and
    approximate.
    """
    side = min(num_samples, dim)
    if num_components is not None and side >= LARGE and num_components * FEW <= side:
        return RANDOMIZED
    return COVARIANCE if num_samples >= dim else FULL
