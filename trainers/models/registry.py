"""The models by name, and what is needed to build one again from a checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from torch import nn

from trainers.errors import WorkbenchError
from trainers.factories import FORM, find_factory, is_factory
from trainers.models.normalize import Normalize
from trainers.models.preact_resnet import SHORTCUTS, PreActResNet, Shortcut
from trainers.models.resnet import ResNet
from trainers.models.wide_resnet import WideResNet


class Architecture(NamedTuple):
    """A family of networks.

    Attributes:
        make: gives one from a normalising layer and the fields of a ``ModelSpec``.
        anchors: weights that every one has, for finding them in a foreign file: the first convolution, the linear
            layer, then others.
        width: the weight whose first axis is the width.
        has_conventions: whether ``shortcut`` and ``final_bn`` are a choice.
    """

    make: Callable[..., nn.Module]
    anchors: tuple[str, ...]
    width: str = "conv1.weight"
    has_conventions: bool = False


_PREACTIVATED = ("conv1.weight", "linear.weight", "linear.bias", "layer1.0.bn1.weight", "layer1.0.conv1.weight")
_RESNET = ("conv1.weight", "linear.weight", "linear.bias", "bn1.weight", "layer1.0.conv1.weight")
_WIDE = ("conv1.weight", "fc.weight", "fc.bias", "block1.layer.0.bn1.weight", "block1.layer.0.conv1.weight")

MODELS: Mapping[str, Architecture] = {
    "small-cnn": Architecture(partial(PreActResNet, blocks=(1, 1, 1)), _PREACTIVATED, has_conventions=True),
    "preact-resnet18": Architecture(partial(PreActResNet, blocks=(2, 2, 2, 2)), _PREACTIVATED, has_conventions=True),
    "resnet18": Architecture(partial(ResNet, blocks=(2, 2, 2, 2)), _RESNET),
    "wide-resnet-28-10": Architecture(partial(WideResNet, depth=28), _WIDE, width="block1.layer.0.conv1.weight"),
    "wide-resnet-34-10": Architecture(partial(WideResNet, depth=34), _WIDE, width="block1.layer.0.conv1.weight"),
}
"""``small-cnn``: three pre-activation blocks (77k parameters at width 16, 174k at 24).

With ten classes and three channels ``preact-resnet18`` and ``resnet18`` have 11.2M parameters at width 64,
``wide-resnet-28-10`` 36.5M and ``wide-resnet-34-10`` 46.2M at width 160 (16 times the widening factor of 10).
"""


CONVENTIONAL = tuple(name for name, architecture in MODELS.items() if architecture.has_conventions)
"""The models that exist with two kinds of shortcut, and with or without a last batch norm, under the same keys."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """A model to the last constructor argument; ``mean`` and ``std`` are per channel in [0, 1] units.

    ``name`` is of MODELS, or a factory ``package.module:factory``; of such a model ``width`` may be 0, its own.
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
        architecture = MODELS.get(self.name)
        if architecture and not architecture.has_conventions and (self.shortcut, self.final_bn) != ("activated", True):
            raise WorkbenchError(f"{self.name} has one kind of shortcut and no choice of a last batch norm")


def build_model(spec: ModelSpec) -> nn.Module:
    """The network of a spec with fresh weights from torch's global generator; images in [0, 1] to logits.

    What a factory makes takes normalised images, as the networks of MODELS do: our normalising layer is put before it.

    Raises:
        UntrustedFactoryError: the model is a factory's, which the user has not named.
        WorkbenchError: no such model, or a factory that fails.
    """
    if is_factory(spec.name):
        make = own_network(spec.name, num_classes=spec.num_classes, in_channels=spec.in_channels, width=spec.width)
        return nn.Sequential(Normalize(spec.mean, spec.std), make())
    if spec.name not in MODELS:
        raise WorkbenchError(f"unknown model {spec.name!r}; known are {', '.join(MODELS)}, or {FORM}")
    architecture = MODELS[spec.name]
    chosen = {"shortcut": spec.shortcut, "final_bn": spec.final_bn} if architecture.has_conventions else {}
    return architecture.make(
        Normalize(spec.mean, spec.std),
        width=spec.width,
        in_channels=spec.in_channels,
        num_classes=spec.num_classes,
        **chosen,
    )


def own_network(name: str, *, num_classes: int, in_channels: int, width: int = 0) -> Callable[[], nn.Module]:
    """A factory of the user's as a function without arguments; its module is imported now.

    ``num_classes`` and ``in_channels`` are passed if it takes them, ``width`` if it is not 0.

    Raises:
        UntrustedFactoryError: the user has not named it.
        WorkbenchError: it cannot be imported, there is no such factory, or it takes no width. When it is called, it may
            fail, or give something that is no module.
    """
    sizes = {"num_classes": num_classes, "in_channels": in_channels}
    make = find_factory(name, sizes, {"width": width} if width else {})

    def network() -> nn.Module:
        made = make()
        if not isinstance(made, nn.Module):
            raise WorkbenchError(f"{name} gave {type(made).__name__}, not a torch.nn.Module")
        return made

    return network
