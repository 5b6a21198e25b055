"""The models by name, and what is needed to build one again from a checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from torch import nn

from trainers.errors import WorkbenchError
from trainers.models.normalize import Normalize
from trainers.models.preact_resnet import SHORTCUTS, PreActResNet, Shortcut

MODELS: Mapping[str, Callable[..., nn.Module]] = {
    "small-cnn": partial(PreActResNet, blocks=(1, 1, 1)),
    "preact-resnet18": partial(PreActResNet, blocks=(2, 2, 2, 2)),
}
"""``small-cnn``: three pre-activation blocks (77k parameters at width 16, 174k at 24).

``preact-resnet18``: 11.2M parameters at width 64.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """A model to the last constructor argument; ``mean`` and ``std`` are per channel in [0, 1] units.

    ``shortcut`` and ``final_bn`` are for weights made elsewhere: same keys, another forward pass.
    """

    name: str
    width: int
    in_channels: int
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    shortcut: Shortcut = "activated"
    final_bn: bool = True

    def __post_init__(self) -> None:
        if not (len(self.mean) == len(self.std) == self.in_channels and min(self.std, default=0.0) > 0):
            raise WorkbenchError(f"a model of {self.in_channels} channels needs as many means and stds, stds above 0")
        if self.shortcut not in SHORTCUTS:
            raise WorkbenchError(f"shortcut must be one of {', '.join(SHORTCUTS)}; got {self.shortcut!r}")


def build_model(spec: ModelSpec) -> nn.Module:
    """The network of a spec with fresh weights from torch's global generator; images in [0, 1] to logits.

    Raises:
        WorkbenchError: no such model.
    """
    if spec.name not in MODELS:
        raise WorkbenchError(f"unknown model {spec.name!r}; known are {', '.join(MODELS)}")
    return MODELS[spec.name](
        Normalize(spec.mean, spec.std),
        width=spec.width,
        in_channels=spec.in_channels,
        num_classes=spec.num_classes,
        shortcut=spec.shortcut,
        final_bn=spec.final_bn,
    )
