"""Make pictures of samples: natural images, what an attack makes of them, what the checkpoint says of both. Torch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainers.attacks import parse_attack, perturb
from trainers.attacks.pgd import Forward
from trainers.checkpoints import load_weights
from trainers.data import Split
from trainers.energy import joint_energy, marginal_energy
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.evaluate import PROBE_PGD_STEPS
from trainers.provenance import now, versions
from trainers.recipes import METHODS, get_method
from trainers.rundir import LOG_NAME
from trainers.seeding import seeded_generator
from trainers.setup import make_fabric
from trainers.spec import AttackSpec, Ball, pgd
from trainers.steps import evaluation_mode
from workbench.pictured.spec import PictureSpec, pictures_path
from workbench.pictured.store import load_pictures, save_pictures
from workbench.pictured.values import PictureFacts, Pictures
from workbench.target import Target
from workbench.training_data import load_training_data

MOST_BYTES = 16 << 20
"""Images that one file keeps; more drop the oldest."""

Run = Callable[[Forward, Tensor, Tensor, Ball, torch.Generator], Tensor]
"""Makes x* of a forward pass, x, labels, ball and generator."""

Say = Callable[[str], None]
Watch = Callable[[int, int], None]
"""Called with the samples done and all of them; may raise to end the work."""


def pictures_for(
    target: Target,
    spec: PictureSpec,
    *,
    data: str | None = None,
    remake: bool = False,
    device: str = "auto",
    say: Say = lambda sentence: None,
    watch: Watch = lambda done, total: None,
) -> tuple[Pictures, Path, int]:
    """Pictures of some samples: those that were made before from their file, the others made now and added to it.

    Everything is in evaluation mode, one sample at a time, so that a picture does not depend on which others were asked
    for. It is not the image that training saw: that was made in the middle of an epoch, by weights that nobody kept.
    Those that were made before are taken without loading the data; that the images of a folder were changed since is
    then not noticed, and ``remake`` is for that.

    Args:
        target: the checkpoint.
        spec: what to make.
        data: data set to take instead of the one that the checkpoint names.
        remake: make all anew.
        device: auto, cpu, cuda or mps.
        say: told, in a few words, what takes time now.
        watch: called between samples.

    Returns:
        The pictures in the order of ``spec.samples``, their file, and how many were made now.

    Raises:
        WorkbenchError: a checkpoint that is not ours or says too little, no such attack, data or sample, other data
            than the log's, or a file that cannot be written.
    """
    model, known = load_weights(target.checkpoint)
    (name, run), ball, digest = _attack_of(spec, known), _ball_of(known), target.digest()
    path = pictures_path(target.derived, digest=digest, split=spec.split, attack=name)
    assert path is not None, name
    kept = None if remake else _read(path, say)
    if kept is not None and not (kept.facts.checkpoint_digest == digest and _same_wish(kept.facts, spec, ball, data)):
        kept = None
    if kept is not None and set(spec.samples) <= set(kept.index.tolist()):
        return kept.of(spec.samples), path, 0
    say("loading the data")
    loaded = load_training_data(known, data)
    split: Split = {"train": loaded.train, "probe": loaded.probe}[spec.split]
    facts = PictureFacts(
        checkpoint=str(target.checkpoint),
        checkpoint_digest=digest,
        epoch=target.epoch,
        data=str(known.get("data") if data is None else data),
        data_digest=split.digest(),
        split=spec.split,
        attack=name,
        eps=ball.eps,
        seed=spec.seed,
        class_names=tuple(map(str, loaded.class_names)),
        image_shape=tuple(int(size) for size in split.images.shape[1:]),
        versions=versions(),
        created=now(),
    )
    if kept is not None and not kept.facts.same_as(facts):
        say(f"{path.name} is of other data; making it anew")
        kept = None
    missing = [sample for sample in spec.samples if kept is None or sample not in set(kept.index.tolist())]
    rows = _rows_of(split, missing, spec.split)
    _check_labels(target, spec.split, split, rows)
    made = _make(model, split, rows, run, ball, facts, make_fabric(device).device, watch)
    whole = made if kept is None else kept.with_more(made)
    save_pictures(path, whole.latest(MOST_BYTES, least=len(made)))
    return whole.of(spec.samples), path, len(made)


def _make(
    model: nn.Module,
    split: Split,
    rows: list[int],
    run: Run,
    ball: Ball,
    facts: PictureFacts,
    device: torch.device,
    watch: Watch,
) -> Pictures:
    model = model.to(device)
    natural, adversarial, columns = [], [], []
    with evaluation_mode(model):
        for done, row in enumerate(rows):
            watch(done, len(rows))
            x, y = (values.to(device) for values in split.batch(torch.tensor([row])))
            generator = seeded_generator(device, facts.seed, "images", int(split.index[row]))
            x_adv = run(model, x, y, ball, generator)
            columns.append(torch.cat([_columns(model, x, y), _columns(model, x_adv, y)]).cpu())
            natural.append(x.cpu())
            adversarial.append(x_adv.cpu())
    watch(len(rows), len(rows))
    predicted, energy, joint, predicted_adv, energy_adv, joint_adv = torch.stack(columns, dim=1).numpy()
    return Pictures(
        index=split.index[rows].numpy().astype(np.int64),
        label=split.labels[rows].numpy().astype(np.int64),
        predicted=predicted.astype(np.int64),
        predicted_adv=predicted_adv.astype(np.int64),
        energy=energy.astype(np.float32),
        energy_adv=energy_adv.astype(np.float32),
        joint_energy=joint.astype(np.float32),
        joint_energy_adv=joint_adv.astype(np.float32),
        natural=torch.cat(natural).numpy(),
        adversarial=torch.cat(adversarial).numpy(),
        facts=facts,
    )


@torch.no_grad()
def _columns(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Predicted class, E(x) and E(x,y) of one image, (3,) float64; −1 and NaN where a logit is not finite."""
    logits = model(x).float()
    if not torch.isfinite(logits).all():
        return torch.tensor([-1.0, torch.nan, torch.nan], dtype=torch.float64, device=x.device)
    return torch.cat([logits.argmax(1).double(), marginal_energy(logits).double(), joint_energy(logits, y).double()])


