"""A sampling run from beginning to end: what it needs, its chains on one device or many, what it leaves behind."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainers.checkpoints import load_weights
from trainers.data import Data
from trainers.errors import WorkbenchError
from trainers.fabric import Fabric
from trainers.provenance import now, versions
from trainers.revision import git_revision
from trainers.setup import make_fabric
from workbench.pca import PCASpec, class_pca_for
from workbench.sampling.chain import Chain, Image, Reason, begin
from workbench.sampling.class_energy import class_mean_energies, read_class_energies, save_class_energies
from workbench.sampling.files import Place, ended_chains, files_of, read_chain, read_rows
from workbench.sampling.langevin import run_chains
from workbench.sampling.processes import alone, together
from workbench.sampling.settings import Settings, write_settings
from workbench.sampling.spec import SamplingSpec
from workbench.sampling.starts import start_images
from workbench.sampling.store import SegmentWriter, interrupted_writes, merge
from workbench.target import Target
from workbench.training_data import load_training_data

TIE_NATS = 1e-3
"""A stopping rule that came this close to its threshold may decide otherwise in a batch of another size."""

CPU_NUMBERS = 2**16
"""Pixels of a batch on a CPU: beyond about so many its passes get no faster (measured at 8×8 and 3×32×32)."""

ACCELERATOR_CHAINS = 512
"""Chains at once on anything else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a process is: chains of the run and those that have ended, active ones, their mean E(x,y) in nats."""

    total: int
    ended: int
    diverged: int
    active: int
    mean_energy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What a run came to.

    Attributes:
        chains: how many ended.
        reasons: how many ended for each reason.
        ties: chains whose stop step may differ by one in a batch of another size.
        median_stop: median of their stop steps.
        passes: forward and backward passes of all chains together.
    """

    chains: int
    reasons: Mapping[Reason, int]
    ties: int
    median_stop: float
    passes: int


def sample(
    target: Target,
    settings: Settings,
    out: Path,
    *,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    batch_size: int | None = None,
    watch: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    status: Callable[[str], None] = lambda _: None,
) -> Tally | None:
    """Run the chains of ``settings`` that have not ended yet, and put all of them into one file.

    Args:
        target: the checkpoint.
        settings: what to sample.
        out: directory of the samples; what is there is gone on with.
        device: auto, cpu, cuda or mps.
        devices: how many on each node, a process each; chains are dealt out by number.
        num_nodes: how many nodes.
        batch_size: chains at once on a device; by kind of device if None.
        watch: told how far this process is, at every step.
        say: told in a sentence what went wrong and was mended.
        status: told in a few words what takes time now.

    Returns:
        What the run came to; None in all processes but the first.

    Raises:
        WorkbenchError: settings that the model or its data cannot serve, no such device, or a full disk.
    """
    fabric = make_fabric(device, devices, num_nodes)
    fabric.launch()
    with alone(out) if fabric.global_rank == 0 else nullcontext():
        return _sample(fabric, target, settings, out, batch_size, watch, say, status)


def _sample(
    fabric: Fabric,
    target: Target,
    settings: Settings,
    out: Path,
    batch_size: int | None,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
    status: Callable[[str], None],
) -> Tally | None:
    leads = fabric.global_rank == 0

    def begin_run() -> tuple[Parts, dict[int, Place]]:
        """What is needed and what is there; the first process fits, caches, writes the settings, and clears up."""
        parts = prepare(target, settings, fabric, say, status)
        ended = ended_chains(out)
        if leads:
            write_settings(out, settings)
            for path in interrupted_writes(out):
                path.unlink(missing_ok=True)
        return parts, ended

    begun = together(fabric, lambda: begin_run() if leads else None)
    parts, ended = together(fabric, lambda: begun or begin_run())
    spec = settings.spec
    mine = _to_do(spec, ended)[fabric.global_rank :: fabric.world_size]
    writer = SegmentWriter(out, facts=parts.facts, class_names=parts.class_names, rank=fabric.global_rank)

    def run() -> int:
        diverged = 0
        pulses = run_chains(
            parts.model,
            _chains(mine, ended, spec, parts.start),
            spec=spec,
            class_means=parts.class_means.to(fabric.device),
            batch_size=batch_size or default_batch_size(fabric.device, parts.image_shape),
            say=say,
        )
        for pulse in pulses:
            writer.add(pulse.ended)
            diverged += sum(chain.reason is Reason.DIVERGED for chain in pulse.ended)
            active = pulse.active - len(pulse.ended)
            if not active:
                writer.flush()
            watch(
                Progress(
                    total=len(mine),
                    ended=writer.num_written,
                    diverged=diverged,
                    active=active,
                    mean_energy=pulse.mean_energy,
                )
            )
        return diverged

    try:
        together(fabric, run)
    finally:
        writer.flush()
    if not leads:
        return None
    merge(out, num_steps=spec.steps, facts=parts.facts)
    return tally(out)


