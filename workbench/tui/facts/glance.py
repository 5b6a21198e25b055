"""The first frame's data, in plain Python values.

numpy and h5py take about as long to load as Textual takes to start. So that they do not wait for each other, a child
process reads what the first frame shows while this one loads Textual; the whole run is read after that frame. Nothing
in this module needs numpy until it is asked to read.
"""

import gc
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from trainers.rundir import LOG_NAME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.energylog import EnergyLog

Split = Literal["train", "probe"]
SPLITS: tuple[Split, ...] = ("train", "probe")
SAMPLES_OF: Mapping[Split, str] = {"train": "training", "probe": "probe"}
"""What their samples are called before the word "samples"."""

SHOWN = 0.998
"""Share of the run's samples that the ΔE axis shows; single extremes do not squeeze the rest."""

FINE = 960
"""Steps of the ΔE axis in which a histogram is handed to a widget, which joins them to its columns."""


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
        outside: share of the samples below the axis and above it.
    """

    epoch: int
    split: Split
    attack: str | None
    row: Mapping[str, float]
    low: float
    high: float
    shares: Sequence[float]
    before: Sequence[float]
    outside: Sequence[float]

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
    from workbench.tui.plots.axes import DeltaAxis

    edges = histogram_edges()
    steps = np.array([edges[0], *DeltaAxis(*bounds).edges(FINE), edges[-1]])

    def shares(epoch: int) -> list[float]:
        if not 0 <= epoch < len(counts) or not counts[epoch].any():
            return []
        values: list[float] = (rebin(counts[epoch], edges, steps) / counts[epoch].sum(dtype=np.float64)).tolist()
        return values

    now, before = shares(epoch), shares(epoch - 1)
    known = 0 <= epoch < len(table)
    return Moment(
        epoch=epoch,
        split=split,
        attack=attack,
        row={name: float(table[name][epoch]) for name in table.dtype.names or ()} if known else {},
        low=bounds[0],
        high=bounds[1],
        shares=now[1:-1],
        before=before[1:-1],
        outside=(now[0], now[-1]) if now else (0.0, 0.0),
    )


def is_list(paths: Sequence[Path]) -> bool:
    """Whether these are several runs: more than one path, or a directory that is no run itself."""
    return len(paths) != 1 or (paths[0].is_dir() and not (paths[0] / LOG_NAME).exists())


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
        bounds = display_range(counts, histogram_edges(), SHOWN)
        moment = read_moment(table, counts, epoch=max(len(table) - 1, 0), split=split, attack=attack, bounds=bounds)
        return Glance(facts=read_facts(log), moment=moment)


class Helper:
    """A child process that reads a glance while the caller does something else.

    It is forked only where that is safe: while this process has one thread and has loaded no library that minds.
    """

    def __init__(self, path: Path) -> None:
        """Start it on a run directory or a log file."""
        self._path = path
        safe = hasattr(os, "fork") and threading.active_count() == 1 and "h5py" not in sys.modules
        self._child = _fork(path) if safe else None

    @property
    def forked(self) -> bool:
        """Whether a child is reading."""
        return self._child is not None

    def result(self) -> Glance:
        """Wait for what it read; read it here if there is no child, or if it failed.

        Raises:
            WorkbenchError: there is no readable energy log.
        """
        if self._child is None:
            return read_glance(self._path)
        pid, pipe = self._child
        with os.fdopen(pipe, encoding="utf-8") as stream:
            answer = stream.read()
        os.waitpid(pid, 0)
        self._child = None
        try:
            facts, moment = json.loads(answer)
            return Glance(Facts(*facts), Moment(*moment))
        except (ValueError, TypeError):
            return read_glance(self._path)


def _fork(path: Path) -> tuple[int, int]:
    """The child's process id, and the end of a pipe on which it will answer."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _answer(path, writing)
    os.close(writing)
    return pid, reading


def _answer(path: Path, pipe: int) -> NoReturn:
    """In the child: write the glance; leave without a word, whatever happens, so that the parent reads it itself."""
    try:
        gc.disable()
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        with os.fdopen(pipe, "w", encoding="utf-8") as stream:
            json.dump(read_glance(path), stream)
    finally:
        os._exit(0)
