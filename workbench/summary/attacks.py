"""Energies under several attacks, from the tables that a probe leaves beside its log."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.energylog import EnergyLog
from trainers.energylog.attack_tables import AttackTables, attacks_path
from trainers.errors import WorkbenchError
from workbench.summary.epochs import number

STATISTICS = ("mean", "std", "q05", "q50", "q95")


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
class AttackSummary:
    """What there is beside a log: rows by epoch, natural samples first; or why they cannot be shown."""

    path: Path
    rows: tuple[AttackRow, ...]
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
            names = tables.inputs
    except WorkbenchError as error:
        return AttackSummary(path=path, rows=(), trouble=str(error))
    rows = [_row(epoch, name, row) for epoch, of in enumerate(statistics) for name, row in zip(names, of, strict=True)]
    return AttackSummary(path=path, rows=tuple(rows), trouble=None)


def _row(epoch: int, name: str, row: np.void) -> AttackRow:
    return AttackRow(
        epoch=epoch,
        attack=name,
        accuracy=number(row["accuracy"]),
        energy={statistic: number(row[f"energy_{statistic}"]) for statistic in STATISTICS},
        delta_energy={statistic: number(row[f"delta_energy_{statistic}"]) for statistic in STATISTICS},
        share_lower=number(row["share_lower"]),
    )
