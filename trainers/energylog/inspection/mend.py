"""What of one epoch can be kept, and what becomes "not recorded" because it cannot be believed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.inspection.contents import ACCURACIES, Epoch, check_epoch
from trainers.energylog.inspection.findings import Findings
from trainers.energylog.schema import (
    DELTA_STATISTICS,
    EPOCH_COLUMNS,
    EPOCH_DTYPE,
    HISTOGRAM_BINS,
    HISTOGRAM_OF,
    NOT_RECORDED,
    SPLITS,
)
from trainers.energylog.statistics import delta_statistics, histogram_counts

_MEASURES = tuple(column.name for column in EPOCH_COLUMNS if column.dtype[0] == "f")
_BOUNDED = (*ACCURACIES, "train_seconds", "evaluation_seconds", "learning_rate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """One epoch to be written: every value is one that was read, follows from those, or says "not recorded".

    Attributes:
        row: EPOCH_DTYPE, shape (1,).
        tables: By path; those that are missing here are not recorded.
        histograms: Counts by path.
    """

    row: NDArray[np.void]
    tables: dict[str, NDArray[Any]]
    histograms: dict[str, NDArray[np.uint32]]


def mend_epoch(epoch: Epoch, last_step: int, steps_by_then: int | None, found: Findings) -> Mended:
    """Keep what is intact of an epoch.

    Where ΔE statistics, histogram and samples disagree, the two that agree are believed; where both differ from the
    samples, those are not recorded.

    Args:
        epoch: What could be read.
        last_step: The ``last_step`` of the epoch before.
        steps_by_then: The step after the last one in ``/step`` by the end of this epoch, if there is one.
        found: Takes what was lost or made anew.
    """
    wrong = Findings()
    check_epoch(epoch, last_step, wrong)
    faults = {(finding.where, finding.what) for finding in wrong.all() if finding.damage}
    row_is_lost = epoch.row is None or epoch.row["epoch"] != epoch.number or epoch.row["last_step"] < last_step
    if row_is_lost and epoch.row is not None:
        found.add("/epoch", "the row of another epoch, not kept", epoch.number)
    row = _lost_row(epoch.number, last_step, steps_by_then) if row_is_lost else np.array([epoch.row], dtype=EPOCH_DTYPE)
    if row_is_lost:
        found.add("/epoch", "measures are not recorded", epoch.number)
    for name in _BOUNDED:
        if not _is_sensible(name, float(row[name][0])):
            row[name] = np.nan
            found.add("/epoch", f"{name} made no sense and is not recorded", epoch.number)
    for path in (path for path, values in epoch.tables.items() if values is None):
        found.add(path, "unreadable, not recorded", epoch.number)
    tables = {
        path: _flags(path, values, epoch.number, found) for path, values in epoch.tables.items() if values is not None
    }
    histograms: dict[str, NDArray[np.uint32]] = {}
    for split in SPLITS:
        histograms[HISTOGRAM_OF[split]] = _mend_delta(epoch, split, row, tables, faults, row_is_lost, found)
    return Mended(row=row, tables=tables, histograms=histograms)


def _mend_delta(
    epoch: Epoch,
    split: str,
    row: NDArray[np.void],
    tables: dict[str, NDArray[Any]],
    faults: set[tuple[str, str]],
    row_is_lost: bool,
    found: Findings,
) -> NDArray[np.uint32]:
    """Make ΔE statistics (in ``row``), samples (in ``tables``) and the histogram, which is returned, agree."""
    path, delta, counts = HISTOGRAM_OF[split], epoch.delta(split), epoch.histograms[HISTOGRAM_OF[split]]
    has_samples = delta is not None and bool(np.isfinite(delta).any())
    counts_differ = any(where == path for where, _ in faults)
    row_differs = any(where == "/epoch" and f" of {split} " in what for where, what in faults)
    if counts_differ and row_differs and has_samples:
        for name in ("energy", "energy_adv"):
            tables.pop(f"/{split}/{name}")
        found.add(f"/{split}/energy", "at odds with the statistics and histograms, not kept", epoch.number)
        counts_differ = row_differs = has_samples = False
    if row_differs or (row_is_lost and has_samples):
        made = delta_statistics(delta) if delta is not None else dict.fromkeys(DELTA_STATISTICS, np.nan)
        for name, value in made.items():
            row[f"{split}_delta_energy_{name}"] = value
        what = "were made anew from the samples" if has_samples else "made no sense and are not recorded"
        found.add("/epoch", f"ΔE statistics of {split} {what}", epoch.number)
    if counts is not None and not counts_differ:
        return counts
    if has_samples and delta is not None:
        found.add(path, "made anew from the samples", epoch.number)
        return histogram_counts(delta)
    found.add(path, "lost; its counts are 0", epoch.number)
    return np.zeros(HISTOGRAM_BINS, dtype=np.uint32)


def _lost_row(number: int, last_step: int, steps_by_then: int | None) -> NDArray[np.void]:
    row = np.zeros(1, dtype=EPOCH_DTYPE)
    for name in _MEASURES:
        row[name] = np.nan
    row["epoch"] = number
    row["last_step"] = max(last_step, steps_by_then or 0)
    return row


def _is_sensible(name: str, value: float) -> bool:
    if np.isnan(value):
        return True
    if name in ACCURACIES:
        return 0 <= value <= 1
    return np.isfinite(value) and (value >= 0 or name == "learning_rate")


def _flags(path: str, values: NDArray[Any], number: int, found: Findings) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return values
    wrong = (values > 1) & (values != NOT_RECORDED)
    if not wrong.any():
        return values
    found.add(path, "flags that made no sense are not recorded", number)
    return np.where(wrong, np.uint8(NOT_RECORDED), values)
