"""In which order checkpoints become epochs."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainers.errors import WorkbenchError

Order = Callable[[Sequence[Path]], list[Path]]

_NUMBER = re.compile(r"\d{1,18}")


def _by_name(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.name, str(path)))


def _by_number(paths: Sequence[Path]) -> list[Path]:
    """By the last number in the name without its ending: model_10.pt after model_9.pt."""
    numbers = {path: _NUMBER.findall(path.stem) for path in paths}
    without = [path.name for path, found in numbers.items() if not found]
    if without:
        raise WorkbenchError(f"--order number: there is no number in {without[0]}; leave it out, or use --order given")
    return sorted(paths, key=lambda path: int(numbers[path][-1]))


def _by_time(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns)


ORDERS: Mapping[str, Order] = {"given": list, "name": _by_name, "number": _by_number, "time": _by_time}
"""``--order``: as given, by file name, by the last number in it, or by time of last change."""


def in_order(paths: Sequence[Path], order: str) -> list[Path]:
    """The checkpoints in the order of their epochs; equals stay as they were given.

    Raises:
        WorkbenchError: no such order, or a name without a number.
    """
    if order not in ORDERS:
        raise WorkbenchError(f"--order must be one of {', '.join(ORDERS)}; got {order!r}")
    return ORDERS[order](paths)


def names_of(paths: Sequence[Path]) -> list[str]:
    """What to call checkpoints: their file names, with folders as far as those are needed to tell them apart."""
    for depth in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
