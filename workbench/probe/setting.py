"""What a probe measures, and what is found out before its first checkpoint."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.attacks import Attack, parse_attacks
from trainers.checkpoints.foreign import sniff
from trainers.data import Split
from trainers.dataname import absolute_data, data_kind
from trainers.errors import WorkbenchError
from trainers.models import SHORTCUTS, Shortcut
from trainers.recipes import DATA_DEFAULTS
from trainers.setup import find_device
from trainers.spec import Ball
from workbench.probe.images import load_images, to_mode
from workbench.probe.loading import AUTO, Loader, ModelOptions, check_fits, make_loader, own_header
from workbench.probe.measure import clean_accuracy
from workbench.probe.order import names_of
from workbench.training_data import check_fits as check_facts

Say = Callable[[str], None]

CHECKPOINT_PATHS = "checkpoint_paths"
"""Where the log says which files its epochs were; they may have moved since."""

STRONG = ("pgd-", "apgd-")
"""How attacks begin that measure robustness: what the log's PGD columns are for."""

UNDECIDED = 0.02
"""Clean accuracies closer than this do not tell one convention of shortcuts from the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeSpec:
    """Everything that determines what a probe measures.

    Attributes:
        checkpoints: the files, in the order of their epochs.
        model: how they become models.
        data: as ``--data`` takes it; None for what our own first checkpoint was trained on.
        split: probe, train or test.
        num: how many images; None for all.
        eps: radius of the ball in [0, 1] pixel units; None for that of our own first checkpoint, else the data's
            default.
        attacks: names between commas; the first fills the log's tables.
        image_mode: grey or rgb, to convert the images; None leaves them.
        method: what the log says of how the checkpoints were trained.
        seed: of random starts and targets.
        batch_size: images at a time.
        device: auto, cpu, cuda or mps.
    """

    checkpoints: tuple[Path, ...]
    model: ModelOptions
    data: str | None = None
    split: str = "probe"
    num: int | None = None
    eps: float | None = None
    attacks: str = "pgd-10"
    image_mode: str | None = None
    method: str = "probe"
    seed: int = 0
    batch_size: int = 512
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise WorkbenchError("give at least one checkpoint")
        for name, least in (("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise WorkbenchError(f"--{name.replace('_', '-')} must be at least {least}; got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A probe with all that is found out before its first epoch."""

    spec: ProbeSpec
    attacks: tuple[Attack, ...]
    ball: Ball
    split: Split
    class_names: tuple[str, ...]
    load: Loader
    shortcut: Shortcut
    remarks: tuple[str, ...]
    config: Mapping[str, Any]


def prepare(spec: ProbeSpec, say: Say = lambda sentence: None) -> Setting:
    """Load the data and find out what can be found out beforehand; every file is looked at, none but the last loaded.

    Raises:
        WorkbenchError: see ``probe``.
    """
    attacks = parse_attacks(spec.attacks)
    for path in spec.checkpoints:
        sniff(path)
    facts = (own_header(spec.checkpoints[0]) or {}).get("facts", {})
    data = facts.get("data") if spec.data is None else spec.data
    if not isinstance(data, str):
        raise WorkbenchError("the checkpoints do not say what data they were trained on; give --data")
    split, class_names = load_images(data, spec.split, spec.num, facts)
    split = to_mode(split, spec.image_mode).to(find_device(spec.device))
    check_facts(facts, class_names, tuple(split.images.shape[1:]), data)
    if spec.model.name == "export" and split.images.device.type != "cpu":
        raise WorkbenchError(
            "programs of torch.export stay on the device that they were exported for; give --device cpu"
        )
    load = make_loader(spec.model, len(class_names), split.images.shape[1])
    eps = _eps(spec, data, facts)
    shortcut: Shortcut = "activated" if spec.model.shortcut == AUTO else _known(spec.model.shortcut)
    if spec.model.must_choose_shortcut and any(own_header(path) is None for path in spec.checkpoints):
        shortcut = _choose_shortcut(load, spec, split, class_names, say)
    return Setting(
        spec=spec,
        attacks=attacks,
        ball=Ball(eps=eps),
        split=split,
        class_names=class_names,
        load=load,
        shortcut=shortcut,
        remarks=tuple(_remarks(spec, attacks, data, facts)),
        config=_config(spec, attacks, data, eps, len(split)),
    )


