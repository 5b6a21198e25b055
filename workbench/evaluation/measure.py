"""Measure a checkpoint under strong attacks. Torch."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainers.attacks import Attack
from trainers.energylog import EnergyLog
from trainers.energylog.attack_tables import NATURAL
from trainers.energylog.attack_tables import Inputs as Columns
from trainers.energylog.statistics import delta_statistics
from trainers.errors import WorkbenchError
from trainers.provenance import now, versions
from trainers.revision import git_revision
from trainers.rundir import LOG_NAME
from workbench.evaluation.values import Evaluation, Group, Inputs, Statistics, Tally
from workbench.probe import ProbeSpec, measure
from workbench.probe.job import load_fitting
from workbench.probe.loading import own_header
from workbench.probe.setting import Setting, prepare
from workbench.target import Target

Say = Callable[[str], None]

PASSES_BESIDE = 4
"""Forward passes of ``measure`` that are not the attack's: of x, of x*, and FGSM with its own x*."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is: images done, of all attacks together, the attack, and forward passes so far."""

    done: int
    total: int
    attack: str
    passes: int


Watch = Callable[[Progress], None]
"""Called at every forward pass; may raise to end the work."""


def evaluate(
    target: Target, spec: ProbeSpec, *, say: Say = lambda sentence: None, watch: Watch = lambda progress: None
) -> Iterator[Evaluation]:
    """Measure one attack after the other, in evaluation mode; after each give all that is measured by then.

    Noise is that of ``workbench probe``: a function of the seed and the batch.

    Args:
        target: the checkpoint.
        spec: what to measure; its only checkpoint is the target's.
        say: told what was stripped, ignored or inferred of the checkpoint, and of smaller batches.
        watch: told how far it is.

    Raises:
        WorkbenchError: a checkpoint, model, data or an attack that cannot be used.
    """
    header = own_header(target.checkpoint)
    if header is None and spec.eps is None:
        raise WorkbenchError(f"{target.checkpoint} does not say its eps; give --eps, such as 8/255")
    setting = prepare(spec, say)
    foreign = load_fitting(setting, target.checkpoint)
    if header is None and foreign.notes:
        say(f"{target.checkpoint.name}: {'; '.join(foreign.notes)}")
    evaluation = _begin(target, setting, foreign.notes)
    labels = setting.split.labels.cpu().numpy()
    every = np.ones(len(labels), dtype=bool)
    classes = [every, *(labels == label for label in range(len(setting.class_names)))]
    counted = _Counted(foreign.model)
    right, broken = every, ~every
    for number, attack in enumerate(setting.attacks):
        began = time.perf_counter()
        measured = measure(
            counted.under(attack, number, setting, watch),
            setting.split,
            [attack],
            ball=setting.ball,
            seed=spec.seed,
            batch_size=evaluation.batch_size,
            watch=counted.batch,
            say=say,
        )
        natural, adversarial = measured.inputs[NATURAL], measured.inputs[attack.name]
        if attack.gives_errors_only:
            adversarial = _errors_only(natural, adversarial)
        withstood = natural.correct.astype(bool) & adversarial.correct.astype(bool)
        right = right & withstood
        broken = broken | np.isnan(natural.energy) | np.isnan(measured.inputs[attack.name].energy)
        begun = evaluation.inputs or (_inputs(NATURAL, 0.0, natural, natural.correct.astype(bool), None, classes),)
        seconds = round(time.perf_counter() - began, 3)
        evaluation = replace(
            evaluation,
            batch_size=measured.batch_size,
            inputs=(*begun, _inputs(attack.name, seconds, adversarial, withstood, natural.energy, classes)),
            worst=tuple(Tally(num=int(rows.sum()), correct=int(right[rows].sum())) for rows in classes),
            num_broken=int(broken.sum()),
        )
        yield evaluation


