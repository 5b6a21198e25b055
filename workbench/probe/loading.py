"""``--model``: from a checkpoint file to a model that takes images in [0, 1]."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from trainers.checkpoints import load_weights
from trainers.checkpoints.foreign import (
    PROGRAM_WORDS,
    FileKind,
    Foreign,
    Normaliser,
    behind,
    fit_module,
    fit_named,
    read_state,
    sniff,
)
from trainers.checkpoints.weights import FORMAT
from trainers.data import Split
from trainers.errors import WorkbenchError
from trainers.evaluate import check_logits
from trainers.factories import FORM, is_factory, trust
from trainers.models import CONVENTIONAL, MODELS, SHORTCUTS, Shortcut, own_network
from workbench.probe.normalisers import for_channels
from workbench.probe.programs import load_program

AUTO = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """How checkpoints become models.

    Attributes:
        name: of MODELS, ``package.module:factory``, a program's file, ``torchscript`` or ``export``; None: the
            checkpoints are ours and say it.
        normaliser: instead of the one that a checkpoint carries.
        shortcut: a convention of SHORTCUTS, or "auto".
        state: which entry of a file that holds several state dicts.
    """

    name: str | None = None
    normaliser: Normaliser | None = None
    shortcut: str = AUTO
    state: str | None = None

    def __post_init__(self) -> None:
        if self.shortcut not in (AUTO, *SHORTCUTS):
            raise WorkbenchError(f"--shortcut must be one of {', '.join((AUTO, *SHORTCUTS))}; got {self.shortcut!r}")
        if self.shortcut != AUTO and self.name not in CONVENTIONAL:
            raise WorkbenchError(f"--shortcut is of --model {' or '.join(CONVENTIONAL)}; drop it")
        if self.state is not None and self.name in PROGRAM_WORDS.values():
            raise WorkbenchError(f"--model {self.name} runs files that hold one program each; drop --state")

    @property
    def must_choose_shortcut(self) -> bool:
        """Whether the convention has to be found out."""
        return self.shortcut == AUTO and self.name in CONVENTIONAL


Loader = Callable[[Path, Shortcut], Foreign]


def own_header(path: Path) -> dict[str, Any] | None:
    """What one of our own checkpoints says of itself (``model`` and ``facts``); None for all other files.

    Raises:
        WorkbenchError: missing, damaged, or no checkpoint at all.
    """
    if sniff(path) is not FileKind.SAFETENSORS:
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WorkbenchError(f"{path} is damaged ({error}); copy or download it again") from None
    if header.get("format") != FORMAT:
        return None
    try:
        parts = {name: json.loads(header[name]) for name in ("model", "facts")}
    except (KeyError, ValueError, RecursionError):
        parts = {}
    return parts if parts and all(isinstance(part, dict) for part in parts.values()) else None


def make_loader(options: ModelOptions, num_classes: int, channels: int) -> Loader:
    """What loads a checkpoint with a convention of shortcuts, for images of so many classes and channels.

    Raises:
        WorkbenchError: no such model, or a program or factory that cannot be loaded.
    """
    name = options.name
    if name is None:
        return lambda path, shortcut: _load_own(path, options)
    if name in MODELS:

        def load_named(path: Path, shortcut: Shortcut) -> Foreign:
            if own_header(path) is not None:
                return _load_own(path, options)
            return fit_named(read_state(path, options.state), name, shortcut=shortcut, normaliser=options.normaliser)

        return load_named
    normaliser = for_channels(options.normaliser, channels)
    if name in PROGRAM_WORDS.values():
        return lambda path, shortcut: _run(path, name, normaliser)
    if Path(name).is_file():
        return lambda path, shortcut: _fill(path, Path(name), normaliser, options.state)
    if is_factory(name):
        trust(name)
        make = own_network(name, num_classes=num_classes, in_channels=channels)

        def fill_made(path: Path, shortcut: Shortcut) -> Foreign:
            if own_header(path) is not None:
                return _load_own(path, options)
            return fit_module(read_state(path, options.state), make(), normaliser=normaliser)

        return fill_made
    known = (*MODELS, *PROGRAM_WORDS.values(), FORM)
    raise WorkbenchError(f"unknown --model {name!r}; known are {', '.join(known)}, or the file of a program")


def _load_own(path: Path, options: ModelOptions) -> Foreign:
    header = own_header(path)
    if header is None:
        raise WorkbenchError(f"{path} does not say what model it is of; give --model")
    own = header["model"].get("name")
    if options.name not in (None, own):
        raise WorkbenchError(f"{path} is a {own}, not a {options.name}; drop --model")
    if options.normaliser is not None or options.state is not None or options.shortcut != AUTO:
        raise WorkbenchError(
            f"{path} says all of its model itself; drop --mean, --std, --input-range, --state, --shortcut"
        )
    model, _ = load_weights(path)
    return Foreign(model=model, in_channels=header["model"].get("in_channels"), notes=("one of our own checkpoints",))


def _run(path: Path, word: str, normaliser: Normaliser | None) -> Foreign:
    """A checkpoint that is a program itself."""
    kind = sniff(path)
    if PROGRAM_WORDS.get(kind) != word:
        raise WorkbenchError(f"{path} is {kind.value}, which --model {word} cannot run")
    module, wrap = load_program(path)
    note = "no normaliser (images go in as they are, in [0, 1])" if normaliser is None else "normaliser as given"
    return Foreign(model=behind(wrap(module), normaliser), in_channels=None, notes=(f"ran {kind.value}", note))


def _fill(path: Path, program: Path, normaliser: Normaliser | None, key: str | None) -> Foreign:
    """A program with the weights of a checkpoint in it."""
    module, wrap = load_program(program)
    return fit_module(read_state(path, key), module, normaliser=normaliser, wrap=wrap)


def check_fits(foreign: Foreign, path: Path, split: Split, class_names: tuple[str, ...]) -> None:
    """Send two images through a model, on the device of both, and look at what comes out.

    Raises:
        WorkbenchError: it takes other images, or tells apart another number of classes.
    """
    channels = split.images.shape[1]
    wanted = foreign.in_channels
    if wanted is not None and wanted != channels:
        raise _other_channels(path, wanted, channels)
    x, _ = split.batch(torch.arange(min(2, len(split)), device=split.images.device))
    try:
        check_logits(foreign.model, x, len(class_names), str(path))
    except WorkbenchError as error:
        first = next((m.in_channels for m in foreign.model.modules() if isinstance(m, nn.Conv2d)), channels)
        if error.__cause__ is not None and first != channels:
            raise _other_channels(path, first, channels) from None
        raise


def _other_channels(path: Path, wanted: int, channels: int) -> WorkbenchError:
    modes: Mapping[int, str] = {1: "grey", 3: "rgb"}
    way_out = f"--image-mode {modes[wanted]} converts them" if wanted in modes else "give other data"
    return WorkbenchError(f"{path} takes images of {wanted} channels, but the data have {channels}; {way_out}")
