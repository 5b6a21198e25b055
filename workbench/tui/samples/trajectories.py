"""The energies of one sample over the epochs, read bit by bit in a thread. Needs numpy: import it late."""

from collections import OrderedDict
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import NOT_RECORDED
from trainers.errors import WorkbenchError
from workbench.tui.source import View

KEPT = 64
"""Samples whose trajectories are kept: the latest."""

ENERGIES = ("energy", "energy_adv")
FLAGS = ("correct", "correct_adv")


class Sample(NamedTuple):
    """A sample: of which run, of which set, and its place in it."""

    run_id: str
    split: Literal["train", "probe"]
    row: int


class Trajectory:
    """What was recorded of one sample, as far as it has been read.

    Attributes:
        read: which epochs were, shape (E,).
        energy: E(x) in nats, (E,), NaN where it is missing.
        energy_adv: E(x*).
        correct: 0, 1 or NOT_RECORDED, (E,).
        correct_adv: the same under attack.
    """

    def __init__(self) -> None:
        self.read: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.energy: NDArray[np.float32] = np.zeros(0, np.float32)
        self.energy_adv: NDArray[np.float32] = np.zeros(0, np.float32)
        self.correct: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.correct_adv: NDArray[np.uint8] = np.zeros(0, np.uint8)

    @property
    def delta(self) -> NDArray[np.float32]:
        """ΔE(x) = E(x) − E(x*) in nats, (E,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self.energy - self.energy_adv

    def grow(self, num_epochs: int) -> None:
        """Make room for the epochs of a run; they remain to be read."""
        more = num_epochs - len(self.read)
        if more > 0:
            self.read = np.concatenate([self.read, np.zeros(more, np.bool_)])
            for name in ENERGIES:
                setattr(self, name, np.concatenate([getattr(self, name), np.full(more, np.nan, np.float32)]))
            for name in FLAGS:
                setattr(self, name, np.concatenate([getattr(self, name), np.full(more, NOT_RECORDED, np.uint8)]))


class Trajectories:
    """Reads the trajectory that is wanted, the epochs nearest to the cursor first.

    Attributes:
        problem: why no more is read of the wanted one; None while it is worked on.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._kept: OrderedDict[Sample, Trajectory] = OrderedDict()
        self._wanted: tuple[View, Sample, int] | None = None
        self._given_up: tuple[int, Sample] | None = None

    def ask(self, view: View, row: int, epoch: int) -> Trajectory:
        """Want one; what has been read of it so far. On the event loop."""
        sample = Sample(view.meta.run_id, view.split, row)
        kept = self._kept.setdefault(sample, Trajectory())
        self._kept.move_to_end(sample)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._wanted = view, sample, epoch
        return kept

    @property
    def pending(self) -> bool:
        """Whether there is more to read."""
        if self._wanted is None:
            return False
        view, sample, _ = self._wanted
        if self._given_up == (id(view), sample):
            return False
        kept = self._kept.get(sample)
        return kept is not None and (len(kept.read) < view.num_epochs or not kept.read.all())

    def step(self) -> bool | None:
        """Read one epoch: False if there may be more, None if there is none, True if it cannot be read."""
        if self._wanted is None or not self.pending:
            return None
        view, sample, cursor = self._wanted
        kept = self._kept[sample]
        kept.grow(view.num_epochs)
        left = np.flatnonzero(~kept.read)
        epoch = int(left[np.argmin(np.abs(left - cursor))])
        try:
            self._read(view, sample, epoch, kept)
        except WorkbenchError as error:
            self._given_up, self.problem = (id(view), sample), str(error)
            return True
        self.problem = None
        return False

    def _read(self, view: View, sample: Sample, epoch: int, kept: Trajectory) -> None:
        for name in (*ENERGIES, *FLAGS):
            (value,) = view.source.samples(sample.split, name, epoch, (sample.row, sample.row + 1))
            getattr(kept, name)[epoch] = value
        kept.read[epoch] = True
