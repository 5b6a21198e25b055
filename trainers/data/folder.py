"""An image folder: DIR/train/CLASS/*.jpg|png; DIR/test is opened by ``load_folder_test`` alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainers.data.split import Data, Split, assemble, choose
from trainers.errors import WorkbenchError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def load_folder(root: Path, train_size: int, probe_size: int) -> Data:
    """Images of one size, decoded once to uint8; classes and files in sorted order give the stable indices.

    Only the images that the chosen splits need are decoded. Images stay grey if the first one is; else all become RGB.

    Raises:
        WorkbenchError: no such folder, no images, a broken image, images of several sizes, or sizes that do not fit.
    """
    train_dir = root / "train"
    class_names = _class_names(train_dir)
    files, labels = _list(train_dir, class_names)
    train, probe = choose(labels, train_size, probe_size)
    mode = _mode(files[0])

    def split(rows: NDArray[np.int64]) -> Split:
        return Split(
            images=_decode([files[row] for row in rows], mode),
            scale=1 / 255,
            labels=torch.from_numpy(labels[rows]),
            index=torch.from_numpy(rows),
        )

    train_split, probe_split = split(train), split(probe)
    if train_split.images.shape[1:] != probe_split.images.shape[1:]:
        raise WorkbenchError(f"{train_dir} holds images of several sizes; resize them to one size first")
    return assemble(f"folder:{root}", class_names, train_split, probe_split)


def load_folder_test(root: Path) -> Split:
    """The images of DIR/test/CLASS, all of them; the classes are numbered as in DIR/train.

    Raises:
        WorkbenchError: no such folder, other classes than in DIR/train, no images, a broken image, or several sizes.
    """
    test_dir, train_dir = root / "test", root / "train"
    class_names = _class_names(test_dir)
    if train_dir.is_dir() and _class_names(train_dir) != class_names:
        raise WorkbenchError(f"{test_dir} and {train_dir} hold different classes; give both the same class folders")
    files, labels = _list(test_dir, class_names)
    return Split(
        images=_decode(files, _mode(files[0])),
        scale=1 / 255,
        labels=torch.from_numpy(labels),
        index=torch.arange(len(files)),
    )


def _class_names(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise WorkbenchError(f"no such folder: {folder} (expected DIR/{folder.name}/CLASS/*.jpg or *.png)")
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))


def _list(folder: Path, class_names: Sequence[str]) -> tuple[list[Path], NDArray[np.int64]]:
    """Image files, classes and names in sorted order, and their labels."""
    found = [
        (path, label)
        for label, name in enumerate(class_names)
        for path in sorted((folder / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise WorkbenchError(f"no .jpg or .png images in {folder}/CLASS/")
    return [path for path, _ in found], np.array([label for _, label in found], dtype=np.int64)


def _mode(path: Path) -> str:
    with _open(path) as image:
        return "L" if image.mode in ("L", "1") else "RGB"


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> WorkbenchError:
    return WorkbenchError(f"cannot read the image {path}: {error}; remove or replace it")


def _decode(paths: Sequence[Path], mode: str) -> torch.Tensor:
    """Images (N, C, H, W), uint8."""
    first: NDArray[np.uint8] | None = None
    out: NDArray[np.uint8] | None = None
    for i, path in enumerate(paths):
        with _open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise WorkbenchError(f"{path} has more than 8 bits a channel (16-bit or float); convert it to 8 bits")
            try:
                pixels = np.asarray(image.convert(mode))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                raise _broken(path, error) from None
        if first is None or out is None:
            first = pixels
            out = np.empty((len(paths), *pixels.shape), dtype=np.uint8)
        if pixels.shape != first.shape:
            size = "x".join(map(str, pixels.shape[1::-1]))
            expected = "x".join(map(str, first.shape[1::-1]))
            raise WorkbenchError(f"{path} is {size}, but {paths[0]} is {expected}; resize the images to one size first")
        out[i] = pixels
    assert out is not None
    images = torch.from_numpy(out)
    return (images[:, None] if mode == "L" else images.permute(0, 3, 1, 2)).contiguous()
