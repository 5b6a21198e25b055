"""Densities of pairs of energies, read epoch by epoch in a thread. Needs numpy: import it late."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import NOT_RECORDED
from trainers.errors import WorkbenchError
from workbench.analysis.density import Density, Range, central_range, density
from workbench.tui.facts.source import View

SHOWN = 0.996
"""Share of the energies that the axes show; single extremes do not squeeze the rest."""

MOST_SAMPLED, MOST_EPOCHS = 20_000, 8
"""Samples of an epoch, and epochs, from which the axes are chosen."""

KEPT = 16
"""Pictures that are kept."""

EMPTY_RANGE = (-1.0, 1.0)

CLOUDS = {
    "pair": (("energy", "energy_adv"),),
    "joint": (("energy", "joint_energy"), ("energy_adv", "joint_energy_adv")),
}
"""The pairs of columns (across, upwards) that each picture shows."""

ENERGIES = ("energy", "energy_adv", "joint_energy", "joint_energy_adv")
FLAGS = ("correct", "correct_adv")

Shape = tuple[int, int]


class Axes(NamedTuple):
    """What the axes show, in nats: of E(x) and E(x*), and of E(x,y) and E(x*,y)."""

    marginal: Range
    joint: Range


class Wanted(NamedTuple):
    """What is to be shown: an epoch, cells of each picture, and whether the axes are those of the epoch alone."""

    epoch: int
    shapes: tuple[tuple[str, Shape], ...]
    fitted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Planes:
    """The pictures of one epoch, and its numbers: NaN where there are none.

    Attributes:
        wanted: which these are.
        axes: what their axes show.
        densities: of each picture, one per pair of columns.
        positive: share of the samples of which ΔE is above 0: E(x*) is lower than E(x).
        wrong: share of x, and of x*, that is not classified as y.
        cross_entropy: median of x, and of x*, in nats.
    """

    wanted: Wanted
    axes: Axes
    densities: Mapping[str, tuple[Density, ...]]
    positive: float
    wrong: tuple[float, float]
    cross_entropy: tuple[float, float]


@dataclass(slots=True)
class EnergyPlanes:
    """The densities of one split of a run; ``step`` is called in one thread, ``look`` in another.

    Attributes:
        view: what is shown.
        wanted: what of it is shown.
        problem: why it could not be read, None where it could.
    """

    view: View
    wanted: Wanted = field(default_factory=lambda: Wanted(0, (), fitted=False))
    problem: str | None = None
    _axes: dict[int, Axes] = field(default_factory=dict)
    _kept: OrderedDict[tuple[Wanted, Axes | None], Planes] = field(default_factory=OrderedDict)
    _failed: tuple[View, Wanted] | None = None

    def is_of(self, view: View) -> bool:
        """Whether what was read is part of this view."""
        return self.view.data is view.data and self.view.split == view.split

    def look(self, view: View, wanted: Wanted) -> None:
        """Want these pictures."""
        self.view, self.wanted = view, wanted

    def planes(self) -> Planes | None:
        """The pictures that are wanted, if they are read."""
        return self._kept.get(self._key(self.view, self.wanted))

    def step(self) -> bool | None:
        """Read what is wanted; None if that is done, or cannot be."""
        view, wanted = self.view, self.wanted
        failed = self._failed is not None and self._failed[0] is view and self._failed[1] == wanted
        if not view.num_epochs or not wanted.shapes or self.planes() is not None or failed:
            return None
        try:
            if not wanted.fitted and _age(view) not in self._axes:
                self._axes = {_age(view): _axes_of(view)}
            planes = _read(view, wanted, None if wanted.fitted else self._axes[_age(view)])
        except (WorkbenchError, OSError) as error:
            self.problem, self._failed = str(error), (view, wanted)
            return True
        self.problem = None
        self._kept[self._key(view, wanted)] = planes
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return True

    def _key(self, view: View, wanted: Wanted) -> tuple[Wanted, Axes | None]:
        return wanted, None if wanted.fitted else self._axes.get(_age(view))


def _age(view: View) -> int:
    """Grows each time a run has doubled its epochs: then the axes are chosen anew."""
    return view.num_epochs.bit_length()


def _axes_of(view: View) -> Axes:
    """The axes of a whole run, from a few of its epochs."""
    recorded = np.flatnonzero(np.isfinite(view.table[f"{view.split}_delta_energy_mean"]))
    epochs = recorded if recorded.size else np.arange(view.num_epochs)
    chosen = np.unique(epochs[np.linspace(0, len(epochs) - 1, MOST_EPOCHS).astype(int)]).tolist()
    pooled: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ENERGIES}
    for epoch in chosen:
        for name, values in pooled.items():
            column = view.samples(name, epoch)
            values.append(column[:: 1 + len(column) // MOST_SAMPLED])
    return _axes({name: np.concatenate(values) for name, values in pooled.items()})


def _axes(columns: Mapping[str, NDArray[np.float32]]) -> Axes:
    marginal = central_range(np.concatenate([columns["energy"], columns["energy_adv"]]), SHOWN)
    joint = central_range(np.concatenate([columns["joint_energy"], columns["joint_energy_adv"]]), SHOWN)
    return Axes(marginal or EMPTY_RANGE, joint or EMPTY_RANGE)


def _read(view: View, wanted: Wanted, axes: Axes | None) -> Planes:
    columns = {name: view.samples(name, wanted.epoch) for name in (*ENERGIES, *FLAGS)}
    axes = axes or _axes(columns)
    ends = {"energy": axes.marginal, "energy_adv": axes.marginal}
    densities = {
        picture: tuple(
            density(columns[x], columns[y], ends[x], ends.get(y, axes.joint), shape) for x, y in CLOUDS[picture]
        )
        for picture, shape in wanted.shapes
    }
    known = np.isfinite(columns["energy"]) & np.isfinite(columns["energy_adv"])
    lower = np.count_nonzero(columns["energy_adv"][known] < columns["energy"][known])
    return Planes(
        wanted=wanted,
        axes=axes,
        densities=densities,
        positive=lower / len(known[known]) if known.any() else math.nan,
        wrong=(_wrong(columns["correct"]), _wrong(columns["correct_adv"])),
        cross_entropy=(
            _cross_entropy(columns["energy"], columns["joint_energy"]),
            _cross_entropy(columns["energy_adv"], columns["joint_energy_adv"]),
        ),
    )


def _wrong(flags: NDArray[np.uint8]) -> float:
    known = flags[flags != NOT_RECORDED]
    return float(np.mean(known == 0)) if known.size else math.nan


def _cross_entropy(energy: NDArray[np.float32], joint: NDArray[np.float32]) -> float:
    """Median of E(x,y) − E(x), the cross-entropy."""
    finite = np.isfinite(energy) & np.isfinite(joint)
    return float(np.median(joint[finite].astype(np.float64) - energy[finite])) if finite.any() else math.nan
