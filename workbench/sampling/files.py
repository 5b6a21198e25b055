"""Reading a directory of samples: the merged file, and segments that are not merged yet. Torch-free."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, reason
from trainers.errors import WorkbenchError
from workbench.foreign import refuse_odd
from workbench.sampling.chain import Chain, Reason
from workbench.sampling.tables import COLUMNS, NAME, Rows, check, to_chain

SEGMENTS = f"{NAME}.d"


def files_of(out: Path) -> list[Path]:
    """The files that together hold the chains of a directory: the merged one, then the segments."""
    merged = out / NAME
    return ([merged] if merged.exists() else []) + segments(out, "*.h5")


def segments(out: Path, pattern: str) -> list[Path]:
    """The segments whose names match, in the order in which each process wrote them."""
    return sorted((out / SEGMENTS).glob(pattern))


def read_rows(path: Path, columns: Sequence[str]) -> tuple[Rows, dict[str, Any]]:
    """Some columns of all chains of a file, and its facts.

    Raises:
        WorkbenchError: missing, damaged or another format.
    """
    with open_samples(path) as file:
        facts = check(file, path)
        rows = {name: values(file, name, ...) for name in columns}
    if not set(rows.get("reason", np.empty(0)).tolist()) <= set(Reason):
        raise WorkbenchError(f"{path} is damaged: a chain ended for no known reason")
    if any((rows[name] < 0).any() for name in ("chain", "label", "stop_step") if name in rows):
        raise WorkbenchError(f"{path} is damaged: it has numbers below 0")
    return rows, facts


def values(file: h5py.File, name: str, rows: Any) -> NDArray[Any]:
    """Some rows of a column of an open file.

    Raises:
        WorkbenchError: they cannot be read; the checksums see to it that nothing wrong is.
    """
    try:
        found: NDArray[Any] = file[name][rows]
    except HDF5_ERRORS as error:
        raise WorkbenchError(
            f"{file.filename} is damaged ({reason(error)}); remove it and go on with --resume"
        ) from error
    return found


def open_samples(path: Path) -> h5py.File:
    """A file of samples, open for reading.

    Raises:
        WorkbenchError: missing, or not HDF5.
    """
    try:
        refuse_odd(path)
        return h5py.File(path, "r")
    except HDF5_ERRORS as error:
        raise WorkbenchError(f"cannot read {path} ({reason(error)}); remove it and go on with --resume") from error


class Place(NamedTuple):
    """Where a chain that ended lies: its file and row, the step at which it ended, and why."""

    path: Path
    row: int
    step: int
    reason: Reason


def ended_chains(out: Path) -> dict[int, Place]:
    """Every chain that ended, by number; of a chain that was gone on with, the longer one."""
    found: dict[int, Place] = {}
    for path in files_of(out):
        rows, _ = read_rows(path, ("chain", "stop_step", "reason"))
        numbers, steps, reasons = (rows[name].tolist() for name in ("chain", "stop_step", "reason"))
        for row, (number, step, why) in enumerate(zip(numbers, steps, reasons, strict=True)):
            if number not in found or found[number].step <= step:
                found[number] = Place(path, row, step, Reason(why))
    return found


def read_chain(path: Path, row: int) -> Chain:
    """One chain of a file.

    Raises:
        WorkbenchError: missing or damaged.
    """
    with open_samples(path) as file:
        check(file, path)
        return to_chain({name: values(file, name, slice(row, row + 1)) for name in COLUMNS}, 0)
