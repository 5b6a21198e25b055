"""The images that checkpoints are probed on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from trainers.data import Split, load_data, load_test
from trainers.data.split import stratified_order
from trainers.dataname import data_kind
from trainers.errors import WorkbenchError
from trainers.recipes import DATA_DEFAULTS

SPLITS = ("probe", "train", "test")
IMAGE_MODES = {"grey": 1, "rgb": 3}
"""``--image-mode`` and the channels that it makes."""

_LUMA = (19595, 38470, 7471)
"""Weights of R, G and B in 1/65536: ITU-R 601, as Pillow makes grey of colour."""


def load_images(data: str, split: str, num: int | None, facts: Mapping[str, Any]) -> tuple[Split, tuple[str, ...]]:
    """The images of a split with the names of their classes, ``num`` of them in about the proportions of the classes.

    Args:
        data: as ``--data`` takes it.
        split: probe (held out of the training images by a fixed rule), train or test.
        num: how many; None for all, of the probe split for the size that training holds out.
        facts: what one of our checkpoints says of its data; empty for others.

    Raises:
        WorkbenchError: missing or broken data, or fewer images than asked for.
    """
    if split not in SPLITS:
        raise WorkbenchError(f"--split must be one of {', '.join(SPLITS)}; got {split!r}")
    if num is not None and num < 1:
        raise WorkbenchError(f"--num must be at least 1; got {num}")
    held_out = facts.get("probe_size")
    if not isinstance(held_out, int):
        held_out = int(DATA_DEFAULTS.get(data_kind(data), {}).get("probe_size", 1000))
    if split == "probe":
        loaded = load_data(data, train_size=1, probe_size=num or held_out)
        return _subset(loaded.probe, num), loaded.class_names
    loaded = load_data(data, train_size=(num or 0) if split == "train" else 1, probe_size=held_out)
    images = loaded.train if split == "train" else load_test(data)
    return _subset(images, num), loaded.class_names


def _subset(split: Split, num: int | None) -> Split:
    """``num`` images by the fixed, stratified order, in the split's own order."""
    if num is None or num == len(split):
        return split
    if num > len(split):
        raise WorkbenchError(f"--num {num} is more than the {len(split)} images of the split; lower it")
    rows = torch.from_numpy(np.sort(stratified_order(split.labels.numpy())[:num]))
    return replace(split, images=split.images[rows], labels=split.labels[rows], index=split.index[rows])


def to_mode(split: Split, mode: str | None) -> Split:
    """The images with the channels of a mode of IMAGE_MODES; as they are without one.

    Raises:
        WorkbenchError: no such mode.
    """
    if mode is None:
        return split
    if mode not in IMAGE_MODES:
        raise WorkbenchError(f"--image-mode must be one of {', '.join(IMAGE_MODES)}; got {mode!r}")
    channels = split.images.shape[1]
    if channels == IMAGE_MODES[mode]:
        return split
    if mode == "rgb":
        return replace(split, images=split.images.expand(-1, 3, -1, -1).contiguous())
    weights = torch.tensor(_LUMA).view(1, 3, 1, 1)
    if split.images.dtype == torch.uint8:
        grey = ((split.images.to(torch.int64) * weights).sum(1, keepdim=True) + 2**15) >> 16
        return replace(split, images=grey.to(torch.uint8))
    return replace(split, images=(split.images * (weights / 65536)).sum(1, keepdim=True).to(split.images.dtype))
