"""What a loaded data set is, and the fixed rule by which a probe split is carved out of training data."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.errors import WorkbenchError

_SPLIT_SEED = 20_250_522
"""Fixed for ever: the probe split of a data set depends on its labels and the sizes alone, never on a run's seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Images with their labels and stable indices.

    ``images`` is (N, C, H, W), uint8 or float32; ``scale`` brings it to [0, 1]. ``labels`` and ``index`` are (N,)
    int64; ``index`` counts in the data set's own order, so it survives shuffling, subsets and another probe size.
    """

    images: Tensor
    scale: float
    labels: Tensor
    index: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Images in [0, 1], float32, and labels of some rows."""
        x = self.images[rows].to(torch.float32)
        return (x if self.scale == 1.0 else x.mul_(self.scale)), self.labels[rows]

    def digest(self) -> str:
        """SHA-256 of the images and labels in hex: whether two loaded splits are the same data."""
        found = hashlib.sha256(f"{tuple(self.images.shape)} {self.images.dtype} {self.scale}".encode())
        for tensor in (self.images, self.labels):
            found.update(tensor.cpu().contiguous().numpy().data)
        return found.hexdigest()

    def first(self, num: int) -> "Split":
        """The first ``num`` rows (all, if there are fewer)."""
        return Split(images=self.images[:num], scale=self.scale, labels=self.labels[:num], index=self.index[:num])

    def to(self, device: torch.device) -> "Split":
        """The split with its tensors on a device."""
        return Split(
            images=self.images.to(device),
            scale=self.scale,
            labels=self.labels.to(device),
            index=self.index.to(device),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """A data set as training sees it; ``mean`` and ``std`` are of the training images, per channel."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    probe: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def in_channels(self) -> int:
        """Colour channels of the images."""
        return self.train.images.shape[1]


def choose(labels: NDArray[np.int64], train_size: int, probe_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the training and of the probe split: two stretches of one fixed, stratified order.

    The probe split comes first, so it does not depend on ``train_size``. ``train_size`` 0 takes all that remains.

    Raises:
        WorkbenchError: the probe split would leave nothing to train on, or fewer samples remain than asked for.
    """
    order = stratified_order(labels)
    remaining = len(order) - probe_size
    if remaining < 2 or train_size > remaining:
        wanted = f"{probe_size} probe" + (f" and {train_size} training" if train_size else "")
        sizes = "--train-size or --probe-size" if train_size else "--probe-size"
        raise WorkbenchError(f"{len(order)} images are too few for {wanted} samples; lower {sizes}")
    probe = order[:probe_size]
    train = order[probe_size : probe_size + train_size] if train_size else order[probe_size:]
    return train, probe


def stratified_order(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fixed permutation in which every stretch holds the classes in about their overall proportions."""
    generator = np.random.default_rng(_SPLIT_SEED)
    shuffled = generator.permutation(len(labels))
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(position[shuffled], kind="stable")]


def assemble(
    name: str,
    class_names: tuple[str, ...],
    train: Split,
    probe: Split,
) -> Data:
    """A data set from its splits, with the per-channel statistics of its training images.

    Raises:
        WorkbenchError: labels outside the classes.
    """
    for split in (train, probe):
        if len(split) and not (int(split.labels.min()) >= 0 and int(split.labels.max()) < len(class_names)):
            raise WorkbenchError(f"{name}: labels must lie in 0..{len(class_names) - 1}")
    mean, std = _channel_statistics(train)
    return Data(name=name, class_names=class_names, train=train, probe=probe, mean=mean, std=std)


def _channel_statistics(split: Split, block: int = 4096) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in float64, block by block to bound memory."""
    total = torch.zeros(split.images.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for images in torch.split(split.images, block):
        x = images.to(torch.float64).mul_(split.scale)
        total += x.sum((0, 2, 3))
        squares += x.square_().sum((0, 2, 3))
    count = len(split) * split.images[0, 0].numel()
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0.0).sqrt().clamp_min(1e-3)
    return tuple(mean.tolist()), tuple(std.tolist())
