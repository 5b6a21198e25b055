"""When things happened in a run: on the axis of optimizer steps, and by the clock."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EnergyLog

Array = NDArray[np.float64]


class RunClock:
    """Steps and times of a run's epochs.

    The log has no times of epochs; they are put together from its beginning and the seconds that its epochs took, so
    pauses between are left out.

    Attributes:
        steps: optimizer steps made by the end of each epoch, shape (E,); the epoch's number where they do not grow in
            every epoch, so were not counted.
        start: when the run began, seconds since 1970-01-01 UTC; 0 where the log does not say.
        ends: when each epoch ended, shape (E,).
    """

    def __init__(self, log: EnergyLog) -> None:
        """Read the epochs of a log."""
        rows = log.epochs()
        last = rows["last_step"]
        is_counted = bool((np.diff(last, prepend=0) > 0).all())
        self.steps: NDArray[np.int64] = last if is_counted else rows["epoch"]
        self.start = _seconds(log.meta.created)
        training, evaluation = (np.maximum(_known(rows[f"{name}_seconds"]), 0.0) for name in ("train", "evaluation"))
        with np.errstate(over="ignore"):
            self.ends: Array = self.start + np.cumsum(training + evaluation)
        # Of the steps' epochs; the one that is being trained has no row yet, so its steps take no time.
        self._begins = np.append(np.insert(self.ends, 0, self.start)[: len(rows)], self.end)
        self._lengths = np.append(training, 0.0)

    @property
    def end(self) -> float:
        """When the last epoch ended."""
        return float(self.ends[-1]) if len(self.ends) else self.start

    def of_steps(self, epochs: NDArray[np.int64]) -> Array:
        """When each of a run's steps was made, as if all steps of an epoch took the same time.

        Args:
            epochs: the epoch of each step, ascending, shape (S,).

        Returns:
            Seconds since 1970-01-01 UTC, shape (S,).
        """
        _, first, counts = np.unique(epochs, return_index=True, return_counts=True)
        share = (np.arange(len(epochs)) - np.repeat(first, counts) + 1) / np.repeat(counts, counts)
        known = np.clip(epochs, 0, len(self.ends))
        times: Array = self._begins[known] + share * self._lengths[known]
        return times


def _known(seconds: Array) -> Array:
    return np.nan_to_num(seconds, nan=0.0, posinf=0.0, neginf=0.0)


def _seconds(created: str) -> float:
    """Seconds since 1970 of an ISO date, in UTC unless it says otherwise; 0 where it is none."""
    try:
        date = datetime.fromisoformat(created)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
