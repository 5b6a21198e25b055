"""Some chains of a folder of samples: their images and the energies of their steps. Call it in a thread."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.sampling.chain import Reason
from workbench.sampling.files import files_of, open_samples, values
from workbench.sampling.spec import SamplingSpec
from workbench.sampling.tables import check

MOST_ROWS = 2_000_000
"""Chains of one folder that are looked at."""

MOST_PIXELS, MOST_ENERGIES = 32 * 2**20, 2**21
"""Numbers that are read at once."""

MOST_LINES = 100
"""Chains whose energies are read at once."""

BEYOND = 1e12
"""Energies of such a size are not drawn; a file may hold anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What ``adaptive`` stopping aims at: Ē_y of each class by number, and √τ, in nats; empty of other rules."""

    means: Mapping[int, float] = field(default_factory=dict)
    width: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chains:
    """Chains that have ended, in the order of their numbers.

    Attributes:
        total: how many there are in the folder.
        first: the place of the first one here among them.
        number: of each chain (n,).
        label: its class (n,).
        stop_step: updates that it made (n,).
        reason: why it ended (n,).
        image: what it ended as (n, C, H, W), grey levels.
        joint: E(x,y) in nats of each step (m, T+1) of the first m ≤ n chains, NaN after the last.
        names: of the classes.
        target: what the stopping rule aims at.
        facts: all that the file says of how they were made.
    """

    total: int
    first: int
    number: NDArray[np.int64]
    label: NDArray[np.int64]
    stop_step: NDArray[np.int64]
    reason: NDArray[np.uint8]
    image: NDArray[np.uint8]
    joint: NDArray[np.float32]
    names: tuple[str, ...]
    target: Target
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.number)

    def name(self, label: int) -> str:
        """The name of a class, its number where it has none."""
        return self.names[label] if label < len(self.names) else str(label)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where each chain of a folder lies, sorted by its number: number, file and row (n,)."""

    files: tuple[Path, ...]
    number: NDArray[np.int64]
    file: NDArray[np.int64]
    row: NDArray[np.int64]

    def some(self, at: Sequence[int]) -> "Places":
        """Those at some places, in that order."""
        return Places(self.files, self.number[at], self.file[at], self.row[at])


def find_chains(folder: Path) -> Places:
    """Every chain of a folder that has ended; of one that was gone on with, the later one.

    Raises:
        WorkbenchError: a file is damaged.
    """
    files = tuple(files_of(folder))
    numbers, parts, rows, left = [], [], [], MOST_ROWS
    for index, path in enumerate(files):
        with open_samples(path) as opened:
            check(opened, path)
            number = values(opened, "chain", slice(0, left)).astype(np.int64)
        left -= len(number)
        numbers.append(number)
        parts.append(np.full(len(number), index))
        rows.append(np.arange(len(number)))
    if not files:
        return Places((), *(np.empty(0, np.int64) for _ in range(3)))
    number, part, row = (np.concatenate(each)[::-1] for each in (numbers, parts, rows))
    number, kept = np.unique(number, return_index=True)
    return Places(files, number, part[kept], row[kept])


def read_chains(places: Places, first: int, count: int) -> Chains | None:
    """Some chains of a folder, as many of ``count`` from ``first`` on as memory allows; None if there are none.

    Raises:
        WorkbenchError: a file is damaged, or is gone.
    """
    total = len(places.row)
    stop = min(total, first + count)
    if not 0 <= first < stop:
        return None
    parts: list[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]] = []
    facts: dict[str, Any] = {}
    for index in np.unique(places.file[first:stop]).tolist():
        at = first + np.flatnonzero(places.file[first:stop] == index)
        path = places.files[index]
        with open_samples(path) as opened:
            facts = check(opened, path)
            parts.append((at, _rows(opened, path, at, places.row[at])))
    order = np.concatenate([at[: len(rows["chain"])] for at, rows in parts]).argsort()
    shapes = {rows["image"].shape[1:] for _, rows in parts}
    if len(shapes) != 1:
        raise WorkbenchError(f"{places.files[0].parent} holds images of several sizes")
    merged = {name: np.concatenate([rows[name] for _, rows in parts])[order] for name in parts[0][1] if name != "joint"}
    return Chains(
        total=total,
        first=first,
        number=merged["chain"],
        label=merged["label"],
        stop_step=merged["stop_step"],
        reason=merged["reason"],
        image=merged["image"],
        joint=_joined([rows["joint"] for _, rows in parts])[order][:MOST_LINES],
        names=_names(facts),
        target=target_of(facts),
        facts=facts,
    )


def image_shape(places: Places) -> tuple[int, int]:
    """Height and width of the images, (0, 0) if there are none.

    Raises:
        WorkbenchError: these are no pictures.
    """
    if not places.files:
        return 0, 0
    with open_samples(places.files[0]) as opened:
        check(opened, places.files[0])
        return _picture_shape(opened, places.files[0])[1:]


def target_of(facts: Mapping[str, Any]) -> Target:
    """What the stopping rule of samples aims at, as their file says; nothing where it says nothing."""
    try:
        spec = SamplingSpec.from_dict(facts["sampling"])
        means = facts["class_mean_energies"]
        if spec.stop != "adaptive" or not isinstance(means, list):
            return Target()
        known = {
            label: float(mean)
            for label, mean in enumerate(means)
            if isinstance(mean, int | float) and abs(mean) < BEYOND
        }
        return Target(means=known, width=math.sqrt(spec.stop_tol))
    except (WorkbenchError, KeyError, TypeError):
        return Target()


def _picture_shape(file: h5py.File, path: Path) -> tuple[int, int, int]:
    channels, height, width = file["image"].shape[1:]
    if channels not in (1, 3) or not 0 < channels * height * width <= MOST_PIXELS:
        raise WorkbenchError(f"{path} holds no pictures: an image has the shape {channels, height, width}")
    return channels, height, width


def _rows(file: h5py.File, path: Path, at: NDArray[np.int64], rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Columns of some rows of a file; fewer where an image is large."""
    shape = _picture_shape(file, path)
    at = rows[: max(1, MOST_PIXELS // math.prod(shape))]
    order = at.argsort()
    back = order.argsort()
    found = {name: values(file, name, at[order])[back] for name in ("chain", "label", "stop_step", "reason", "image")}
    if any((found[name] < 0).any() for name in ("chain", "label", "stop_step")):
        raise WorkbenchError(f"{path} is damaged: it has numbers below 0")
    if (found["reason"] > max(Reason)).any():
        raise WorkbenchError(f"{path} is damaged: a chain ended for no known reason")
    columns = file["joint_energy"].shape[1]
    lines = min(len(at), MOST_LINES, max(1, MOST_ENERGIES // max(1, columns)))
    joint = np.full((len(at), min(columns, MOST_ENERGIES)), np.nan, np.float32)
    some = np.sort(at[:lines])
    joint[:lines] = values(file, "joint_energy", (some, slice(0, joint.shape[1])))[at[:lines].argsort().argsort()]
    joint[~(np.abs(joint) < BEYOND)] = np.nan
    return {
        **{name: column if name in ("image", "reason") else column.astype(np.int64) for name, column in found.items()},
        "joint": joint,
    }


def _joined(tables: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Energies below each other, as wide as the widest."""
    width = max(table.shape[1] for table in tables)
    wide = [np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=np.nan) for table in tables]
    return np.concatenate(wide)


def _names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    names = facts.get("class_names")
    return tuple(str(name)[:200] for name in names[:100_000]) if isinstance(names, list) else ()