def default_batch_size(device: torch.device, image_shape: tuple[int, ...]) -> int:
    """Chains at once on a device, for images (C, H, W), unless the user says."""
    if device.type != "cpu":
        return ACCELERATOR_CHAINS
    return min(max(CPU_NUMBERS // math.prod(image_shape), 32), 256)


def tally(out: Path) -> Tally:
    """What the chains of a directory came to.

    Raises:
        WorkbenchError: a file is damaged.
    """
    columns = ("chain", "stop_step", "reason", "margin")
    parts = [read_rows(path, columns)[0] for path in files_of(out)]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in columns}
    counts = Counter(Reason(value) for value in rows["reason"].tolist())
    return Tally(
        chains=len(rows["chain"]),
        reasons={why: counts[why] for why in Reason if counts[why]},
        ties=int((rows["margin"] < TIE_NATS).sum()),
        median_stop=float(np.median(rows["stop_step"])) if len(rows["chain"]) else 0.0,
        passes=int((rows["stop_step"].astype(np.int64) + 1).sum()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What chains need: the model on its device, the means Ē_y (K,), the start of each chain, and the facts to keep."""

    model: nn.Module
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    class_means: Tensor
    start: Callable[[int], Image]
    facts: dict[str, Any]


def prepare(
    target: Target, settings: Settings, fabric: Fabric, say: Callable[[str], None], status: Callable[[str], None]
) -> Parts:
    """Load or make what the chains need; what takes long is cached beside the run.

    Args:
        target: the checkpoint.
        settings: what to sample.
        fabric: gives the device.
        say: told in a sentence of a cache that is not used.
        status: told in a few words what takes time.

    Raises:
        WorkbenchError: settings that the model or its data cannot serve, or a disk that cannot be written.
    """
    spec = settings.spec
    model, facts = load_weights(target.checkpoint)
    model = model.to(fabric.device).requires_grad_(False)
    if fabric.device.type == "cpu":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster there
    data: list[Data] = []

    def load() -> Data:
        """The training data, loaded when first wanted."""
        if not data:
            status("loading the data")
            data.append(load_training_data(facts, settings.data))
        return data[0]

    class_names = tuple(facts["class_names"]) if facts.get("class_names") else load().class_names
    if max(spec.labels) >= len(class_names):
        raise WorkbenchError(f"the model has {len(class_names)} classes; there is no class {max(spec.labels)}")
    pca = None
    if spec.start in ("pca", "local-pca"):
        pca_spec = PCASpec(variance=spec.variance, local=spec.local if spec.start == "local-pca" else 1)
        pca, _ = class_pca_for(target, settings.data, pca_spec, must_keep=False, say=status, note=say)
    sizes = facts.get("image_shape") or (pca.facts.image_shape if pca else load().train.images.shape[1:])
    shape = (int(sizes[0]), int(sizes[1]), int(sizes[2]))
    means = _class_means(target, settings, model, facts, len(class_names), load, fabric, say, status)
    train = load().train.to(fabric.device) if spec.needs_data else None
    return Parts(
        model=model,
        class_names=class_names,
        image_shape=shape,
        class_means=means,
        start=start_images(spec, shape, pca=pca, train=train),
        facts={
            "sampling": spec.to_dict(),
            "checkpoint": str(target.checkpoint.absolute()),
            "checkpoint_digest": settings.checkpoint_digest,
            "model": {name: facts.get(name) for name in ("method", "data", "eps", "epoch")},
            "data": settings.data or facts.get("data"),
            "class_names": list(class_names),
            "class_mean_energies": [value if math.isfinite(value) else None for value in means.tolist()],
            "versions": versions(),
            "git_revision": git_revision(),
            "created": now(),
        },
    )


def _class_means(
    target: Target,
    settings: Settings,
    model: nn.Module,
    facts: Mapping[str, Any],
    num_classes: int,
    load: Callable[[], Data],
    fabric: Fabric,
    say: Callable[[str], None],
    status: Callable[[str], None],
) -> Tensor:
    """Ē_y of every class (K,), NaN where it is not needed."""
    if not settings.spec.needs_class_means:
        return torch.full((num_classes,), torch.nan)
    identity = {
        "checkpoint": settings.checkpoint_digest,
        "data": settings.data or facts.get("data"),
        "sizes": [facts.get("train_size"), facts.get("probe_size")],
    }
    path = target.derived / f"class-energies-{target.checkpoint.stem}.json"
    means = read_class_energies(path, identity)
    if means is None or len(means) != num_classes:
        train = load().train
        status("measuring the mean energy of each class")
        means = class_mean_energies(model, train.to(fabric.device), num_classes)
        present = torch.bincount(train.labels.cpu(), minlength=num_classes) > 0
        if not torch.isfinite(means[present]).all():
            raise WorkbenchError(f"{target.checkpoint} gives energies that are not finite: its weights are broken")
        try:
            save_class_energies(path, means, identity)
        except WorkbenchError as error:
            say(f"the class energies were not kept: {error}")
    unknown = [label for label in settings.spec.labels if not torch.isfinite(means[label])]
    if unknown:
        raise WorkbenchError(
            f"the training data hold no image of class {unknown[0]}, so its mean energy is unknown; "
            "use --stop plateau or fixed, and another --guidance than class-mean"
        )
    return means


def _to_do(spec: SamplingSpec, ended: Mapping[int, Place]) -> list[int]:
    """Chains that have not ended, or ended for want of steps of which there are more now."""
    return [
        number
        for number in range(spec.num)
        if number not in ended or (ended[number].reason is Reason.STEPS and ended[number].step < spec.steps)
    ]


def _chains(
    numbers: list[int],
    ended: Mapping[int, Place],
    spec: SamplingSpec,
    start: Callable[[int], Image],
) -> Iterator[Chain]:
    """The chains, made when their turn comes."""
    for number in numbers:
        if number in ended:
            yield read_chain(ended[number].path, ended[number].row)
        else:
            yield begin(number, spec.label(number), start(number))
