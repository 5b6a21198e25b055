"""Samples to be judged or shown: what ``workbench sample`` wrote, or any folder CLASS/*.png. Torch-free."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.errors import WorkbenchError
from workbench.sampling.chain import Reason
from workbench.sampling.files import files_of, read_rows

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Generated images with the class that each was meant to be.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        class_names: name of each class.
        checkpoint_digest: SHA-256 of the weights that guided them; None where unknown.
        name: what they are called.
        facts: all that is known of how they were made.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    checkpoint_digest: str | None
    name: str
    facts: dict[str, Any]


def read_samples(path: Path) -> Samples:
    """Samples out of a directory of ``workbench sample`` (finished or not), its file, or a folder CLASS/*.png.

    Chains that diverged have no image and are left out.

    Raises:
        WorkbenchError: nothing there, no images, a broken file, or images of several sizes.
    """
    if path.is_file() and path.suffix == ".h5":
        return _of_run(path, [path])
    folder = path
    if not folder.is_dir():
        raise WorkbenchError(
            f"no such samples: {path}; give a directory written by workbench sample, or a folder CLASS/*.png"
        )
    files = files_of(folder)
    return _of_run(folder, files) if files else _of_folder(folder)


def _of_run(folder: Path, files: list[Path]) -> Samples:
    images: dict[int, NDArray[np.uint8]] = {}
    labels: dict[int, int] = {}
    facts: dict[str, Any] = {}
    for file in files:
        rows, facts = read_rows(file, ("chain", "label", "reason", "image"))
        for i, number in enumerate(rows["chain"].tolist()):
            if rows["reason"][i] != Reason.DIVERGED:
                images[number], labels[number] = rows["image"][i], int(rows["label"][i])
    if not images:
        raise WorkbenchError(f"{folder} holds no image: no chain has ended yet, or all diverged")
    order = sorted(images)
    names = facts.get("class_names")
    digest = facts.get("checkpoint_digest")
    return Samples(
        images=np.stack([images[number] for number in order]),
        labels=np.array([labels[number] for number in order], dtype=np.int64),
        class_names=tuple(map(str, names)) if isinstance(names, list) else (),
        checkpoint_digest=digest if isinstance(digest, str) else None,
        name=str(folder),
        facts=facts,
    )


def _of_folder(folder: Path) -> Samples:
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [
        (file, label)
        for label, name in enumerate(classes)
        for file in sorted((folder / name).iterdir())
        if file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise WorkbenchError(f"{folder} holds no samples: neither samples.h5 nor images CLASS/*.png")
    arrays = [_decode(file) for file, _ in files]
    if len({array.shape for array in arrays}) != 1:
        raise WorkbenchError(f"{folder} holds images of several sizes; resize them to one size first")
    return Samples(
        images=np.stack(arrays),
        labels=np.array([label for _, label in files], dtype=np.int64),
        class_names=tuple(classes),
        checkpoint_digest=None,
        name=str(folder),
        facts={},
    )


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if image.mode in ("L", "1") else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorkbenchError(f"cannot read the image {path}: {error}; remove or replace it") from None
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
