"""What turns images into features: the value, and ``--features`` to it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trainers.errors import WorkbenchError


@dataclass(frozen=True, kw_only=True, slots=True)
class Extractor:
    """A frozen network on a device.

    Attributes:
        name: as the user gave it, for people.
        slug: a name that can be part of a file name; different networks have different ones.
        digest: identity of the network, by which its statistics are cached; of one of our checkpoints the SHA-256 of
            the file.
        comparable: whether scores on its features can be set beside those of papers.
        embed: images (B, C, H, W) in [0, 1], float32, on ``device``, to features (B, F) and logits (B, K) there.
        device: where it computes.
        image_shape: the (C, H, W) that it takes; None where any will do, a None in it where that axis is free.
        class_names: what its logits stand for; None where that is not known.
    """

    name: str
    slug: str
    digest: str
    comparable: bool
    embed: Callable[[Tensor], tuple[Tensor, Tensor]]
    device: torch.device
    image_shape: tuple[int | None, ...] | None = None
    class_names: tuple[str, ...] | None = None


def load_extractor(name: str, device: torch.device) -> Extractor:
    """The network that ``inception``, ``inception:WEIGHTS_FILE`` or ``classifier:CHECKPOINT`` means.

    Raises:
        WorkbenchError: another name, or the network is not to be had; the message says how it is.
    """
    from workbench.quality.classifier import load_classifier
    from workbench.quality.inception import load_inception

    kind, colon, where = name.partition(":")
    if kind == "inception" and bool(colon) == bool(where):
        return load_inception(Path(where).expanduser() if where else None, device)
    if kind == "classifier" and where:
        return load_classifier(Path(where).expanduser(), device)
    raise WorkbenchError(
        f"unknown features {name!r}; known are inception, inception:WEIGHTS_FILE and classifier:CHECKPOINT"
    )


def check_images(extractor: Extractor, image_shape: tuple[int, ...], what: str) -> None:
    """Refuse images that an extractor does not take.

    Raises:
        WorkbenchError: naming both shapes.
    """
    wanted = extractor.image_shape
    if wanted is not None and any(a is not None and a != b for a, b in zip(wanted, image_shape, strict=True)):
        raise WorkbenchError(
            f"{extractor.name} takes images of shape {shape_words(wanted)}, but those of {what} are"
            f" {shape_words(image_shape)}"
        )


def shape_words(shape: tuple[int | None, ...]) -> str:
    """A shape as 3×32×32; a free axis is "any"."""
    return "×".join("any" if size is None else str(size) for size in shape)
