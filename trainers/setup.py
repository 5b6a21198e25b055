"""The parts of one run, made from its configuration before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from trainers.data import Data, load_data
from trainers.errors import WorkbenchError
from trainers.fabric import DDPStrategy, Fabric
from trainers.method import MethodSpec
from trainers.models import ModelSpec, build_model
from trainers.models.average import WeightAverage
from trainers.models.compiling import compile_in_place
from trainers.recipes import get_method
from trainers.seeding import seeded_generator
from trainers.spec import Precision, RolledBack, TrainConfig

PATIENCE = timedelta(days=30)
"""How long a process waits for another: work that is dealt out once may end hours apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What trains: ``model`` and ``optimizer`` as set up by Fabric, ``module`` and ``sgd`` inside them.

    ``memory`` is what the method remembers from step to step, ``average`` the averaged weights if there are any: both
    are part of the state from which a run is resumed. ``memory_format`` is how images and weights lie in memory.
    """

    config: TrainConfig
    method: MethodSpec
    fabric: Fabric
    data: Data
    model_spec: ModelSpec
    module: nn.Module
    sgd: SGD
    model: nn.Module
    optimizer: Optimizer
    memory: dict[str, Tensor] = field(default_factory=dict)
    average: WeightAverage | None = None
    memory_format: torch.memory_format = torch.contiguous_format

    @property
    def device(self) -> torch.device:
        """Where the run computes."""
        return self.fabric.device


def prepare(config: TrainConfig) -> Parts:
    """Load the data, build the model with weights from the seed, and put both on the device.

    Raises:
        WorkbenchError: unknown names, missing or broken data, or no such device.
    """
    method = get_method(config.method)
    fabric = make_fabric(config.device, precision=config.precision)
    data = load_data(config.data, train_size=config.train_size, probe_size=config.probe_size)
    model_spec = ModelSpec(
        name=config.model,
        width=config.width,
        in_channels=data.in_channels,
        num_classes=len(data.class_names),
        mean=data.mean,
        std=data.std,
    )
    module = _fresh_module(config, model_spec)
    last = config.channels_last == "on" or (config.channels_last == "auto" and fabric.device.type == "cpu")
    memory_format = torch.channels_last if last else torch.contiguous_format
    module = module.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stub lacks it
    sgd = SGD(module.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    model, optimizer = fabric.setup(module, sgd)
    if config.compile:
        compile_in_place(module, fabric.device)
    return Parts(
        config=config,
        method=method,
        fabric=fabric,
        data=replace(data, train=data.train.to(fabric.device), probe=data.probe.to(fabric.device)),
        model_spec=model_spec,
        module=module,
        sgd=sgd,
        model=model,
        optimizer=optimizer,
        average=WeightAverage(module, config.ema) if config.ema > 0 else None,
        memory_format=memory_format,
    )


def _fresh_module(config: TrainConfig, model_spec: ModelSpec) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return build_model(model_spec)


def initial_weights(parts: Parts) -> dict[str, Tensor]:
    """The weights that the run began with, made again from its seed."""
    return _fresh_module(parts.config, parts.model_spec).state_dict()


def with_changes(parts: Parts, rollbacks: Sequence[RolledBack]) -> Parts:
    """The same parts under the settings that hold after some rollbacks.

    Raises:
        WorkbenchError: the changed settings are not valid.
    """
    settings = reduce(lambda changed, rollback: {**changed, **rollback.changes}, rollbacks, parts.config.to_dict())
    config = TrainConfig.from_dict(settings)
    return replace(parts, config=config, method=get_method(config.method))


def epoch_batches(parts: Parts, epoch: int) -> tuple[Tensor, ...]:
    """Rows of the training split in this epoch's order; a last batch of one joins its neighbour, for batch norm."""
    generator = seeded_generator(torch.device("cpu"), parts.config.seed, "order", epoch)
    order = torch.randperm(len(parts.data.train), generator=generator).to(parts.device)
    batches: tuple[Tensor, ...] = torch.split(order, parts.config.batch_size)
    if len(batches) > 1 and len(batches[-1]) == 1:
        return (*batches[:-2], torch.cat(batches[-2:]))
    return batches


def find_device(name: str) -> torch.device:
    """One device by Fabric's name for it: auto, cpu, cuda or mps.

    Raises:
        WorkbenchError: there is no such device.
    """
    return make_fabric(name).device


def make_fabric(device: str, devices: int = 1, num_nodes: int = 1, precision: Precision = "32-true") -> Fabric:
    """Fabric on some devices of a kind.

    Args:
        device: auto, cpu, cuda or mps.
        devices: how many on each node, one process each.
        num_nodes: how many nodes.
        precision: of passes through a model that it sets up.

    Raises:
        WorkbenchError: there are no such devices.
    """
    strategy = DDPStrategy(timeout=PATIENCE) if devices * num_nodes > 1 else "auto"
    try:
        return Fabric(accelerator=device, devices=devices, num_nodes=num_nodes, strategy=strategy, precision=precision)
    except (ValueError, RuntimeError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WorkbenchError(f"cannot use the device {device!r}: {reason} (try --device auto or cpu)") from None
