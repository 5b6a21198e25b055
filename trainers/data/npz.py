"""Arrays in a .npz file: x_train, y_train and, optionally, x_probe, y_probe, x_test, y_test, class_names."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data.split import Data, Split, assemble, choose, stratified_order
from trainers.errors import WorkbenchError

MAX_CLASSES = 100_000
"""More than any labelled image set has; a larger label is a mistake."""


def load_npz(path: Path, train_size: int, probe_size: int) -> Data:
    """Images as (N, H, W), (N, H, W, C) or (N, C, H, W), uint8 or floats in [0, 1]; integer labels (N,).

    Without x_probe the probe split is carved out of the training images. Nothing is unpickled.

    Raises:
        WorkbenchError: a missing or unreadable file, a missing array, or arrays of another shape, type or range.
    """
    arrays = _read(path, ("x_train", "y_train", "x_probe", "y_probe", "class_names"))
    images, labels = _pair(path, arrays, "train")
    if "x_probe" in arrays:
        train_rows, _ = choose(labels, train_size, 0)
        probe_images = _images(path, "x_probe", arrays["x_probe"])
        probe_labels = _labels(path, "y_probe", arrays.get("y_probe", np.empty(0)))
        _same_length(path, probe_images, probe_labels)
        if probe_images.shape[1:] != images.shape[1:]:
            raise WorkbenchError(f"{path}: x_probe and x_train hold images of different shapes")
        probe = _split(probe_images, probe_labels, stratified_order(probe_labels)[:probe_size])
    else:
        train_rows, probe_rows = choose(labels, train_size, probe_size)
        probe = _split(images, labels, probe_rows)
    class_names = _class_names(path, arrays.get("class_names"), int(labels.max()) + 1)
    return assemble(f"npz:{path}", class_names, _split(images, labels, train_rows), probe)


def load_npz_test(path: Path) -> Split:
    """The images x_test with the labels y_test, all of them, in the formats of ``load_npz``.

    Raises:
        WorkbenchError: a missing or unreadable file, a missing array, or arrays of another shape, type or range; labels
            that training did not know.
    """
    arrays = _read(path, ("x_test", "y_test", "y_train", "class_names"))
    images, labels = _pair(path, arrays, "test")
    if "y_train" in arrays:
        trained_on = _labels(path, "y_train", arrays["y_train"])
        num_classes = len(_class_names(path, arrays.get("class_names"), int(trained_on.max()) + 1))
        if labels.max() >= num_classes:
            raise WorkbenchError(f"{path}: test labels must lie in 0..{num_classes - 1}")
    return _split(images, labels, np.arange(len(labels)))


def _pair(
    path: Path, arrays: Mapping[str, NDArray[np.generic]], split: str
) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """Images and labels of a split that the file must hold."""
    x, y = f"x_{split}", f"y_{split}"
    for name in (x, y):
        if name not in arrays:
            raise WorkbenchError(f"{path} holds no array {name}; it needs {x} and {y}")
    images, labels = _images(path, x, arrays[x]), _labels(path, y, arrays[y])
    _same_length(path, images, labels)
    return images, labels


def _read(path: Path, wanted: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in wanted if name in file.files}
    except FileNotFoundError:
        raise WorkbenchError(f"no such file: {path}") from None
    except (OSError, ValueError, AttributeError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise WorkbenchError(f"{path} is not a readable .npz of plain arrays: {error}") from None


def _images(path: Path, name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[-1] in (1, 3) and array.shape[1] not in (1, 3):
        array = np.moveaxis(array, -1, 1)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not array.size:
        shapes = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels"
        raise WorkbenchError(f"{path}: {name} must hold images as {shapes}; got {array.shape}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind != "f" or not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise WorkbenchError(f"{path}: {name} must be uint8, or floats in [0, 1]")
    return np.ascontiguousarray(array, dtype=np.float32)


def _labels(path: Path, name: str, array: NDArray[np.generic]) -> NDArray[np.int64]:
    flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1 or flat.dtype.kind not in "iu" or not len(flat) or flat.min() < 0:
        raise WorkbenchError(f"{path}: {name} must be whole numbers (N,), at least 0")
    return flat.astype(np.int64)


def _class_names(path: Path, names: NDArray[np.generic] | None, num_classes: int) -> tuple[str, ...]:
    if num_classes > MAX_CLASSES:
        raise WorkbenchError(
            f"{path}: y_train goes up to {num_classes - 1}; at most {MAX_CLASSES} classes are supported"
        )
    if names is None:
        return tuple(map(str, range(num_classes)))
    if names.ndim != 1 or names.dtype.kind not in "US" or len(names) > MAX_CLASSES:
        raise WorkbenchError(f"{path}: class_names must be a list of texts, at most {MAX_CLASSES}")
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names.tolist())


def _same_length(path: Path, images: NDArray[np.generic], labels: NDArray[np.int64]) -> None:
    if len(images) != len(labels):
        raise WorkbenchError(f"{path}: {len(images)} images but {len(labels)} labels")


def _split(images: NDArray[np.generic], labels: NDArray[np.int64], rows: NDArray[np.int64]) -> Split:
    return Split(
        images=torch.from_numpy(images[rows]),
        scale=1 / 255 if images.dtype == np.uint8 else 1.0,
        labels=torch.from_numpy(labels[rows]),
        index=torch.from_numpy(rows),
    )
