"""The first frame's data, in plain Python values.

numpy and h5py take about as long to load as Textual takes to start. So that they do not wait for each other, a helper
process reads what the first frame shows (``python -m workbench.tui.glance RUN``) while this one loads Textual; the
whole run is read after that frame. Nothing in this module needs numpy until it is asked to read.
"""

import gc
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainers.errors import WorkbenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.energylog import EnergyLog

Split = Literal["train", "probe"]
SPLITS: tuple[Split, ...] = ("train", "probe")

FINE = 960
"""Steps of the ΔE axis in which a histogram is handed to a widget, which joins them to its columns."""

BAD_RUN = 2
"""Exit status of the helper process if there is no readable log; its standard output then says why."""


class Facts(NamedTuple):
    """What the header says of a run.

    Attributes:
        method, dataset, model, eps, seed, planned_epochs: as the run gave them; None where it did not.
        num_epochs: committed epochs.
        status: running, finished, stopped, failed or crashed.
        heartbeat: seconds since 1970-01-01 UTC at the writer's last pulse.
    """

    method: str
    dataset: str
    model: str | None
    eps: float | None
    seed: int | None
    planned_epochs: int | None
    num_epochs: int
    status: str
    heartbeat: float


class Moment(NamedTuple):
    """One epoch of a run.

    Attributes:
        epoch: which one.
        split: whose ΔE this is.
        attack: the attack that made x*, None where there is none.
        row: the epoch's row of EPOCH_DTYPE; empty where no epoch is committed.
        low, high: the ΔE axis in nats, the same for all epochs.
        shares: share of the split's samples per step of the axis, FINE of them; empty where none is recorded.
        before: the same of the epoch before.
    """

    epoch: int
    split: Split
    attack: str | None
    row: Mapping[str, float]
    low: float
    high: float
    shares: Sequence[float]
    before: Sequence[float]

    def value(self, column: str) -> float:
        """A column of the epoch's row, NaN where there is none."""
        return self.row.get(column, math.nan)

    def statistic(self, name: str) -> float:
        """A statistic of the epoch's ΔE in nats, such as "mean" or "q50"; NaN where there is none."""
        return self.value(f"{self.split}_delta_energy_{name}")


class Glance(NamedTuple):
    """A run at first sight: its facts and its last epoch."""

    facts: Facts
    moment: Moment


def read_facts(log: "EnergyLog") -> Facts:
    """The facts of a run."""
    meta = log.meta
    model, eps = meta.config.get("model"), meta.config.get("eps")
    return Facts(
        method=meta.method,
        dataset=meta.dataset,
        model=model if isinstance(model, str) else None,
        eps=float(eps) if isinstance(eps, int | float) and not isinstance(eps, bool) and abs(eps) < 1e6 else None,
        seed=meta.seed,
        planned_epochs=meta.planned_epochs,
        num_epochs=log.committed,
        status=log.status,
        heartbeat=log.heartbeat,
    )


def splits_with_delta_energy(table: "NDArray[np.void]") -> tuple[Split, ...]:
    """The splits of which any epoch has ΔE; both where none has."""
    import numpy as np

    return tuple(split for split in SPLITS if np.isfinite(table[f"{split}_delta_energy_mean"]).any()) or SPLITS


def read_moment(
    table: "NDArray[np.void]",
    counts: "NDArray[np.uint32]",
    *,
    epoch: int,
    split: Split,
    attack: str | None,
    bounds: tuple[float, float],
) -> Moment:
    """One epoch out of the whole run's table and histograms, with ΔE from ``bounds[0]`` to ``bounds[1]``."""
    import numpy as np

    from trainers.energylog.schema import histogram_edges
    from workbench.analysis import rebin
    from workbench.tui.axes import DeltaAxis

    steps, edges = np.array(DeltaAxis(*bounds).edges(FINE)), histogram_edges()

    def shares(epoch: int) -> list[float]:
        if not 0 <= epoch < len(counts) or not counts[epoch].any():
            return []
        values: list[float] = (rebin(counts[epoch], edges, steps) / counts[epoch].sum(dtype=np.float64)).tolist()
        return values

    known = 0 <= epoch < len(table)
    return Moment(
        epoch=epoch,
        split=split,
        attack=attack,
        row={name: float(table[name][epoch]) for name in table.dtype.names or ()} if known else {},
        low=bounds[0],
        high=bounds[1],
        shares=shares(epoch),
        before=shares(epoch - 1),
    )


def read_glance(path: Path, clock: Callable[[], float] = time.time) -> Glance:
    """Read the first frame's data.

    Args:
        path: a run directory or its log file.
        clock: seconds since 1970-01-01 UTC.

    Raises:
        WorkbenchError: there is no readable energy log at ``path``.
    """
    from trainers.energylog import EnergyLog
    from trainers.energylog.schema import histogram_edges
    from workbench.analysis import display_range

    with EnergyLog.open(path, clock=clock) as log:
        table = log.epochs()
        split = splits_with_delta_energy(table)[0]
        counts = log.histogram(split)
        attack = {"train": log.meta.train_attack, "probe": log.meta.probe_attack}[split]
        bounds = display_range(counts, histogram_edges())
        moment = read_moment(table, counts, epoch=max(len(table) - 1, 0), split=split, attack=attack, bounds=bounds)
        return Glance(facts=read_facts(log), moment=moment)


class Helper:
    """The process that reads a glance while the caller does something else."""

    def __init__(self, path: Path) -> None:
        """Start it on a run directory or a log file."""
        self._path = path
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )

    def result(self) -> Glance:
        """Wait for what it read; read it here if it could not run.

        Raises:
            WorkbenchError: there is no readable energy log.
        """
        output, _ = self._process.communicate()
        if self._process.returncode == BAD_RUN:
            raise WorkbenchError(output.decode())
        try:
            facts, moment = json.loads(output)
            return Glance(Facts(*facts), Moment(*moment))
        except (ValueError, TypeError):
            return read_glance(self._path)


def main(path: str) -> int:
    """The helper process: write the glance at ``path`` to standard output."""
    gc.disable()
    try:
        glance = read_glance(Path(path))
    except WorkbenchError as error:
        sys.stdout.write(str(error))
        return BAD_RUN
    json.dump(glance, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
