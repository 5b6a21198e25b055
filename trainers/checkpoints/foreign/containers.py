"""Where in what a file holds the weights are: containers as training scripts make them."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from trainers.errors import WorkbenchError

BEST_AND_LAST = ("best", "last")
CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
AVERAGES = ("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "model_state_dict_ema")
DEPTH = 6
SHOWN = 8


def find_state(loaded: Any, key: str | None = None) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict in what was loaded, and what there is to say about the choice.

    Of ``{last, best}`` the best is taken, of a list the last; averaged weights only by ``key`` or where there are no
    others.

    Args:
        loaded: a state dict, or dicts and lists around one.
        key: which entry to take where there are several: a key, or a number in a list.

    Raises:
        WorkbenchError: there are no weights, no such entry, or several without a rule to choose by.
    """
    notes: list[str] = []
    entries: list[str] = []
    value = loaded
    for _ in range(DEPTH):
        if key is not None and (chosen := _entry(value, key)) is not None:
            value, key = chosen, None
            continue
        if isinstance(value, Mapping):
            names = _weighty(value)
            if not names and _holds_tensors(value):
                if key is not None:
                    raise _no_entry(key, entries)
                return {str(name): tensor for name, tensor in value.items() if isinstance(tensor, Tensor)}, notes
            entries += names
            name = _choose(names, key)
            others = [other for other in names if other != name]
            if others:
                notes.append(f"took {name!r} of {', '.join(names[:SHOWN])} (--state chooses)")
            elif name in AVERAGES:
                notes.append(f"took the averaged weights {name!r}, there are no others")
            value = value[name]
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
            if key is not None:
                raise _no_entry(key, [str(i) for i in range(len(value))])
            if len(value) > 1:
                notes.append(f"took the last of {len(value)} state dicts (--state 0 takes the first)")
            value = value[-1]
        else:
            break
    raise WorkbenchError("holds no weights: no tensors by name were found in it")


def _entry(value: Any, key: str) -> Any:
    """The entry of a dict or a list, None if there is none of weights."""
    entry = None
    if isinstance(value, Mapping):
        entry = value.get(key)
    elif isinstance(value, list | tuple) and key.isascii() and key.isdigit() and len(key) < 9 and int(key) < len(value):
        entry = value[int(key)]
    return entry if isinstance(entry, Mapping | list | tuple) else None


def _choose(names: list[str], key: str | None) -> str:
    for known in (*BEST_AND_LAST, *CONTAINERS):
        if known in names:
            return known
    if not names:
        raise WorkbenchError("holds no weights: no tensors by name were found in it")
    if key is not None:
        raise _no_entry(key, names)
    others = [name for name in names if name not in AVERAGES] or names[:1]
    if len(others) > 1:
        raise WorkbenchError(f"holds weights under {', '.join(others[:SHOWN])}; choose with --state")
    return others[0]


def _weighty(value: Mapping[Any, Any]) -> list[str]:
    """The keys of a dict under which weights lie."""
    return [key for key, inner in value.items() if isinstance(key, str) and _leads_to_tensors(inner, DEPTH)]


def _leads_to_tensors(value: Any, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        if "param_groups" in value:  # an optimizer
            return False
        return _holds_tensors(value) or any(_leads_to_tensors(v, depth - 1) for k, v in value.items() if k in _KNOWN)
    if isinstance(value, list | tuple):
        return bool(value) and _leads_to_tensors(value[-1], depth - 1)
    return False


_KNOWN = frozenset((*BEST_AND_LAST, *CONTAINERS, *AVERAGES))


def _holds_tensors(value: Mapping[Any, Any]) -> bool:
    return any(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items())


def _no_entry(key: str, names: list[str]) -> WorkbenchError:
    known = f"it has {', '.join(names[:SHOWN])}" if names else "it is one state dict; drop --state"
    return WorkbenchError(f"has no weights under {key!r}; {known}")
