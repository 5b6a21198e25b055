"""Copy what is committed in a log into a new file, the only way to go on with one whose writer was killed."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.energylog.access import LogFile, State
from trainers.energylog.files import abandon, put_in_place, temporary
from trainers.energylog.layout import create_file
from trainers.energylog.schema import COUNTER_OF, DATASETS, HEARTBEAT_SECONDS, SPLITS, STATUSES, STEP_DTYPE, sizes_of
from trainers.energylog.segments import TABLE_PATHS, folder_of, segment_of, write_segment
from trainers.energylog.tables import SampleKeys
from trainers.errors import WorkbenchError

SILENT_AFTER_SECONDS = 1.5 * HEARTBEAT_SECONDS
"""How long a running log must be without a pulse before its writer is taken for dead."""


def copy_committed(path: Path, target: Path) -> h5py.File:
    """Copy the committed epochs of ``path``, their steps, and all events to a new file, not yet in SWMR mode.

    Args:
        path: A log, however its writer ended, in segments or not.
        target: A file that does not exist.

    Returns:
        The open new file, its counters set; it is not in segments.

    Raises:
        WorkbenchError: ``path`` is no log, cannot be read, or is still being written.
        OSError: The new file cannot be written.
    """
    source = LogFile.open(path)
    try:
        return _copied(source, _last_state(source), target)
    finally:
        source.close()


def copy_index(path: Path) -> h5py.File:
    """The same in memory, as the index of a log in segments, whose segments lie beside ``path`` afterwards.

    Those of a log that is one file, or is reached by a link and so has them elsewhere, are written; those that are
    there are left alone.

    Raises:
        WorkbenchError: ``path`` is no log, cannot be read, lacks a segment, or is still being written.
        OSError: A segment cannot be written.
    """
    source = LogFile.open(path)
    try:
        state = _last_state(source)
        folder_of(path).mkdir(exist_ok=True)
        for epoch in range(state.rows["epoch"]):
            if source.in_segments and not path.is_symlink():
                source.check_segment(epoch)
            else:
                _split_off(source, epoch)
        return _copied(source, state, path, segments=True)
    finally:
        source.close()


def merge(path: Path) -> None:
    """Make one ordinary file of a log in segments that has ended, under the same name; the segments stay.

    Raises:
        WorkbenchError: It is damaged, or there is no room.
    """
    with temporary(path) as name:
        source = LogFile.open(path)
        try:
            state = source.read_state()
            file = _copied(source, state, name, all_steps=True)
        finally:
            source.close()
        with closing(file):
            file["/state/status"][0] = STATUSES.index(state.status)
            file["/state/heartbeat"][0] = state.heartbeat
        put_in_place(name, path)


def _copied(
    source: LogFile, state: State, target: Path, *, segments: bool = False, all_steps: bool = False
) -> h5py.File:
    """A new log with what is committed, without the tables if it is an index."""
    keys = {
        split: SampleKeys(index=source.fixed(f"/{split}/index"), label=source.fixed(f"/{split}/label"))
        for split in SPLITS
    }
    file = create_file(target, source.meta, keys, source.step_block, segments=segments)
    data = {dataset.path: file[dataset.path] for dataset in DATASETS}
    try:
        _copy_rows(source, state, data, without=TABLE_PATHS if segments else frozenset())
        _copy_steps(source, state, data, all_steps=all_steps)
        file.flush()
    except BaseException:
        abandon(file)
        raise
    return file


def _copy_rows(source: LogFile, state: State, data: dict[str, Any], *, without: frozenset[str]) -> None:
    for axis in ("epoch", "event"):
        count = state.rows[axis]
        copied = [dataset.path for dataset in DATASETS if dataset.axes[0] == axis and dataset.path not in without]
        for path in copied:
            data[path].resize(count, axis=0)
        for row in range(count):
            for path in copied:
                data[path][row : row + 1] = source.rows(path, row, row + 1, committed=count)
        data[COUNTER_OF[axis]][0] = count


def _copy_steps(source: LogFile, state: State, data: dict[str, Any], *, all_steps: bool) -> None:
    """Steps of an epoch that was not committed will be made again; padding carries its epoch, so whole blocks go."""
    count = state.rows["step"]
    kept = source.rows("/step/epoch", 0, count, committed=count) < state.rows["epoch"]
    kept |= all_steps
    for name in STEP_DTYPE.names or ():
        values = source.rows(f"/step/{name}", 0, count, committed=count)[kept]
        data[f"/step/{name}"].resize(len(values), axis=0)
        data[f"/step/{name}"][...] = values
    data[COUNTER_OF["step"]][0] = int(np.count_nonzero(kept))


def _split_off(source: LogFile, epoch: int) -> None:
    rows = {path: source.rows(path, epoch, epoch + 1, committed=epoch + 1) for path in ("/epoch", *TABLE_PATHS)}
    sizes = sizes_of(
        num_train=len(source.fixed("/train/index")),
        num_probe=len(source.fixed("/probe/index")),
        step_block=source.step_block,
    )
    write_segment(segment_of(source.path, epoch), rows, sizes)


def _last_state(source: LogFile) -> State:
    """The state that a dead writer left: it closed the log, or its heartbeat has stopped."""
    first = state = source.read_state()
    deadline = time.monotonic() + SILENT_AFTER_SECONDS
    while state.status == "running" and time.time() < state.heartbeat + SILENT_AFTER_SECONDS:
        if time.monotonic() > deadline:  # a pulse from the future, by another machine's clock
            break
        time.sleep(0.05)
        state = source.read_state()
        if state != first or not source.is_at(source.path):
            raise WorkbenchError(f"{source.path} is still being written by another process; stop that one first")
    return state
