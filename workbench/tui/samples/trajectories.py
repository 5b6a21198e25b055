"""The energies of one sample over the epochs, read bit by bit in a thread. Needs numpy: import it late."""

from collections import OrderedDict
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import NOT_RECORDED
from trainers.errors import WorkbenchError
from workbench.tui.facts.source import View

KEPT = 64
"""Samples whose trajectories are kept: the latest."""

ENERGIES = ("energy", "energy_adv")
FLAGS = ("correct", "correct_adv")
ROW = np.dtype([("read", np.bool_), *((name, np.float32) for name in ENERGIES), *((name, np.uint8) for name in FLAGS)])
"""What is kept of an epoch."""


class Sample(NamedTuple):
    """A sample: of which log, of which set, and its place in it."""

    data: object
    split: Literal["train", "probe"]
    row: int


class Trajectory:
    """What was recorded of one sample, as far as it has been read: written in a thread, while it is drawn.

    Attributes:
        rows: whether an epoch was read, E(x) and E(x*) in nats, NaN where they are missing, and 0, 1 or NOT_RECORDED
            for a right prediction of each; of ROW, shape (E,). It grows as a whole, so that all columns fit each other.
    """

    def __init__(self) -> None:
        self.rows: NDArray[np.void] = np.zeros(0, ROW)

    @property
    def read(self) -> NDArray[np.bool_]:
        """Which epochs were read, (E,)."""
        return self.rows["read"]

    @property
    def delta(self) -> NDArray[np.float32]:
        """ΔE(x) = E(x) − E(x*) in nats, (E,)."""
        return delta_of(self.rows)

    def grow(self, num_epochs: int) -> None:
        """Make room for the epochs of a run; they remain to be read."""
        more = num_epochs - len(self.rows)
        if more > 0:
            unread = np.array((False, np.nan, np.nan, NOT_RECORDED, NOT_RECORDED), ROW)
            self.rows = np.concatenate([self.rows, np.full(more, unread)])


def delta_of(rows: NDArray[np.void]) -> NDArray[np.float32]:
    """ΔE(x) = E(x) − E(x*) in nats of each row of ROW."""
    with np.errstate(invalid="ignore", over="ignore"):
        delta: NDArray[np.float32] = rows["energy"] - rows["energy_adv"]
    return delta


class Trajectories:
    """Reads the trajectory that is wanted, the epochs nearest to the cursor first.

    Attributes:
        problem: why no more is read of the wanted one; None while it is worked on.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._kept: OrderedDict[Sample, Trajectory] = OrderedDict()
        self._wanted: tuple[View, Sample, int, Trajectory] | None = None
        self._given_up: tuple[View, Sample] | None = None

    def ask(self, view: View, row: int, epoch: int) -> Trajectory:
        """Want one; what has been read of it so far. On the event loop."""
        sample = Sample(view.data, view.split, row)
        kept = self._kept.setdefault(sample, Trajectory())
        self._kept.move_to_end(sample)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._wanted = view, sample, epoch, kept
        return kept

    @property
    def pending(self) -> bool:
        """Whether there is more to read."""
        return self._wanted is not None and self._is_pending(*self._wanted)

    def step(self) -> bool | None:
        """Read one epoch: False if there may be more, None if there is none, True if it cannot be read."""
        wanted = self._wanted  # it may change at any time
        if wanted is None or not self._is_pending(*wanted):
            return None
        view, sample, cursor, kept = wanted
        kept.grow(view.num_epochs)
        left = np.flatnonzero(~kept.read)
        epoch = int(left[np.argmin(np.abs(left - cursor))])
        try:
            self._read(view, sample, epoch, kept)
        except WorkbenchError as error:
            self._given_up, self.problem = (view, sample), str(error)
            return True
        self.problem = None
        return False

    def _is_pending(self, view: View, sample: Sample, cursor: int, kept: Trajectory) -> bool:
        del cursor
        given_up = self._given_up
        if given_up is not None and given_up[0] is view and given_up[1] == sample:
            return False
        return len(kept.rows) < view.num_epochs or not kept.read.all()

    def _read(self, view: View, sample: Sample, epoch: int, kept: Trajectory) -> None:
        for name in (*ENERGIES, *FLAGS):
            (value,) = view.samples(name, epoch, (sample.row, sample.row + 1))
            kept.rows[name][epoch] = value
        kept.rows["read"][epoch] = True
