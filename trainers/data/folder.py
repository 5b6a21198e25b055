"""An image folder: DIR/train/CLASS/*.jpg|png; DIR/test is opened by ``load_folder_test`` alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainers.data.split import Data, Split, assemble, choose
from trainers.errors import WorkbenchError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def load_folder(root: Path, train_size: int, probe_size: int, size: int | None = None) -> Data:
    """Images of one size, decoded once to uint8; classes and files in sorted order give the stable indices.

    Only the images that the chosen splits need are decoded. Images stay grey if the first one is; else all become RGB.
    With a ``size`` all are scaled to so many pixels in height and width (bicubic, antialiased).

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
            images=_decode([files[row] for row in rows], mode, size),
            scale=1 / 255,
            labels=torch.from_numpy(labels[rows]),
            index=torch.from_numpy(rows),
        )

    train_split, probe_split = split(train), split(probe)
    if train_split.images.shape[1:] != probe_split.images.shape[1:]:
        raise WorkbenchError(f"{train_dir} holds images of several sizes; give one, as in folder@32:DIR")
    name = f"folder:{root}" if size is None else f"folder@{size}:{root}"
    return assemble(name, class_names, train_split, probe_split)


def load_folder_test(root: Path, size: int | None = None) -> Split:
    """The images of DIR/test/CLASS, all of them, scaled and grey or RGB as for training, with its numbers of classes.

    Raises:
        WorkbenchError: no such folder, other classes than in DIR/train, no images, a broken image, or several sizes.
    """
    test_dir, train_dir = root / "test", root / "train"
    class_names = _class_names(test_dir)
    if train_dir.is_dir() and _class_names(train_dir) != class_names:
        raise WorkbenchError(f"{test_dir} and {train_dir} hold different classes; give both the same class folders")
    files, labels = _list(test_dir, class_names)
    trained_on = _found(train_dir, class_names) if train_dir.is_dir() else []
    return Split(
        images=_decode(files, _mode(trained_on[0][0] if trained_on else files[0]), size),
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
    found = _found(folder, class_names)
    if not found:
        raise WorkbenchError(f"no .jpg or .png images in {folder}/CLASS/")
    return [path for path, _ in found], np.array([label for _, label in found], dtype=np.int64)


def _found(folder: Path, class_names: Sequence[str]) -> list[tuple[Path, int]]:
    """Image files with their labels, in sorted order."""
    return [
        (path, label)
        for label, name in enumerate(class_names)
        for path in sorted((folder / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]


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


def _decode(paths: Sequence[Path], mode: str, size: int | None) -> torch.Tensor:
    """Images (N, C, H, W), uint8, scaled to ``size`` × ``size`` if that is given."""
    return torch.from_numpy(stack(((str(path), _pixels(path, mode, size)) for path in paths), len(paths)))


def _pixels(path: Path, mode: str, size: int | None) -> NDArray[np.uint8]:
    """An image (C, H, W)."""
    with _open(path) as image:
        if image.mode.startswith(("I", "F")):
            raise WorkbenchError(f"{path} has more than 8 bits a channel (16-bit or float); convert it to 8 bits")
        try:
            scaled = image.convert(mode)
            if size is not None:
                scaled = scaled.resize((size, size), Image.Resampling.BICUBIC)
            return bring_to_mode(scaled, mode)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _broken(path, error) from None


def bring_to_mode(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    """An image as (C, H, W), of one channel for the mode L, else of three."""
    pixels = np.asarray(image.convert(mode), dtype=np.uint8)
    return pixels[None] if mode == "L" else np.moveaxis(pixels, -1, 0)


def stack(images: Iterable[tuple[str, NDArray[np.uint8]]], num: int) -> NDArray[np.uint8]:
    """Named images of one size as an array (N, C, H, W).

    Raises:
        WorkbenchError: they are of several sizes.
    """
    out: NDArray[np.uint8] | None = None
    first = ""
    for i, (name, pixels) in enumerate(images):
        if out is None:
            first, out = name, np.empty((num, *pixels.shape), dtype=np.uint8)
        if pixels.shape != out.shape[1:]:
            sizes = ["x".join(map(str, shape[:0:-1])) for shape in (pixels.shape, out.shape[1:])]
            raise WorkbenchError(
                f"{name} is {sizes[0]}, but {first} is {sizes[1]}; resize them, or give a size as in folder@32:DIR"
            )
        out[i] = pixels
    assert out is not None
    return out
