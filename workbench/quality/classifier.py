"""Features of one of our own classifiers: offline, and never comparable with papers."""

from pathlib import Path

import torch
from torch import Tensor

from trainers.checkpoints import load_weights
from trainers.errors import WorkbenchError
from trainers.models import PreActResNet
from workbench.quality.extractors import Extractor
from workbench.target import find_target


def load_classifier(path: Path, device: torch.device) -> Extractor:
    """Penultimate features and logits of a checkpoint, or of a run's best one.

    Raises:
        WorkbenchError: no such checkpoint, or not one of ours.
    """
    target = find_target(path)
    model, facts = load_weights(target.checkpoint)
    if not isinstance(model, PreActResNet):
        raise WorkbenchError(f"{target.checkpoint} has no penultimate features; give another checkpoint")
    network = model.to(device).requires_grad_(False)
    digest = target.digest()
    shape, names = facts.get("image_shape"), facts.get("class_names")

    def embed(images: Tensor) -> tuple[Tensor, Tensor]:
        features = network.features(images)
        return features, network.linear(features)

    return Extractor(
        name=f"classifier:{path}",
        slug=f"classifier-{digest[:12]}",
        digest=digest,
        comparable=False,
        embed=embed,
        device=device,
        image_shape=tuple(shape) if shape is not None else (network.conv1.in_channels, None, None),
        class_names=tuple(map(str, names)) if names is not None else None,
    )
