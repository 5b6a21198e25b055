"""Architectures, by name; each normalises its own input."""

from trainers.models.normalize import Normalize
from trainers.models.preact_resnet import SHORTCUTS, PreActResNet, Shortcut
from trainers.models.registry import CONVENTIONAL, MODELS, Architecture, ModelSpec, build_model, own_network

__all__ = [
    "CONVENTIONAL",
    "MODELS",
    "SHORTCUTS",
    "Architecture",
    "ModelSpec",
    "Normalize",
    "PreActResNet",
    "Shortcut",
    "build_model",
    "own_network",
]