def _remarks(spec: ProbeSpec, attacks: Sequence[Attack], data: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """What the figures will not mean: no robustness by the first attack, no held-out images."""
    if not attacks[0].name.startswith(STRONG):
        yield f"{attacks[0].name} fills the log's PGD columns, by which onset is judged; name pgd-10 first for that"
    if spec.split != "probe":
        return
    held_out = facts.get("probe_size")
    if isinstance(held_out, int):
        if spec.num is not None and spec.num > held_out:
            yield f"the run held out {held_out} images only; of --num {spec.num} it was trained on the others"
    elif not data.startswith("npz:"):  # which may bring images of its own for this
        yield "the probe images are of the training images, which these checkpoints may have seen; see --split test"


def _eps(spec: ProbeSpec, data: str, facts: Mapping[str, Any]) -> float:
    if spec.eps is not None:
        return spec.eps
    if facts.get("norm", "linf") != "linf":
        raise WorkbenchError(
            f"the checkpoint was trained in the {facts['norm']} ball, attacks here are of linf; "
            "give --eps, such as 8/255"
        )
    own = facts.get("eps")
    known = own if isinstance(own, float) else DATA_DEFAULTS.get(data_kind(data), {}).get("eps")
    if known is None:
        raise WorkbenchError("give --eps, such as 8/255")
    return float(known)


def _known(name: str) -> Shortcut:
    return next(shortcut for shortcut in SHORTCUTS if shortcut == name)


def _choose_shortcut(load: Loader, spec: ProbeSpec, split: Split, class_names: tuple[str, ...], say: Say) -> Shortcut:
    """The convention under which the last checkpoint is more accurate on natural images."""
    path = next(path for path in reversed(spec.checkpoints) if own_header(path) is None)
    accuracy: dict[Shortcut, float] = {}
    for shortcut in SHORTCUTS:
        foreign = load(path, shortcut)
        foreign.model.to(split.images.device)
        check_fits(foreign, path, split, class_names)
        accuracy[shortcut] = clean_accuracy(foreign.model, split, spec.batch_size)
    best = max(SHORTCUTS, key=lambda shortcut: accuracy[shortcut])
    figures = ", ".join(f"{shortcut} {value:.1%}" for shortcut, value in accuracy.items())
    sure = max(accuracy.values()) - min(accuracy.values()) >= UNDECIDED
    say(
        f"shortcut: {best}, by clean accuracy of {path.name} ({figures})"
        + ("" if sure else "; too close to tell, so give --shortcut if you know")
    )
    return best


def _config(spec: ProbeSpec, attacks: Sequence[Attack], data: str, eps: float, num: int) -> Mapping[str, Any]:
    """What the log says of the probe; equal, but for CHECKPOINT_PATHS, for two probes that measure the same."""
    normaliser = spec.model.normaliser
    own = (own_header(spec.checkpoints[0]) or {}).get("model", {}).get("name")
    return {
        "checkpoints": names_of(spec.checkpoints),
        CHECKPOINT_PATHS: [str(path.absolute()) for path in spec.checkpoints],
        "model": spec.model.name or own,
        "shortcut": spec.model.shortcut,
        "state": spec.model.state,
        "mean": None if normaliser is None else list(normaliser.mean),
        "std": None if normaliser is None else list(normaliser.std),
        "data": absolute_data(data),
        "split": spec.split,
        "num": num,
        "image_mode": spec.image_mode,
        "eps": eps,
        "attacks": [attack.name for attack in attacks],
        "seed": spec.seed,
        "batch_size": spec.batch_size,
        "record": "probe",
    }