class _Counted(nn.Module):
    """A model that counts what it is given, so that there is something to tell while a batch is under attack."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model
        self._passes = self._done = self._at_batch = 0
        self._tell: Callable[[], None] = lambda: None

    def under(self, attack: Attack, number: int, setting: Setting, watch: Watch) -> "_Counted":
        """Begin with an attack, the ``number``-th of a setting's."""
        num, cost = len(setting.split), attack.passes + PASSES_BESIDE
        total = num * len(setting.attacks)

        def tell() -> None:
            of_batch = min((self._passes - self._at_batch) // cost, setting.spec.batch_size)
            done = num * number + min(self._done + of_batch, num)
            watch(Progress(done, total, attack.name, self._passes))

        self._tell = tell
        self._done, self._at_batch = 0, self._passes
        return self

    def batch(self, done: int, total: int) -> None:
        """So many images of this attack are done."""
        if done != self._done:
            self._done, self._at_batch = done, self._passes

    def forward(self, x: Tensor) -> Tensor:
        """The model's logits."""
        self._passes += len(x)
        self._tell()
        logits: Tensor = self._model(x)
        return logits


def _begin(target: Target, setting: Setting, notes: tuple[str, ...]) -> Evaluation:
    spec = setting.spec
    return Evaluation(
        checkpoint=str(target.checkpoint.absolute()),
        digest=target.digest(),
        epoch=target.epoch,
        run_id=_run_id(target),
        data=setting.config["data"],
        split=spec.split,
        class_names=setting.class_names,
        eps=setting.ball.eps,
        seed=spec.seed,
        batch_size=spec.batch_size,
        device=_device(setting.split.images.device),
        image_mode=spec.image_mode,
        notes=notes,
        asked=tuple(attack.name for attack in setting.attacks),
        num_broken=0,
        inputs=(),
        worst=(),
        created=now(),
        versions=versions(),
        git_revision=git_revision(),
    )


def _run_id(target: Target) -> str | None:
    if target.run_dir is None or not (target.run_dir / LOG_NAME).exists():
        return None
    with EnergyLog.open(target.run_dir) as log:
        return log.meta.run_id


def _device(device: torch.device) -> str:
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def _errors_only(natural: Columns, adversarial: Columns) -> Columns:
    """Without the energies of images where x* is x itself: those that were wrong before, and those that withstood."""
    found = natural.correct.astype(bool) & ~adversarial.correct.astype(bool)
    energy, joint = (np.where(found, values, np.nan) for values in (adversarial.energy, adversarial.joint_energy))
    return Columns(energy, joint, adversarial.correct)


def _inputs(
    name: str,
    seconds: float,
    columns: Columns,
    right: NDArray[np.bool_],
    natural: NDArray[np.float32] | None,
    classes: Sequence[NDArray[np.bool_]],
) -> Inputs:
    """The tables of one attack; ``classes`` are the rows of all images, then those of each class."""
    overall, *parts = (_group(columns, right, natural, rows) for rows in classes)
    return Inputs(name=name, seconds=seconds, overall=overall, classes=tuple(parts))


def _group(
    columns: Columns, right: NDArray[np.bool_], natural: NDArray[np.float32] | None, rows: NDArray[np.bool_]
) -> Group:
    energy = columns.energy[rows]
    with np.errstate(invalid="ignore", over="ignore"):
        delta = None if natural is None else natural[rows] - energy
    return Group(
        num=int(rows.sum()),
        correct=int(right[rows].sum()),
        num_energies=int(np.isfinite(energy).sum()),
        energy=_statistics(energy),
        joint_energy=_statistics(columns.joint_energy[rows]),
        delta_energy=None if delta is None else _statistics(delta),
    )


def _statistics(values: NDArray[np.float32]) -> Statistics:
    """Rounded as the float32 values that they are of."""
    found = delta_statistics(values)
    return {name: float(f"{value:.7g}") if np.isfinite(value) else None for name, value in found.items()}
