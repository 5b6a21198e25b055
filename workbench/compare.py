"""Several runs side by side on one axis: epochs, optimizer steps, or epochs since each run's onset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog
from workbench.onset import Onset
from workbench.summary import EpochSummary, RunSummary, summarize

Align = Literal["epoch", "step", "onset"]

ALIGNMENTS: Mapping[Align, str] = {"epoch": "epoch", "step": "optimizer step", "onset": "epochs since onset"}
"""The axes that runs can be laid on, and what each counts."""

MEASURES = ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy", "delta_energy_mean")
"""The curves of a comparison; accuracies are fractions, of the probe set unless named otherwise; ΔE is in nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One run in a comparison.

    Attributes:
        summary: the run.
        steps: optimizer steps made by the end of each epoch, shape (E,); None where the log does not say.
        edges: where each epoch begins on the axis and the last one ends, shape (E + 1,); None where it has no place.
        positions: where each epoch was evaluated on the axis, shape (E,); None likewise.
        left_out: why the run has no place on the axis; None where it has one.
    """

    summary: RunSummary
    steps: NDArray[np.int64] | None
    edges: NDArray[np.float64] | None
    positions: NDArray[np.float64] | None
    left_out: str | None

    def curve(self, measure: str) -> NDArray[np.float64]:
        """A name of MEASURES over the epochs, NaN where missing, shape (E,)."""
        values = [_value(epoch, measure) for epoch in self.summary.epochs]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def onset_step(self, onset: Onset) -> int | None:
        """The step at which an onset set in: as its flag says, else the first of its epoch; None where unknown."""
        if "onset_step" in onset.evidence:
            return int(onset.evidence["onset_step"])
        if self.steps is None or onset.epoch >= len(self.steps):
            return None
        return int(self.steps[onset.epoch - 1]) if onset.epoch else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Runs on one axis, in the order in which they were given."""

    align: Align
    tracks: tuple[Track, ...]


def compare(paths: Sequence[str | Path], align: Align = "epoch") -> Comparison:
    """Read runs and lay them on one axis.

    Args:
        paths: run directories or log files.
        align: what the axis counts. By onset, 0 is the epoch of each run's first onset of either kind, and runs
            without one are left out.

    Raises:
        WorkbenchError: one of them is no readable energy log.
    """
    return Comparison(align=align, tracks=tuple(_track(path, align) for path in paths))


def first_onset(summary: RunSummary) -> Onset | None:
    """The onset that set in first, of whatever kind."""
    return min(summary.onsets, key=lambda onset: onset.epoch, default=None)


def _track(path: str | Path, align: Align) -> Track:
    with EnergyLog.open(path) as log:
        return lay(summarize(log), log.epochs()["last_step"], align)


def lay(summary: RunSummary, last_step: NDArray[np.int64], align: Align) -> Track:
    """A run on an axis; ``last_step`` are the optimizer steps made by the end of each epoch, shape (E,)."""
    steps = _steps(last_step)
    num_epochs, onset = summary.committed, first_onset(summary)
    left_out = None
    if not num_epochs:
        left_out = "no epoch is finished yet"
    elif align == "step" and steps is None:
        left_out = "its log has no steps"
    elif align == "onset" and onset is None:
        left_out = "it has no onset"
    if left_out is not None:
        return Track(summary=summary, steps=steps, edges=None, positions=None, left_out=left_out)
    if align == "step":
        assert steps is not None
        edges = np.concatenate([[0], steps]).astype(np.float64)
        return Track(summary=summary, steps=steps, edges=edges, positions=edges[1:], left_out=None)
    origin = onset.epoch if align == "onset" and onset is not None else 0
    edges = np.arange(num_epochs + 1, dtype=np.float64) - origin
    return Track(summary=summary, steps=steps, edges=edges, positions=edges[:-1], left_out=None)


def _steps(last_step: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Steps by the end of each epoch; None where they were not counted (they must grow in every epoch)."""
    return last_step if len(last_step) and bool((np.diff(last_step, prepend=0) > 0).all()) else None


def _value(epoch: EpochSummary, measure: str) -> float | None:
    if measure == "delta_energy_mean":
        return epoch.delta_energy.mean
    value: float | None = getattr(epoch, measure)
    return value
