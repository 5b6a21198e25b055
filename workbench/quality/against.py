"""The data that samples are set against, and samples brought into its terms."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data import Data, Split, load_data, load_test
from trainers.data.split import choose, stratified_order
from trainers.dataname import data_kind
from trainers.errors import WorkbenchError
from trainers.recipes import DATA_DEFAULTS
from workbench.quality.extractors import shape_words
from workbench.sampling.samples import Samples

TRAIN, TEST = "train", "test"
SPLITS = (TRAIN, TEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """A data set as the side to compare with.

    Attributes:
        name: as in ``--data``.
        split: "train" or "test", which of its images are the reference.
        class_names: its classes.
        images: the reference images.
        train: what a judge may be trained on.
        held_out: what a judge's own accuracy is measured on: the probe split as training carves it out by default (of
            small data a fifth), no image of ``train``.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    images: Split
    train: Split
    held_out: Split

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(self.images.images.shape[1:])

    @property
    def title(self) -> str:
        """The reference in words."""
        return f"{self.name} ({self.split})"


def load_against(name: str, split: str = TRAIN) -> Against:
    """Load a data set as a reference.

    Args:
        name: as ``--data`` takes it.
        split: "train": all training images, those of the probe split that was carved out of them included, as papers
            take them; "test": the test images.

    Raises:
        WorkbenchError: no such split, data that cannot be loaded, or test images of another shape or other classes.
    """
    if split not in SPLITS:
        raise WorkbenchError(f"unknown split {split!r}; known are {', '.join(SPLITS)}")
    probe_size = DATA_DEFAULTS.get(data_kind(name), {}).get("probe_size", 0)
    data = load_data(name, probe_size=1)
    whole = _whole(data)
    if whole is None:  # a probe set of its own
        data = load_data(name, probe_size=probe_size)
        whole, train, held_out = data.train, data.train, data.probe
    else:
        held = probe_size if len(whole) >= 2 * probe_size else len(whole) // 5
        train_rows, probe_rows = choose(whole.labels.numpy(), 0, held)
        train, held_out = _rows(whole, train_rows), _rows(whole, probe_rows)
    images = whole if split == TRAIN else load_test(name)
    if images.images.shape[1:] != data.train.images.shape[1:]:
        found, expected = tuple(images.images.shape[1:]), tuple(data.train.images.shape[1:])
        raise WorkbenchError(
            f"{name}: test images are {shape_words(found)}, but training images are {shape_words(expected)}"
        )
    if int(images.labels.max()) >= len(data.class_names):
        raise WorkbenchError(f"{name}: test labels must lie in 0..{len(data.class_names) - 1}")
    return Against(
        name=data.name,
        split=split,
        class_names=data.class_names,
        images=images,
        train=train,
        held_out=held_out,
    )


def fit_samples(samples: Samples, against: Against, num: int | None = None) -> Split:
    """Samples as images and labels in the numbering of the reference's classes.

    Args:
        samples: what was generated; their classes may be some of the reference's.
        against: the reference.
        num: take so many, with the classes in their proportions; None for all.

    Raises:
        WorkbenchError: fewer than 2 samples or than ``num``, or another image shape or other classes.
    """
    if len(samples.images) < 2:
        raise WorkbenchError(f"{samples.name} holds fewer than 2 images; scores need at least 2, better thousands")
    if num is not None and num > len(samples.images):
        raise WorkbenchError(f"{samples.name} holds {len(samples.images)} images, fewer than --num {num}")
    shape = tuple(samples.images.shape[1:])
    if shape != against.image_shape:
        raise WorkbenchError(
            f"images of {samples.name} are {shape_words(shape)}, but those of {against.name} are"
            f" {shape_words(against.image_shape)}"
        )
    number = {name: i for i, name in enumerate(against.class_names)}
    if not 0 <= samples.labels.min() <= samples.labels.max() < len(samples.class_names):
        raise WorkbenchError(f"{samples.name} has labels without a class name; sample again")
    unknown = [name for name in samples.class_names if name not in number]
    if unknown:
        raise WorkbenchError(f"{samples.name} has a class {unknown[0]!r}, which {against.name} has not")
    own = np.array([number[name] for name in samples.class_names], dtype=np.int64)
    rows = np.sort(stratified_order(samples.labels)[:num])
    return Split(
        images=torch.from_numpy(samples.images[rows]),
        scale=1 / 255,
        labels=torch.from_numpy(own[samples.labels[rows]]),
        index=torch.from_numpy(rows),
    )


def _whole(data: Data) -> Split | None:
    """The training images together with the probe images carved out of them, in the data set's order.

    None for a probe set of its own (x_probe of an .npz): its indices are those of training images too.
    """
    train, probe = data.train, data.probe
    if bool(torch.isin(probe.index, train.index).any()):
        return None
    order = torch.cat([train.index, probe.index]).argsort()
    return Split(
        images=torch.cat([train.images, probe.images])[order],
        scale=train.scale,
        labels=torch.cat([train.labels, probe.labels])[order],
        index=torch.cat([train.index, probe.index])[order],
    )


def _rows(split: Split, rows: NDArray[np.int64]) -> Split:
    chosen = torch.from_numpy(rows)
    return Split(images=split.images[chosen], scale=split.scale, labels=split.labels[chosen], index=split.index[chosen])