def _attack_of(spec: PictureSpec, known: Mapping[str, Any]) -> tuple[str, Run]:
    """The attack that was asked for by name, training's own among them; else the one behind the split's energies."""
    if spec.attack is not None:
        own = {method.attack.name: method.attack for method in METHODS.values() if method.attack is not None}
        if spec.attack in own:
            return _signed(own[spec.attack])
        named = parse_attack(spec.attack)
        return named.name, named.run
    if spec.split == "probe":
        return _signed(pgd(PROBE_PGD_STEPS))
    method = known.get("method")
    if not isinstance(method, str) or method not in METHODS:
        raise WorkbenchError("the checkpoint does not say by which method it was trained; give --attack")
    trained = get_method(method).attack
    if trained is None:
        raise WorkbenchError(f"{method} trains without an attack; give --attack, such as pgd-10")
    return _signed(trained)


def _signed(spec: AttackSpec) -> tuple[str, Run]:
    def run(forward: Forward, x: Tensor, y: Tensor, ball: Ball, generator: torch.Generator) -> Tensor:
        return perturb(forward, x, y, ball=ball, attack=spec, generator=generator).x_adv

    return spec.name, run


def _ball_of(known: Mapping[str, Any]) -> Ball:
    eps = known.get("eps")
    if not isinstance(eps, int | float) or isinstance(eps, bool):
        raise WorkbenchError("the checkpoint does not say its eps, so no attack can be made; it is not of this program")
    return Ball(eps=float(eps))


def _read(path: Path, say: Say) -> Pictures | None:
    if not path.exists():
        return None
    try:
        return load_pictures(path)
    except WorkbenchError as error:
        say(f"{error} (made anew now)")
        return None


def _same_wish(facts: PictureFacts, spec: PictureSpec, ball: Ball, data: str | None) -> bool:
    return (facts.eps, facts.seed) == (ball.eps, spec.seed) and data in (None, facts.data)


def _rows_of(split: Split, samples: list[int], name: str) -> list[int]:
    places = {index: row for row, index in enumerate(split.index.tolist())}
    unknown = next((sample for sample in samples if sample not in places), None)
    if unknown is not None:
        shown = ", ".join(map(str, sorted(places)[:5]))
        raise WorkbenchError(f"no sample {unknown} in the {name} split; its indices are {shown}, … ({len(places)})")
    return [places[sample] for sample in samples]


def _check_labels(target: Target, name: str, split: Split, rows: list[int]) -> None:
    """Refuse data in which a sample is of another class than the run's log says."""
    if target.run_dir is None or not (target.run_dir / LOG_NAME).exists():
        return
    with EnergyLog.open(target.run_dir) as log:
        keys = log.keys(name)
    for row in rows:
        index, label = int(split.index[row]), int(split.labels[row])
        logged = keys.label[keys.index == index]
        if len(logged) and int(logged[0]) != label:
            raise WorkbenchError(
                f"sample {index} is of class {label} in the data but {int(logged[0])} in the log: other data; give"
                " --data, those that the run was trained on"
            )
