"""Put a new or continued log where readers see it: as a live file where SWMR works, else in segments."""

import time
from collections.abc import Callable
from pathlib import Path

import h5py

from trainers.energylog.files import HDF5_ERRORS, abandon, publish, reason, temporary
from trainers.energylog.filesystem import swmr_works
from trainers.energylog.schema import STATUSES
from trainers.energylog.segment_sink import SegmentedLog
from trainers.energylog.segments import folder_of, has_segments, remove_segments
from trainers.energylog.sinks import LiveFile, Sink
from trainers.errors import WorkbenchError
from trainers.spec import LogMode


def start_log(
    path: Path, mode: LogMode, live: Callable[[Path], h5py.File], index: Callable[[], h5py.File], *, new: bool
) -> Sink:
    """Make a log in the way that ``mode`` says and give it its name in one step.

    Args:
        path: Where the log is to be.
        mode: ``auto`` takes segments on file systems that are not up to SWMR, and where the library refuses it.
        live: Makes the whole log, not yet in SWMR mode, under the name that it is given.
        index: Makes the index of a log in segments, in memory.
        new: Whether there may be none yet.

    Raises:
        WorkbenchError: There is one, it cannot be written, or SWMR is asked for and refused.
    """
    with temporary(path) as name:
        if new:
            _refuse_another(path)
        if mode == "swmr" or (mode == "auto" and swmr_works(path.parent)):
            try:
                sink = _live(live(name), name, path)
                if not new:
                    remove_segments(path)
                return sink
            except _SwmrRefusedError:
                if mode == "swmr":
                    raise
                name.unlink()
        return _in_segments(index(), path)


class _SwmrRefusedError(WorkbenchError):
    """The library cannot write with SWMR here."""


def _refuse_another(path: Path) -> None:
    if path.exists():
        raise WorkbenchError(f"{path} exists; resume that run or choose another directory")
    if has_segments(path):
        raise WorkbenchError(f"{folder_of(path)} holds what is left of a run; choose another directory")


def _live(file: h5py.File, name: Path, path: Path) -> LiveFile:
    """Set the pulse, enter SWMR mode (nothing can be created from here on) and publish."""
    try:
        _set_running(file)
        file.flush()
        try:
            file.swmr_mode = True
        except HDF5_ERRORS as error:
            raise _SwmrRefusedError(
                f"cannot write {path} with SWMR ({reason(error)}); choose another directory, or --log-mode segments"
            ) from error
        publish(file, name, path)
        return LiveFile(file)
    except BaseException:
        abandon(file)
        raise


def _in_segments(file: h5py.File, path: Path) -> SegmentedLog:
    """Set the pulse and publish an index that was made in memory."""
    try:
        _set_running(file)
        return SegmentedLog(file, path)
    except BaseException:
        file.close()
        raise


def _set_running(file: h5py.File) -> None:
    file["/state/heartbeat"][0] = time.time()
    file["/state/status"][0] = STATUSES.index("running")
