"""What can be read of one epoch, and whether it makes sense."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.inspection.findings import Findings
from trainers.energylog.inspection.rows import UnreadableError
from trainers.energylog.inspection.source import Source
from trainers.energylog.schema import (
    DELTA_STATISTICS,
    EPOCH_COLUMNS,
    HISTOGRAM_OF,
    NOT_RECORDED,
    QUANTILES,
    SAMPLE_COLUMNS,
    SPLITS,
)
from trainers.energylog.statistics import delta_statistics, histogram_counts

ACCURACIES = tuple(column.name for column in EPOCH_COLUMNS if column.unit == "fraction")
_SECONDS = tuple(column.name for column in EPOCH_COLUMNS if column.unit == "s")
_LOSSES = ("train_loss", "train_regularizer")
_ROUNDING = 1e-5
"""Relative difference of statistics that another order of summation, or other precision, may make."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One epoch as it could be read; None is what could not.

    Attributes:
        number: The epoch.
        row: Its row of ``/epoch``.
        tables: Its per-sample columns by path, each of shape (N,).
        histograms: Its counts by path, each of shape (HISTOGRAM_BINS,).
    """

    number: int
    row: np.void | None
    tables: dict[str, NDArray[Any] | None]
    histograms: dict[str, NDArray[np.uint32] | None]

    @property
    def is_lost(self) -> bool:
        """Whether nothing of it could be read."""
        parts = (self.row, *self.tables.values(), *self.histograms.values())
        return all(part is None for part in parts)

    def delta(self, split: str) -> NDArray[np.float32] | None:
        """ΔE(x) of a split in nats, shape (N,), where both energies could be read."""
        energy, energy_adv = (self.tables[f"/{split}/{name}"] for name in ("energy", "energy_adv"))
        if energy is None or energy_adv is None:
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            difference: NDArray[np.float32] = energy - energy_adv
        return difference


def read_epoch(source: Source, number: int, found: Findings) -> Epoch:
    """Read all of one epoch, noting what cannot be read."""

    def read(path: str) -> Any:
        if not source.has(path):
            return None  # said once, of the whole data set
        try:
            return source.rows(path, number, number + 1)[0]
        except UnreadableError as error:
            found.add(error.where or path, str(error), number)
            return None

    return Epoch(
        number=number,
        row=read("/epoch"),
        tables={
            f"/{split}/{column.name}": read(f"/{split}/{column.name}") for split in SPLITS for column in SAMPLE_COLUMNS
        },
        histograms={HISTOGRAM_OF[split]: read(HISTOGRAM_OF[split]) for split in SPLITS},
    )


def check_epoch(epoch: Epoch, last_step: int, found: Findings) -> int:
    """Whether the numbers of an epoch can be true, and agree.

    Args:
        epoch: What could be read of it.
        last_step: The ``last_step`` of the epoch before.
        found: Takes what is wrong.

    Returns:
        The epoch's ``last_step``, or ``last_step`` where it cannot be read.
    """

    def expect(holds: Any, where: str, what: str, *, damage: bool = True) -> None:
        if not np.all(holds):
            found.add(where, what, epoch.number, damage=damage)

    for path, values in epoch.tables.items():
        if values is not None and values.dtype.kind == "f":
            expect(~np.isinf(values), path, "infinite energies (the run diverged)", damage=False)
        elif values is not None:
            expect((values <= 1) | (values == NOT_RECORDED), path, f"flags other than 0, 1 and {NOT_RECORDED}")
    for split in SPLITS:
        counts, delta = epoch.histograms[HISTOGRAM_OF[split]], epoch.delta(split)
        if counts is not None and delta is not None and len(delta):
            expect(counts.sum(dtype=np.int64) <= len(delta), HISTOGRAM_OF[split], "more counts than samples")
        if delta is not None and np.isfinite(delta).any():
            _check_delta(epoch, split, delta, expect)
    return last_step if epoch.row is None else _check_row(epoch, epoch.row, last_step, expect)


def _check_row(epoch: Epoch, row: np.void, last_step: int, expect: Callable[..., None]) -> int:
    made = int(row["last_step"])
    expect(row["epoch"] == epoch.number, "/epoch", "the number of another epoch")
    expect(made >= last_step, "/epoch", "fewer steps than by the epoch before")
    for name in ACCURACIES:
        expect(np.isnan(row[name]) or 0 <= row[name] <= 1, "/epoch", f"{name} is no fraction")
    for name in _SECONDS:
        expect(np.isnan(row[name]) or 0 <= row[name] < np.inf, "/epoch", f"{name} is no duration")
    expect(not np.isinf(row["learning_rate"]), "/epoch", "learning_rate is infinite")
    for name in _LOSSES:
        expect(not np.isinf(row[name]), "/epoch", f"{name} is infinite (the run diverged)", damage=False)
    for split in SPLITS:
        values = np.array([row[f"{split}_delta_energy_{name}"] for name in DELTA_STATISTICS])
        expect(
            np.isfinite(values).all() or np.isnan(values).all(),
            "/epoch",
            f"ΔE statistics of {split} are in part missing",
        )
        quantiles = values[-len(QUANTILES) :]
        expect(
            np.isnan(quantiles).any() or (np.diff(quantiles) >= 0).all(),
            "/epoch",
            f"ΔE quantiles of {split} do not ascend",
        )
    return max(made, last_step)


def _check_delta(epoch: Epoch, split: str, delta: NDArray[np.float32], expect: Callable[..., None]) -> None:
    """Compare what is stored about ΔE with the samples themselves. Where none was kept there is nothing to compare."""
    counts = epoch.histograms[HISTOGRAM_OF[split]]
    if counts is not None:
        expect(counts == histogram_counts(delta), HISTOGRAM_OF[split], "counts differ from those of the samples")
    if epoch.row is not None:
        energies = [epoch.tables[f"/{split}/{name}"] for name in ("energy", "energy_adv")]
        finite = [np.abs(values[np.isfinite(values)]).max() for values in energies if values is not None]
        for name, value in delta_statistics(delta).items():
            near = np.isclose(
                epoch.row[f"{split}_delta_energy_{name}"], value, rtol=_ROUNDING, atol=_ROUNDING * max(finite)
            )
            expect(near, "/epoch", f"ΔE statistics of {split} differ from those of the samples")
