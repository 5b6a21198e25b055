"""Names of weights: which prefix to strip, where the normaliser is, and what is left over."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.errors import WorkbenchError

PREFIXES = ("module.", "model.", "attacker.", "_orig_mod.", "0.", "1.")
"""What wrappers put before names: DataParallel, containers, an attacker, torch.compile, Sequential(Normalize, net)."""

OPTIONAL = "num_batches_tracked"
"""The last part of buffers that older versions of torch did not save."""

SHOWN, LONGEST = 4, 80
"""Names in a message, and characters of each."""

_WRAPPERS = "|".join(re.escape(prefix) for prefix in PREFIXES)
_NORMALISER = re.compile(rf"(?:{_WRAPPERS})*(?:normali[sz]e[r]?\.|normali[sz]ation\.)?(?:new_)?(mu|mean|sigma|std)")


class Normaliser(NamedTuple):
    """(x − mean) / std per channel, of images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def choose_prefix(keys: Iterable[str], expected: Iterable[str]) -> str:
    """The leading prefix under which most of the expected names are found; the shortest of equals.

    Raises:
        WorkbenchError: none of the expected names is there.
    """
    keys, expected = set(keys), set(expected)
    prefixes = {prefix for key in keys for prefix in _leading(key)}
    found = {prefix: sum(prefix + name in keys for name in expected) for prefix in prefixes}
    best = max(sorted(found, key=len), key=lambda prefix: found[prefix], default="")
    if not found.get(best):
        raise WorkbenchError(f"holds {_listed(keys)}, and nothing of the model ({_listed(expected)}): another model?")
    return best


def find_normaliser(state: Mapping[str, Tensor], not_in: Iterable[str] = ()) -> tuple[Normaliser | None, list[str]]:
    """Mean and standard deviation that a checkpoint carries beside its network, and their names.

    Args:
        state: all its tensors.
        not_in: names that belong to the network.
    """
    own = set(not_in)
    named: dict[str, tuple[str, Tensor]] = {}
    for name in sorted(state, key=lambda name: (len(name), name)):
        match = _NORMALISER.fullmatch(name)
        if match and name not in own:
            named.setdefault({"mu": "mean", "sigma": "std"}.get(match[1], match[1]), (name, state[name]))
    names = [name for name in state if _NORMALISER.fullmatch(name) and name not in own]
    if set(named) != {"mean", "std"}:
        return None, []
    mean, std = (_per_channel(*named[which]) for which in ("mean", "std"))
    if len(mean) != len(std) or min(std) <= 0:
        raise WorkbenchError(f"holds a normaliser that makes no sense: mean {mean}, std {std}; give --mean and --std")
    return Normaliser(mean, std), names


def select(state: Mapping[str, Tensor], prefix: str, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network by its own names, each of the shape and kind of its own (``expected``).

    Raises:
        WorkbenchError: some are missing, of another shape, or there are more of the same modules: another architecture.
    """
    inside = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    missing = [name for name in expected if name not in inside and name.rpartition(".")[2] != OPTIONAL]
    if missing:
        raise WorkbenchError(f"lacks {_listed(missing)} of the model: another architecture")
    modules = {name.partition(".")[0] for name in expected}
    extra = [
        name for name in inside if name not in expected and name.partition(".")[0] in modules and not is_wrapped(name)
    ]
    if extra:
        raise WorkbenchError(f"holds {_listed(extra)}, for which the model has no place: another architecture")
    for name, own in expected.items():
        if name in inside and inside[name].shape != own.shape:
            here, there = tuple(inside[name].shape), tuple(own.shape)
            raise WorkbenchError(f"holds {name} of shape {here}, the model's is {there}: another architecture")
    return {name: _plain(name, inside[name], own) for name, own in expected.items() if name in inside}


def is_wrapped(name: str) -> bool:
    """Whether a name begins with a wrapper's prefix: a second copy of the network, say."""
    return name.startswith(PREFIXES)


def summary(names: Iterable[str]) -> str:
    """Many names in a few words: how many, and the modules that they are of."""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(map(_short, names))
    groups = list(dict.fromkeys(_module(name) for name in names))
    if len(groups) > SHOWN:
        groups = list(dict.fromkeys(_wrapper(name) or _module(name) for name in names))
    shown = ", ".join(f"{_short(group)}*" for group in groups[:SHOWN])
    return f"{len(names)} entries ({shown}{', …' if len(groups) > SHOWN else ''})"


def _module(name: str) -> str:
    return _wrapper(name) + name.removeprefix(_wrapper(name)).partition(".")[0]


def _wrapper(name: str) -> str:
    return _leading(name)[-1]


def _leading(key: str) -> list[str]:
    """Every leading run of known prefixes of a name, the empty one included."""
    runs = [""]
    while found := next((prefix for prefix in PREFIXES if key.startswith(runs[-1] + prefix)), None):
        runs.append(runs[-1] + found)
    return runs


def _plain(name: str, tensor: Tensor, own: Tensor) -> Tensor:
    """The tensor, if it is an ordinary one that holds as many numbers as it says."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise WorkbenchError(f"holds {name} as a sparse or quantised tensor; save it as an ordinary one")
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise WorkbenchError(f"is refused: {name} declares more numbers than the file holds")
    if tensor.is_floating_point() != own.is_floating_point():
        raise WorkbenchError(f"holds {name} as {tensor.dtype}, the model has {own.dtype}: another architecture")
    return tensor.detach()


def _per_channel(name: str, tensor: Tensor) -> tuple[float, ...]:
    if tensor.numel() > 16 or not tensor.is_floating_point():
        raise WorkbenchError(f"holds {name} of shape {tuple(tensor.shape)}, no normaliser; give --mean and --std")
    if not bool(torch.isfinite(tensor).all()):
        raise WorkbenchError(f"holds a normaliser, {name}, with values that are not finite; give --mean and --std")
    return tuple(round(value, 7) for value in tensor.double().flatten().tolist())


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(map(_short, names[:SHOWN])) + (f", … ({len(names)})" if len(names) > SHOWN else "")


def _short(name: str) -> str:
    """A name from a file, cut to what a line has room for."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
