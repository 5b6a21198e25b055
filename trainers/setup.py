"""The parts of one run, made from its configuration before anything is written."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, Optimizer

from trainers.data import Data, load_data
from trainers.data.augment import check_size
from trainers.errors import WorkbenchError
from trainers.evaluate import check_logits
from trainers.fabric import DDPStrategy, Fabric, MisconfigurationException
from trainers.factories import is_factory
from trainers.method import MethodSpec
from trainers.models import ModelSpec, build_model
from trainers.models.average import WeightAverage
from trainers.models.synced import synchronise
from trainers.recipes import get_method
from trainers.seeding import seeded_generator
from trainers.spec import Precision, RolledBack, TrainConfig
from trainers.team import ALONE, TIMEOUT, Team

PATIENCE = timedelta(days=30)
"""How long a process waits for another: work that is dealt out once may end hours apart."""

_BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")  # the newer name first
    if name in signature(DistributedDataParallel.__init__).parameters
)
"""DDP's option to copy running statistics between the forward passes of a step, under which no gradient could be taken
through two of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What trains: ``model`` and ``optimizer`` as set up by Fabric, ``module`` and ``sgd`` inside them.

    ``memory`` is what the method remembers from step to step, ``average`` the averaged weights if there are any: both
    are part of the state from which a run is resumed. ``memory_format`` is how images and weights lie in memory.
    ``team`` are the processes that train the run together.
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
    team: Team = ALONE

    @property
    def device(self) -> torch.device:
        """Where the run computes."""
        return self.fabric.device


def prepare(config: TrainConfig) -> Parts:
    """Load the data, build the model with weights from the seed, and put both on the device.

    With several devices the processes begin here: Fabric runs the same command again in each, unless torchrun or Slurm
    has done so. What is wrong with the settings or the data is found before.

    Raises:
        WorkbenchError: unknown names, missing or broken data, no such device, or batches too small to be shared.
    """
    method = get_method(config.method)
    fabric = make_fabric(config.device, config.devices, config.num_nodes, config.precision, timeout=TIMEOUT)
    data = load_data(config.data, train_size=config.train_size, probe_size=config.probe_size)
    model_spec = ModelSpec(
        name=config.model,
        width=config.width,
        in_channels=data.in_channels,
        num_classes=len(data.class_names),
        mean=data.mean,
        std=data.std,
    )
    check_size(config.augment, *data.train.images.shape[-2:])
    _check_shares(config, fabric, len(data.train))
    module = _fresh_module(config, model_spec)
    if is_factory(config.model):
        check_logits(module, data.train.first(2).batch(torch.arange(2))[0], len(data.class_names), config.model)
    last = config.channels_last == "on" or (config.channels_last == "auto" and fabric.device.type == "cpu")
    memory_format = torch.channels_last if last else torch.contiguous_format
    module = module.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stub lacks it
    team = _launched(config, fabric)
    if team.size > 1 and config.sync_batchnorm:
        synchronise(module)
    sgd = SGD(module.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    model, optimizer = fabric.setup(module, sgd)
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
        team=team,
    )


def _check_shares(config: TrainConfig, fabric: Fabric, num_train: int) -> None:
    """A process needs a core of a CPU, and two samples of every batch for batch norm."""
    cores = os.cpu_count() or 1
    if fabric.device.type == "cpu" and config.devices > cores:
        raise WorkbenchError(f"--devices {config.devices} on a CPU of {cores} cores: ask for {cores} at most")
    processes = config.devices * config.num_nodes
    smallest = min(batch_sizes(num_train, config.batch_size))
    if processes > 1 and smallest < 2 * processes:
        raise WorkbenchError(
            f"the smallest batch of an epoch has {smallest} of {num_train} images, too few for {processes} processes "
            "(2 each, for batch norm); choose another --batch-size or --train-size"
        )


def _launched(config: TrainConfig, fabric: Fabric) -> Team:
    """The processes of the run, all of them there."""
    if config.devices * config.num_nodes == 1:
        return ALONE
    try:
        fabric.launch()
    except (ValueError, RuntimeError) as error:
        raise WorkbenchError(f"cannot begin with {_asked(config.devices, config.num_nodes)}: {_line(error)}") from None
    return Team(fabric)


def _asked(devices: int, num_nodes: int) -> str:
    return f"--devices {devices}" + (f" --num-nodes {num_nodes}" if num_nodes > 1 else "")


def _line(error: Exception) -> str:
    return " ".join((str(error).strip() or type(error).__name__).split("\n")[0].split())


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
    batches: tuple[Tensor, ...] = torch.split(order, batch_sizes(len(order), parts.config.batch_size))
    return batches


def batch_sizes(num: int, batch_size: int) -> list[int]:
    """Of ``num`` samples in batches; a last batch of one joins its neighbour."""
    sizes = [min(batch_size, num - begin) for begin in range(0, num, batch_size)]
    return [*sizes[:-2], sizes[-2] + 1] if len(sizes) > 1 and sizes[-1] == 1 else sizes


def find_device(name: str) -> torch.device:
    """One device by Fabric's name for it: auto, cpu, cuda or mps.

    Raises:
        WorkbenchError: there is no such device.
    """
    return make_fabric(name).device


def make_fabric(
    device: str,
    devices: int = 1,
    num_nodes: int = 1,
    precision: Precision = "32-true",
    *,
    timeout: timedelta = PATIENCE,
) -> Fabric:
    """Fabric on some devices of a kind.

    Args:
        device: auto, cpu, cuda or mps.
        devices: how many on each node, one process each.
        num_nodes: how many nodes.
        precision: of passes through a model that it sets up.
        timeout: how long a process waits for another.

    Raises:
        WorkbenchError: there are no such devices.
    """
    several = devices * num_nodes > 1
    options: dict[str, Any] = {_BUFFERS: False}
    strategy = DDPStrategy(timeout=timeout, **options) if several else "auto"
    try:
        return Fabric(accelerator=device, devices=devices, num_nodes=num_nodes, strategy=strategy, precision=precision)
    except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
        what = f"{_asked(devices, num_nodes)} of {device!r}" if several else f"the device {device!r}"
        raise WorkbenchError(f"cannot use {what}: {_line(error)} (try --device auto or cpu)") from None
