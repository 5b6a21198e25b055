"""Measure the landscape of one checkpoint, ours or made elsewhere. Torch."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from trainers.data import Split
from trainers.errors import WorkbenchError
from trainers.provenance import now, versions
from trainers.steps import evaluation_mode
from workbench.landscape.plane import Sample, energies_over, find_plane, full_precision, outline
from workbench.landscape.spec import LandscapeSpec
from workbench.landscape.values import Facts, Landscape, axis_of
from workbench.probe.job import load_fitting
from workbench.probe.loading import ModelOptions, own_header
from workbench.probe.setting import ProbeSpec, Setting, prepare
from workbench.target import Target

Say = Callable[[str], None]
Watch = Callable[[int, int], None]
"""Called with what is done and all there is to do: points of the planes."""


def measure_landscape(
    target: Target,
    spec: LandscapeSpec,
    options: ModelOptions | None = None,
    *,
    say: Say = lambda sentence: None,
    watch: Watch = lambda done, total: None,
) -> Landscape:
    """Measure E over one plane for each sample, in evaluation mode.

    Args:
        target: the checkpoint.
        spec: what to measure.
        options: how a checkpoint becomes a model; of our own it says that itself.
        say: told what was stripped, ignored or inferred of the checkpoint.
        watch: called between batches; may raise to end the work.

    Raises:
        WorkbenchError: a checkpoint, model, data or sample that cannot be used.
    """
    setting = prepare(_to_probe(target, spec, options or ModelOptions()), say)
    split = setting.split if spec.samples is None else _chosen(setting.split, spec.samples, spec.split)
    if split.images[0].numel() < 2:
        raise WorkbenchError("images of one value have no plane; give other data")
    foreign = load_fitting(setting, target.checkpoint)
    if own_header(target.checkpoint) is None and foreign.notes:
        say(f"{target.checkpoint.name}: {'; '.join(foreign.notes)}")
    model, device = foreign.model, split.images.device
    (attack,) = setting.attacks
    with evaluation_mode(model), full_precision():
        samples: list[Sample] = []
        for row in range(len(split)):
            x, y = split.batch(torch.tensor([row], device=device))
            index = int(split.index[row])
            samples.append(
                find_plane(model, x, y, index, attack=attack, ball=setting.ball, energy=spec.energy, seed=spec.seed)
            )
            watch(0, len(split) * spec.grid**2)
        planes = energies_over(
            model,
            samples,
            axis=axis_of(spec.grid, spec.reach),
            energy=spec.energy,
            clip=spec.clip,
            device=device,
            batch_size=spec.batch_size,
            watch=watch,
            say=say,
        )
    return Landscape(
        facts=_facts(target, spec, setting, split, foreign.notes),
        index=split.index.cpu().numpy().astype(np.int64),
        label=split.labels.cpu().numpy().astype(np.int32),
        correct=np.array([sample.correct for sample in samples], dtype=np.uint8),
        correct_adv=np.array([sample.correct_adv for sample in samples], dtype=np.uint8),
        attacked=np.array([sample.attacked for sample in samples], dtype=np.uint8),
        position=np.array([sample.position for sample in samples]),
        natural=np.array([sample.natural for sample in samples]),
        adversarial=np.array([sample.adversarial for sample in samples]),
        gradient_l1=np.array([setting.ball.eps * float(sample.gradient.double().abs().sum()) for sample in samples]),
        gradient_l2=np.array([float(sample.gradient.double().norm()) for sample in samples]),
        energy=planes.energy,
        linear=planes.linear,
        outline=np.stack([outline(sample, setting.ball.eps) for sample in samples]),
    )


def _to_probe(target: Target, spec: LandscapeSpec, options: ModelOptions) -> ProbeSpec:
    """The same as a probe of one checkpoint: it knows how to load models and images."""
    if "," in spec.attack:
        raise WorkbenchError(f"a landscape is of one attack; got --attack {spec.attack}")
    return ProbeSpec(
        checkpoints=(target.checkpoint,),
        model=options,
        data=spec.data,
        split=spec.split,
        num=spec.num if spec.samples is None else None,
        eps=spec.eps,
        attacks=spec.attack,
        image_mode=spec.image_mode,
        seed=spec.seed,
        batch_size=spec.batch_size,
        device=spec.device,
    )


def _chosen(split: Split, samples: tuple[int, ...], name: str) -> Split:
    """The samples of some stable indices, in the order given."""
    places = {index: row for row, index in enumerate(split.index.tolist())}
    unknown = next((index for index in samples if index not in places), None)
    if unknown is not None:
        shown = ", ".join(map(str, sorted(places)[:5]))
        raise WorkbenchError(f"no sample {unknown} in the {name} split; its indices are {shown}, … ({len(places)})")
    rows = torch.tensor([places[index] for index in samples], device=split.images.device)
    return replace(split, images=split.images[rows], labels=split.labels[rows], index=split.index[rows])


def _facts(target: Target, spec: LandscapeSpec, setting: Setting, split: Split, notes: tuple[str, ...]) -> Facts:
    own = (own_header(target.checkpoint) or {}).get("facts", {})
    method = own.get("method")
    run = None if target.run_dir is None else target.run_dir.resolve().name
    return Facts(
        name=run or target.checkpoint.name,
        checkpoint=str(target.checkpoint),
        checkpoint_digest=target.digest(),
        method=method if isinstance(method, str) else None,
        epoch=target.epoch,
        data=str(setting.config["data"]),
        data_digest=split.digest(),
        split=spec.split,
        class_names=setting.class_names,
        image_shape=tuple(split.images.shape[1:]),
        eps=setting.ball.eps,
        attack=setting.attacks[0].name,
        energy=spec.energy,
        grid=spec.grid,
        reach=float(spec.reach),
        clip=spec.clip,
        seed=spec.seed,
        device=_device(split.images.device),
        notes=notes,
        versions=versions(),
        created=now(),
    )


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
