"""Energies under several attacks, from the tables that a probe leaves beside its log."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog
from trainers.energylog.attack_tables import AttackTables, attacks_path
from trainers.errors import WorkbenchError
from workbench.summary.epochs import number

STATISTICS = ("mean", "std", "q05", "q50", "q95")
BINS = 40
_TAIL = 0.005
"""Share of the values at each end that falls into the end bins of a distribution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackRow:
    """One attack in one epoch; energies in nats; None where missing.

    Attributes:
        epoch: number of the epoch.
        attack: name of the attack, "natural" for x itself.
        accuracy: share of the inputs that are classified as their class.
        energy: statistics of E(x*) by name of STATISTICS.
        delta_energy: those of ΔE(x) = E(x) − E(x*).
        share_lower: share of samples with E(x*) < E(x).
    """

    epoch: int
    attack: str
    accuracy: float | None
    energy: dict[str, float | None]
    delta_energy: dict[str, float | None]
    share_lower: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Distributions:
    """Distributions of energies in one epoch over common bins.

    Attributes:
        epoch: number of the epoch.
        edges: BINS + 1 edges in nats, ascending; the end bins also take what lies beyond.
        counts: samples per bin of E(x) under "natural" and of E(x*) under each attack.
    """

    epoch: int
    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackSummary:
    """What there is beside a log: rows by epoch, natural samples first; or why they cannot be shown.

    ``energies`` are the distributions of the last epoch, None without one or if no energy is finite.
    """

    path: Path
    rows: tuple[AttackRow, ...]
    energies: Distributions | None
    trouble: str | None


def read_attacks(log: EnergyLog) -> AttackSummary | None:
    """The attack tables beside a log, of its committed epochs; None where there are none.

    A damaged file, or one of another run, does not keep anybody from the log: its trouble is said instead.
    """
    path = attacks_path(log.path)
    if not path.exists():
        return None
    try:
        with AttackTables.open(path) as tables:
            if tables.run_id != log.meta.run_id:
                raise WorkbenchError(f"{path} is of another run, {tables.run_id}")
            statistics = tables.statistics()[: log.committed]
            names, last = tables.inputs, len(statistics) - 1
            energies = _distributions(last, names, tables.values("energy", last)) if last >= 0 else None
    except WorkbenchError as error:
        return AttackSummary(path=path, rows=(), energies=None, trouble=str(error))
    rows = [_row(epoch, name, row) for epoch, of in enumerate(statistics) for name, row in zip(names, of, strict=True)]
    return AttackSummary(path=path, rows=tuple(rows), energies=energies, trouble=None)


def _row(epoch: int, name: str, row: np.void) -> AttackRow:
    return AttackRow(
        epoch=epoch,
        attack=name,
        accuracy=number(row["accuracy"]),
        energy={statistic: number(row[f"energy_{statistic}"]) for statistic in STATISTICS},
        delta_energy={statistic: number(row[f"delta_energy_{statistic}"]) for statistic in STATISTICS},
        share_lower=number(row["share_lower"]),
    )


def _distributions(epoch: int, names: tuple[str, ...], energy: NDArray[np.float32]) -> Distributions | None:
    """Counts of energies (inputs, N) per bin; bins are even between the tails of all inputs together."""
    finite = [row[np.isfinite(row)].astype(np.float64) for row in energy]
    everything = np.concatenate(finite)
    if not len(everything):
        return None
    low, high = np.quantile(everything, (_TAIL, 1 - _TAIL))
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = [np.histogram(row.clip(edges[0], edges[-1]), edges)[0] for row in finite]
    by_name = {name: tuple(count.tolist()) for name, count in zip(names, counts, strict=True)}
    return Distributions(epoch=epoch, edges=tuple(edges.tolist()), counts=by_name)
