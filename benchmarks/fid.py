"""Cost of the Fréchet distance of two sets of features, as a ratio to what it cannot do without.

    python benchmarks/fid.py [--rounds 7] [--threads 1] [--torchmetrics-rounds 1]

The yardstick: ``numpy.cov`` of both sets plus one ``scipy.linalg.eigh`` of a covariance. Features are random, with
correlations whose spectrum falls by e every 300 components, float32 as networks give them; both sides start from them.
Each round times everything in turn; a ratio is the median of the rounds' own ratios.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--torchmetrics-rounds", type=int, default=1)
    parser.add_argument("--num", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=2_048)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(arguments.threads)
    _measure(arguments)


def _measure(arguments: argparse.Namespace) -> None:
    import numpy as np
    import scipy
    import torch
    from scipy.linalg import eigh
    from torch import nn
    from torchmetrics.image.fid import FrechetInceptionDistance

    from workbench.quality.frechet import frechet_distance, moments_of

    torch.set_num_threads(arguments.threads)
    num, width = arguments.num, arguments.width
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(width, width)) / width**0.5 * np.exp(-np.arange(width) / 300)
    a, b = (
        (generator.normal(size=(num, width)) @ mixing * scale + shift).astype(np.float32)
        for scale, shift in ((1.0, 0.0), (1.1, 0.1))
    )
    batch = 256
    blocks_a, blocks_b = (np.split(x, range(batch, num, batch)) for x in (a, b))

    class Identity(nn.Identity):
        num_features = width

    def torchmetrics() -> float:
        metric = FrechetInceptionDistance(feature=Identity(), normalize=True).set_dtype(torch.float64)
        for real, blocks in ((True, blocks_a), (False, blocks_b)):
            for block in blocks:
                metric.update(torch.from_numpy(block).double(), real=real)
        return float(metric.compute())

    def timed(run: Callable[[], object]) -> tuple[object, float]:
        started = time.perf_counter()
        value = run()
        return value, time.perf_counter() - started

    print(f"numpy {np.__version__}, scipy {scipy.__version__}, {arguments.threads} threads, {arguments.rounds} rounds")
    ratios, parts, slow = [], [], []
    for number in range(arguments.rounds + 1):
        covariances, seconds_cov = timed(lambda: [np.cov(x, rowvar=False, dtype=np.float64) for x in (a, b)])
        _, seconds_eigh = timed(lambda covariances=covariances: eigh(covariances[0]))
        moments, seconds_moments = timed(lambda: [moments_of(blocks_a), moments_of(blocks_b)])
        ours, seconds_distance = timed(lambda moments=moments: frechet_distance(*moments))
        if number:  # the first round warms up
            parts.append((seconds_cov, seconds_eigh, seconds_moments, seconds_distance))
            ratios.append((seconds_moments + seconds_distance) / (seconds_cov + seconds_eigh))
        if 0 < number <= arguments.torchmetrics_rounds:
            theirs, seconds_theirs = timed(torchmetrics)
            slow.append(seconds_theirs / (seconds_moments + seconds_distance))
            print(f"FID {ours:.6f}, torchmetrics {theirs:.6f}")
    cov, decomposition, moments_seconds, distance = (statistics.median(column) for column in zip(*parts, strict=True))
    print(f"\n| {num:,} × {width:,} | seconds |\n|---|---|")
    print(f"| two numpy.cov | {cov:.2f} |\n| one scipy.linalg.eigh | {decomposition:.2f} |")
    print(f"| ours: two streaming moments | {moments_seconds:.2f} |\n| ours: distance | {distance:.2f} |")
    print(f"\nours / (two covariances + one eigh): {statistics.median(ratios):.2f}", end="")
    print(f" ({min(ratios):.2f} to {max(ratios):.2f})")
    if slow:
        print(f"torchmetrics / ours: {statistics.median(slow):.1f}")


if __name__ == "__main__":
    main()
