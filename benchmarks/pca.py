"""Class-wise PCA of real images against scikit-learn's own solvers, and reading it again.

    python benchmarks/pca.py --data folder:DIR [--per-class 5000] [--classes 10] [--rounds 1] [--skip full]

For every class in turn our fit and each solver fit the same float32 matrix of the same images; solvers take turns, so
that a machine that drifts drifts under all. A ratio is our time over all classes by that solver's. Two jobs: 95 % of
the variance, and 50 components. The solvers that cannot take a share of variance (randomized, arpack) get, in the
first job, the number of components that our fit found: something that nobody knows beforehand.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from trainers.data import load_data
from workbench.pca import PCAFacts, PCASpec, fit_class_pca, load_pca, pca_path, save_pca

JOBS = (PCASpec(variance=0.95), PCASpec(components=50))
SOLVERS = ("covariance_eigh", "full", "randomized", "arpack")
EXACT = ("covariance_eigh", "full")
OURS = "workbench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder:DIR or npz:FILE")
    parser.add_argument("--per-class", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--skip", default="", help="solvers to leave out, with commas between")
    arguments = parser.parse_args()
    solvers = [solver for solver in SOLVERS if solver not in arguments.skip.split(",")]
    classes, names, shape = _classes(arguments.data, arguments.per_class, arguments.classes)
    threads = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
    sizes = "×".join(map(str, (len(classes), len(classes[0]), classes[0].shape[1])))
    print(f"{sizes} (classes × images × pixels), {threads} threads, {arguments.rounds} rounds")
    print("\n| kept | | s a class | our time / its | components, all classes |\n|---|---|---|---|---|")
    for spec in JOBS:
        _compare(spec, solvers, classes, arguments.rounds)
    _reload(classes, names, shape)


def _classes(data: str, per_class: int, num: int) -> tuple[list[NDArray[np.uint8]], tuple[str, ...], tuple[int, ...]]:
    """The first images of the first classes, flattened."""
    loaded = load_data(data, probe_size=1)
    names = loaded.class_names[:num]
    images = np.concatenate([loaded.train.images.numpy(), loaded.probe.images.numpy()])
    labels = np.concatenate([loaded.train.labels.numpy(), loaded.probe.labels.numpy()])
    own = [images[labels == label][:per_class] for label in range(len(names))]
    return [x.reshape(len(x), -1) for x in own], names, images.shape[1:]


def _compare(spec: PCASpec, solvers: list[str], classes: list[NDArray[np.uint8]], rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in (OURS, *solvers)}
    kept: dict[str, int] = dict.fromkeys(times, 0)
    for _ in range(rounds):
        kept = dict.fromkeys(times, 0)
        for x in classes:
            facts = _facts(spec, ("one",), (1, 1, x.shape[1]))
            labels = np.zeros(len(x), dtype=np.int64)
            ours = _timed(lambda x=x, facts=facts, labels=labels: fit_class_pca(x, labels, facts, scale=1 / 255))
            times[OURS].append(ours[0])
            found = int(ours[1].num_components[0])
            kept[OURS] += found
            for solver in solvers:
                wanted = spec.variance if solver in EXACT and spec.variance is not None else found
                matrix = x.astype(np.float32) / np.float32(255)
                pca = PCA(wanted, svd_solver=solver, random_state=0, copy=False)
                took, fitted = _timed(lambda pca=pca, matrix=matrix: pca.fit(matrix))
                times[solver].append(took)
                kept[solver] += fitted.n_components_
    job = "95 % of the variance" if spec.components is None else f"{spec.components} components"
    for name, seconds in times.items():
        mark = "*" if spec.components is None and name not in (OURS, *EXACT) else ""
        ratio = sum(times[OURS]) / sum(seconds)
        print(f"| {job} | {name}{mark} | {statistics.mean(seconds):.2f} | {ratio:.2f} | {kept[name]} |", flush=True)


def _reload(classes: list[NDArray[np.uint8]], names: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Write and read a PCA of all classes with 217 components each (mean of CIFAR-10 at 95 % is about 190)."""
    spec = PCASpec(components=217)
    labels = np.repeat(np.arange(len(classes)), [len(x) for x in classes])
    pca = fit_class_pca(np.concatenate(classes), labels, _facts(spec, names, shape), scale=1 / 255)
    with tempfile.TemporaryDirectory() as folder:
        path = pca_path(Path(folder), spec)
        save_pca(path, pca)
        seconds = [_timed(lambda: load_pca(path))[0] for _ in range(9)]
        size = path.stat().st_size / 1e6
    print(f"\nreading {size:.1f} MB again: median {statistics.median(seconds):.3f} s, most {max(seconds):.3f} s")


def _facts(spec: PCASpec, names: tuple[str, ...], shape: tuple[int, ...]) -> PCAFacts:
    return PCAFacts(
        data="benchmark",
        data_source="benchmark",
        data_digest="",
        train_size=None,
        probe_size=None,
        class_names=names,
        image_shape=shape,
        space=spec.space,
        variance=spec.variance,
        num_components=spec.components,
        local=spec.local,
        seed=spec.seed,
        checkpoint_digest=None,
        versions={},
        created="",
    )


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = run()
    return time.perf_counter() - started, value


if __name__ == "__main__":
    main()
