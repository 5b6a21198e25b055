"""A checkpoint made elsewhere and a model, brought together; what was stripped, ignored or inferred is said."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from trainers.checkpoints.foreign.containers import find_state
from trainers.checkpoints.foreign.keys import Normaliser, choose_prefix, find_normaliser, select, summary
from trainers.checkpoints.foreign.sniff import FileKind, sniff
from trainers.checkpoints.foreign.unpickle import read
from trainers.errors import WorkbenchError
from trainers.models import MODELS, ModelSpec, Normalize, Shortcut, build_model

PROGRAM_WORDS = {FileKind.TORCHSCRIPT: "torchscript", FileKind.EXPORTED: "export"}
"""What ``--model`` calls the files that are programs."""

_MOST_CLASSES, _MOST_CHANNELS = 100_000, 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignState:
    """The weights of a file by the names they have there, and what there is to say of how they were found."""

    path: Path
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """A model in evaluation mode on the CPU: images in [0, 1] to logits.

    Attributes:
        model: normalises its own input.
        in_channels: that it takes; None if only it knows.
        notes: what was stripped, ignored and inferred, in phrases.
    """

    model: nn.Module
    in_channels: int | None
    notes: tuple[str, ...]


def read_state(path: Path, key: str | None = None) -> ForeignState:
    """The weights in a file of torch.save or safetensors; nothing in it is run.

    Args:
        path: the file.
        key: which entry, where it holds several state dicts; see ``find_state``.

    Raises:
        WorkbenchError: missing, damaged, no weights, or a file that would have to run code to be read.
    """
    kind = sniff(path)
    if kind in PROGRAM_WORDS:
        raise WorkbenchError(
            f"{path} is {kind.value}, not weights; --model {PROGRAM_WORDS[kind]} runs it, if you trust where it is from"
        )
    loaded, set_aside = read(path, kind)
    with naming(path):
        tensors, notes = find_state(loaded, key)
    aside = [f"set aside {', '.join(set_aside)}"] if set_aside else []
    return ForeignState(path=path, tensors=tensors, notes=(*notes, *aside))


def fit_named(state: ForeignState, name: str, *, shortcut: Shortcut, normaliser: Normaliser | None = None) -> Foreign:
    """One of our architectures with these weights; width, classes, channels and last batch norm are read off shapes.

    Args:
        state: the weights.
        name: of MODELS.
        shortcut: what projecting shortcuts take, which no key tells; "activated" for models without that choice.
        normaliser: used instead of the one in the checkpoint.

    Raises:
        WorkbenchError: they are of another architecture.
    """
    with naming(state.path):
        tensors = state.tensors
        prefix = choose_prefix(tensors, MODELS[name].anchors)
        found, buffers = find_normaliser(tensors)
        network = {name: tensor for name, tensor in tensors.items() if name not in buffers}
        spec, said = _infer(network, prefix, name, shortcut, normaliser or found)
        with torch.device("meta"):
            expected = _network_of(build_model(spec).state_dict())
        chosen = select(network, prefix, expected)
    model = build_model(spec)
    own = model.state_dict()
    model.load_state_dict({**own, **chosen})
    notes = [
        *_stripping(state, prefix, set(chosen), buffers),
        said,
        _normalising(normaliser, found, Normaliser(spec.mean, spec.std)),
    ]
    return Foreign(
        model=model.eval(),
        in_channels=spec.in_channels,
        notes=(*state.notes, *notes),
    )


def fit_module(
    state: ForeignState,
    model: nn.Module,
    *,
    normaliser: Normaliser | None = None,
    wrap: Callable[[nn.Module], nn.Module] = lambda module: module,
) -> Foreign:
    """A model of the user's with these weights, behind a normaliser if the checkpoint or the user has one.

    Args:
        state: the weights.
        model: takes them by its own names; changed in place.
        normaliser: used instead of the one in the checkpoint.
        wrap: what is put around the model once it has its weights.

    Raises:
        WorkbenchError: they are of another model.
    """
    own = model.state_dict()
    with naming(state.path):
        prefix = choose_prefix(state.tensors, own)
        taken = {prefix + name for name in own}
        found, buffers = find_normaliser(state.tensors, taken)
        network = {name: tensor for name, tensor in state.tensors.items() if name not in buffers}
        chosen = select(network, prefix, own)
    model.load_state_dict({**own, **chosen})
    wanted = normaliser or found
    normalised = behind(wrap(model), wanted)
    notes = [*_stripping(state, prefix, set(chosen), buffers), _normalising(normaliser, found, wanted)]
    return Foreign(model=normalised.eval(), in_channels=None, notes=(*state.notes, *notes))


def behind(model: nn.Module, normaliser: Normaliser | None) -> nn.Module:
    """The model behind a normalising layer, if there is one."""
    return model if normaliser is None else nn.Sequential(Normalize(*normaliser), model)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except WorkbenchError as error:
        raise WorkbenchError(f"{path} {error}") from None


def _infer(
    tensors: Mapping[str, Tensor], prefix: str, name: str, shortcut: Shortcut, normaliser: Normaliser | None
) -> tuple[ModelSpec, str]:
    """What the shapes say of a network, and the same in words."""
    architecture = MODELS[name]
    names = (*architecture.anchors[:2], architecture.width)
    first, last, wide = (tensors.get(prefix + name) for name in names)
    if first is None or last is None or wide is None or first.ndim != 4 or last.ndim != 2 or wide.ndim != 4:
        words = " and ".join(anchor.removesuffix(".weight") for anchor in names[:2])
        raise WorkbenchError(f"has no {words} as {name} has them: another architecture")
    width, channels, num_classes = wide.shape[0], first.shape[1], last.shape[0]
    if not (1 <= channels <= _MOST_CHANNELS and 1 <= num_classes <= _MOST_CLASSES and width >= 1):
        raise WorkbenchError(f"has weights of an impossible shape: {tuple(first.shape)}, {tuple(last.shape)}")
    final_bn = not architecture.has_conventions or f"{prefix}bn.weight" in tensors
    mean, std = normaliser or Normaliser((0.0,), (1.0,))
    if len(mean) == 1:
        mean, std = mean * channels, std * channels
    if len(mean) != channels:
        raise WorkbenchError(f"takes {channels} channels, but its normaliser has {len(mean)}; give --mean and --std")
    spec = ModelSpec(
        name=name,
        width=width,
        in_channels=channels,
        num_classes=num_classes,
        mean=mean,
        std=std,
        shortcut=shortcut,
        final_bn=final_bn,
    )
    last_bn = "" if final_bn else ", no last batch norm"
    return spec, f"inferred width {width}, {channels} channel{'s' * (channels > 1)}, {num_classes} classes{last_bn}"


def _network_of(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the buffers of our normalising layer."""
    return {name: tensor for name, tensor in own.items() if not name.startswith("normalize.")}


def _stripping(state: ForeignState, prefix: str, chosen: set[str], buffers: list[str]) -> list[str]:
    notes = [f"stripped {prefix!r}"] if prefix else []
    ignored = [n for n in state.tensors if n not in buffers and n.removeprefix(prefix) not in chosen]
    ignored += [n for n in state.tensors if n in chosen and prefix and not n.startswith(prefix)]
    if ignored:
        notes.append(f"ignored {summary(dict.fromkeys(ignored))}")
    if any(state.tensors[prefix + n].dtype in (torch.float16, torch.bfloat16, torch.float64) for n in chosen):
        notes.append("weights brought to float32")
    return notes


def _normalising(given: Normaliser | None, found: Normaliser | None, used: Normaliser | None) -> str:
    if given is not None:
        return f"normaliser as given{', not the one of the checkpoint' if found not in (None, given) else ''}"
    if found is not None and used is not None:
        return f"normaliser of the checkpoint (mean {_few(used.mean)}, std {_few(used.std)})"
    return "no normaliser (images go in as they are, in [0, 1])"


def _few(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in values)
