"""Statistics of the reference images under a network, computed once and kept in a cache."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from trainers.checkpoints import write_atomically
from trainers.data.split import stratified_order
from trainers.errors import WorkbenchError
from workbench.quality.against import Against
from workbench.quality.embedding import embedded
from workbench.quality.extractors import Extractor, check_images
from workbench.quality.frechet import Moments, moments_of
from workbench.quality.working import Working

FORMAT = "workbench-reference-1"
MAX_FEATURES = 10_000
"""Features that are kept one by one, for nearest neighbours and kernels; their classes are in proportion."""
_TYPES = {"num": np.int64, "mean": np.float64, "covariance": np.float64, "features": np.float32}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What scores need of a reference.

    Attributes:
        name: the data set.
        split: "train" or "test".
        moments: of the features of all images.
        features: (M, F) float32, M ≤ 10,000.
        num_classes: how many classes the data set has.
        cached: whether the statistics were read rather than computed.
    """

    name: str
    split: str
    moments: Moments
    features: Tensor
    num_classes: int
    cached: bool


def default_cache() -> Path:
    """The user's cache folder for this program (XDG_CACHE_HOME is respected)."""
    return user_cache_path("workbench") / "references"


def reference_statistics(extractor: Extractor, against: Against, *, cache: Path, working: Working) -> Reference:
    """Moments and features of reference images: from the cache, or computed and put there.

    A file is used only if its header names the same network, the same images and labels, and the same split. A damaged
    one is replaced, and a cache that cannot be written is done without; both are said.

    Raises:
        WorkbenchError: images that the network does not take, features that are not finite, or fewer than 2 images.
    """
    check_images(extractor, against.image_shape, against.name)
    key = {
        "format": FORMAT,
        "extractor": extractor.digest,
        "data": against.images.digest(),
        "split": against.split,
        "max_features": str(MAX_FEATURES),
    }
    path = cache / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.safetensors"
    found = _read(path, key, min(MAX_FEATURES, len(against.images)), working)
    moments, features = found if found is not None else _compute(extractor, against, working)
    if found is None:
        _write(path, key, moments, features, working)
    return Reference(
        name=against.name,
        split=against.split,
        moments=moments,
        features=torch.from_numpy(features),
        num_classes=len(against.class_names),
        cached=found is not None,
    )


def _compute(extractor: Extractor, against: Against, working: Working) -> tuple[Moments, NDArray[np.float32]]:
    split = against.images
    chosen = np.zeros(len(split), dtype=bool)
    chosen[stratified_order(split.labels.numpy())[:MAX_FEATURES]] = True
    kept: list[NDArray[np.float32]] = []

    def blocks() -> Iterator[NDArray[np.float32]]:
        start = 0
        for features, _ in embedded(extractor, split, against.title, working):
            block: NDArray[np.float32] = features.numpy()
            kept.append(block[chosen[start : start + len(block)]])
            start += len(block)
            yield block

    moments = moments_of(blocks())
    return moments, np.concatenate(kept)


def _write(path: Path, key: dict[str, str], moments: Moments, features: NDArray[np.float32], working: Working) -> None:
    tensors: dict[str, NDArray[Any]] = {
        "num": np.array([moments.num], dtype=np.int64),
        "mean": moments.mean,
        "covariance": moments.covariance,
        "features": features,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(tensors, key))
    except (OSError, WorkbenchError) as error:
        working.say(f"The statistics of the reference are not cached: {error}.")


def _read(
    path: Path, key: dict[str, str], num_features: int, working: Working
) -> tuple[Moments, NDArray[np.float32]] | None:
    try:
        with safe_open(path, framework="np") as file:
            if (file.metadata() or {}) != key:
                raise ValueError("it is of other data or another network")
            tensors = {name: file.get_tensor(name) for name in _TYPES}
        return _checked(tensors, num_features)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        working.say(f"The cached statistics {path} are damaged ({error}) and are computed again.")
        return None


def _checked(tensors: Mapping[str, NDArray[Any]], num_features: int) -> tuple[Moments, NDArray[np.float32]]:
    num, mean, covariance, features = (tensors[name] for name in _TYPES)
    width = mean.shape[0] if mean.ndim == 1 else 0
    shapes = (num.shape, covariance.shape, features.shape)
    if not width or shapes != ((1,), (width, width), (num_features, width)):
        raise ValueError("arrays of other shapes")
    if any(tensors[name].dtype != kind for name, kind in _TYPES.items()):
        raise ValueError("arrays of other types")
    if not all(np.isfinite(array).all() for array in (mean, covariance, features)) or num[0] < max(2, num_features):
        raise ValueError("numbers that cannot be")
    return Moments(num=int(num[0]), mean=mean, covariance=covariance), features
