"""The writer's side of a log in segments: an index in memory that is published as a whole, a file per epoch."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, replace
from trainers.energylog.recover import merge
from trainers.energylog.schema import COUNTER_OF, DATASETS, SPLITS, STATUSES, sizes_of
from trainers.energylog.segments import (
    TABLE_PATHS,
    folder_of,
    remove_segments,
    segment_of,
    write_heartbeat,
    write_segment,
)
from trainers.energylog.sinks import append
from trainers.errors import WorkbenchError

STEPS_SECONDS = 30.0
"""How often steps of an epoch that still goes on are published, at most: each time the whole index is written."""


class SegmentedLog:
    """A log whose index is built in memory: what is published is always a whole, closed file."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        """Take over an index that was made in memory and publish it under ``path``."""
        self.file = file
        self.data: dict[str, Any] = {dataset.path: file[dataset.path] for dataset in DATASETS}
        self._path = path
        num_train, num_probe = (len(self.data[f"/{split}/index"]) for split in SPLITS)
        self._sizes = sizes_of(
            num_train=num_train, num_probe=num_probe, step_block=int(self.data["/step/step"].chunks[0])
        )
        self._rows: dict[str, NDArray[Any]] = {}
        self._has_news = False
        folder_of(path).mkdir(exist_ok=True)
        self._publish()

    def write(self, path: str, start: int, rows: NDArray[Any]) -> None:
        """See :class:`~trainers.energylog.sinks.Sink`."""
        if path in TABLE_PATHS or path == "/epoch":
            self._rows[path] = rows
        if path not in TABLE_PATHS:
            append(self.data, path, start, rows)

    def commit(self, axis: str, num_rows: int) -> None:
        """The segment first, durably, then the index that counts it; steps wait for their epoch or a pulse."""
        if axis == "epoch":
            write_segment(segment_of(self._path, num_rows - 1), self._rows, self._sizes)
            self._rows = {}
        self.data[COUNTER_OF[axis]][0] = num_rows
        if axis == "step":
            self._has_news = True
        else:
            self._publish()

    def pulse(self, now: float) -> None:
        """See :class:`~trainers.energylog.sinks.Sink`."""
        with suppress(OSError):  # nothing is lost by it, and the next pulse may succeed
            if self._has_news and time.monotonic() - self._published > STEPS_SECONDS:
                self.data["/state/heartbeat"][0] = now
                self._publish()
            else:
                write_heartbeat(self._path, now)

    def end(self, status: str, now: float) -> None:
        """Write the final status; of a finished run one ordinary file is made, if there is room."""
        self.data["/state/heartbeat"][0] = now
        self.data["/state/status"][0] = STATUSES.index(status)
        self._publish()
        self.file.close()
        if status == "finished":
            with suppress(WorkbenchError, *HDF5_ERRORS):  # in segments it is just as whole
                merge(self._path)
                remove_segments(self._path)

    def give_up(self, status: str) -> None:
        """See :class:`~trainers.energylog.sinks.Sink`."""
        with suppress(*HDF5_ERRORS):
            for dataset in DATASETS:  # rows of an epoch that was not committed are not published
                if dataset.axes[0] in COUNTER_OF and dataset.path not in TABLE_PATHS:
                    self.data[dataset.path].resize(int(self.data[COUNTER_OF[dataset.axes[0]]][0]), axis=0)
            self.data["/state/status"][0] = STATUSES.index(status)
            self._publish()
        self.file.close()

    @property
    def is_open(self) -> bool:
        """See :class:`~trainers.energylog.sinks.Sink`."""
        return bool(self.file)

    def _publish(self) -> None:
        self.file.flush()
        replace(self._path, self.file.id.get_file_image())
        self._has_news = False
        self._published = time.monotonic()
