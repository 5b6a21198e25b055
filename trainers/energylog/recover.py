"""Copy what is committed in a log into a new file, the only way to go on with one whose writer was killed."""

import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.energylog.access import LogFile, State
from trainers.energylog.files import abandon
from trainers.energylog.layout import create_file
from trainers.energylog.schema import COUNTER_OF, DATASETS, HEARTBEAT_SECONDS, SPLITS, STEP_DTYPE
from trainers.energylog.tables import SampleKeys
from trainers.errors import WorkbenchError

SILENT_AFTER_SECONDS = 1.5 * HEARTBEAT_SECONDS
"""How long a running log must be without a pulse before its writer is taken for dead."""


def copy_committed(path: Path, target: Path) -> h5py.File:
    """Copy the committed epochs of ``path``, their steps, and all events to a new file, not yet in SWMR mode.

    Args:
        path: A log, however its writer ended.
        target: A file that does not exist.

    Returns:
        The open new file, its counters set.

    Raises:
        WorkbenchError: ``path`` is no log, cannot be read, or is still being written.
        OSError: The new file cannot be written.
    """
    source = LogFile.open(path)
    try:
        state = _last_state(source)
        keys = {
            split: SampleKeys(index=source.fixed(f"/{split}/index"), label=source.fixed(f"/{split}/label"))
            for split in SPLITS
        }
        file = create_file(target, source.meta, keys, source.step_block)
        data = {dataset.path: file[dataset.path] for dataset in DATASETS}
        try:
            _copy_rows(source, state, data)
            file.flush()
        except BaseException:
            abandon(file)
            raise
        return file
    finally:
        source.close()


def _copy_rows(source: LogFile, state: State, data: dict[str, Any]) -> None:
    rows = state.rows
    for dataset in DATASETS:
        if dataset.axes[0] in ("epoch", "event"):
            count = rows[dataset.axes[0]]
            data[dataset.path].resize(count, axis=0)
            for row in range(count):
                data[dataset.path][row : row + 1] = source.rows(dataset.path, row, row + 1, committed=count)
    # Steps of an epoch that was not committed will be made again; padding carries its epoch, so whole blocks go.
    kept = source.rows("/step/epoch", 0, rows["step"], committed=rows["step"]) < rows["epoch"]
    for name in STEP_DTYPE.names or ():
        values = source.rows(f"/step/{name}", 0, rows["step"], committed=rows["step"])[kept]
        data[f"/step/{name}"].resize(len(values), axis=0)
        data[f"/step/{name}"][...] = values
    for axis, count in (rows | {"step": int(np.count_nonzero(kept))}).items():
        data[COUNTER_OF[axis]][0] = count


def _last_state(source: LogFile) -> State:
    """The state that a dead writer left: it closed the log, or its heartbeat has stopped."""
    first = state = source.read_state()
    deadline = time.monotonic() + SILENT_AFTER_SECONDS
    while state.status == "running" and time.time() < state.heartbeat + SILENT_AFTER_SECONDS:
        if time.monotonic() > deadline:  # a pulse from the future, by another machine's clock
            break
        time.sleep(0.05)
        state = source.read_state()
        if state != first:
            raise WorkbenchError(f"{source.path} is still being written by another process; stop that one first")
    return state
