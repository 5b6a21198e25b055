"""Open a log to be checked: as much of it as is built as it should be, and how many rows it has."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import h5py
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS
from trainers.energylog.inspection.findings import Findings
from trainers.energylog.inspection.rows import READ_ERRORS, UnreadableError, read_rows, words
from trainers.energylog.meta import RunMeta, check_format, is_in_segments, read_meta
from trainers.energylog.opening import METADATA_ATTEMPTS, RETRY_SECONDS, find, open_once
from trainers.energylog.schema import CRASHED_AFTER_SECONDS, DATASETS, STATE_COLUMNS, STATUSES
from trainers.energylog.segments import HELD, TABLE_PATHS, open_image, read_heartbeat, segment_bytes, segment_of
from trainers.energylog.structure import check_shape, checked_dataset, sizes_in
from trainers.errors import WorkbenchError


class Source:
    """A log of which any part may be damaged.

    Attributes:
        path: The file.
        data: The data sets that are as the schema says, by path; those in segments are not among them.
        sizes: The lengths of the fixed axes; empty if they cannot be told.
        meta: The facts of the run, None if they cannot be read.
        state: The values of ``/state`` that could be read, by name.
        in_segments: Whether the tables of each epoch are in files of their own.
    """

    def __init__(self, path: Path, file: h5py.File, found: Findings) -> None:
        """Look at an open file; use :meth:`open` instead."""
        self.path = path
        self._file = file
        self._segment: tuple[int, h5py.File] | None = None
        self.in_segments = is_in_segments(file)
        self.meta = _meta(file, found)
        self.data, self.sizes = _datasets(file, found)
        self.state = self._read_state(found)

    @classmethod
    def open(cls, path: Path, found: Findings) -> Self | None:
        """Open a log; None, and a finding, if the library cannot.

        Args:
            path: A run directory or the file.
            found: Takes what is wrong with it.

        Raises:
            WorkbenchError: There is no file, or it is no energy log.
        """
        path, written = find(path)
        # Only beside a living writer does it help to read damaged metadata again, and that takes long.
        attempts = METADATA_ATTEMPTS if written and _is_live(path) else 1
        file = _opened(path, written, attempts, found)
        if file is None:
            return None
        try:
            check_format(file)
            return cls(path, file, found)
        except WorkbenchError:
            file.close()
            raise
        except READ_ERRORS as error:
            found.add("attributes", words(error))
            file.close()
            return None

    def close(self) -> None:
        """Close the file."""
        self._let_go()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_live(self) -> bool:
        """Whether its writer has shown a sign of life."""
        return self.status == "running"

    @property
    def status(self) -> str:
        """As in :attr:`EnergyLog.status`; "unknown" where it cannot be read."""
        if "status" not in self.state or "heartbeat" not in self.state:
            return "unknown"
        status = STATUSES[int(self.state["status"])]
        pulseless = time.time() - self.state["heartbeat"] > CRASHED_AFTER_SECONDS
        return "crashed" if status == "running" and pulseless else status

    def rows(self, path: str, start: int, stop: int) -> NDArray[Any]:
        """Rows of a data set of :attr:`data`, or of a table in segments.

        Raises:
            UnreadableError: They cannot be had.
        """
        if self.in_segments and path in TABLE_PATHS:
            assert stop == start + 1
            return read_rows(self._table(path, start), 0, 1)
        for pause in RETRY_SECONDS if self.is_live else ():
            try:
                return read_rows(self.data[path], start, stop)
            except UnreadableError:
                time.sleep(pause)
                self._refresh(path)
        return read_rows(self.data[path], start, stop)

    def has(self, path: str) -> bool:
        """Whether rows of a data set may be asked for."""
        return path in self.data or (self.in_segments and path in TABLE_PATHS and bool(self.sizes))

    def _refresh(self, path: str) -> None:
        try:
            self.data[path].refresh()
        except HDF5_ERRORS as error:
            raise UnreadableError(words(error)) from error

    def _read_state(self, found: Findings) -> dict[str, float]:
        state: dict[str, float] = {}
        for column in STATE_COLUMNS:
            path = f"/state/{column.name}"
            if path not in self.data:
                continue
            try:
                value = float(read_rows(self.data[path], 0, 1)[0])
            except UnreadableError as error:
                found.add(path, str(error))
                continue
            if wrong := _nonsense(column.name, value):
                found.add(path, wrong)
            else:
                state[column.name] = value
        if self.in_segments and "heartbeat" in state:
            state["heartbeat"] = max(state["heartbeat"], read_heartbeat(self.path))
        return state

    def _check_owner(self, epoch: int, where: str) -> None:
        """Raise UnreadableError unless the segment's row of ``/epoch`` is that of the index, where that can be read."""
        assert self._segment is not None
        try:
            expected = HELD[0]
            theirs = read_rows(checked_dataset(self._segment[1], expected), 0, 1)
        except (WorkbenchError, UnreadableError) as error:
            raise UnreadableError(f"its row of /epoch: {error}", where=where) from error
        try:
            ours = self.rows("/epoch", epoch, epoch + 1)
        except (KeyError, UnreadableError):
            return
        if ours.tobytes() != theirs.tobytes():
            raise UnreadableError("it belongs to another run", where=where)

    def _table(self, path: str, epoch: int) -> Any:
        """A table in the segment of an epoch; the last segment stays in memory."""
        if self._segment is None or self._segment[0] != epoch:
            self._let_go()
            name = segment_of(self.path.resolve(), epoch)
            where = f"{name.parent.name}/{name.name}"
            try:
                with name.open("rb") as stream:
                    content = stream.read(segment_bytes(self.sizes) + 1)
                if len(content) > segment_bytes(self.sizes):
                    raise UnreadableError("larger than its tables", where=where)
                self._segment = epoch, open_image(content)
                self._check_owner(epoch, where)
            except FileNotFoundError as error:
                raise UnreadableError("missing", where=where) from error
            except READ_ERRORS as error:
                raise UnreadableError("it cannot be opened", where=where) from error
            except UnreadableError:
                self._let_go()
                raise
        expected = next(dataset for dataset in HELD if dataset.path == path)
        try:
            table = checked_dataset(self._segment[1], expected)
            check_shape(table, expected, self.sizes)
        except (WorkbenchError, *READ_ERRORS) as error:
            raise UnreadableError(f"in its segment: {error}") from error
        return table

    def _let_go(self) -> None:
        if self._segment is not None:
            self._segment[1].close()
            self._segment = None


def _is_live(path: Path) -> bool:
    """Whether a file that is marked as being written is."""
    file = _opened(path, True, METADATA_ATTEMPTS, Findings())
    if file is None:
        return False
    with file:
        try:
            return Source(path, file, Findings()).is_live
        except (WorkbenchError, *READ_ERRORS):
            return False


def _opened(path: Path, written: bool, attempts: int, found: Findings) -> h5py.File | None:
    """The file; where it is shorter than it says, as a file that is still being written would be opened."""
    ways = (True,) if written else (False, True)
    for beside_writer in ways:
        try:
            file = open_once(path, beside_writer=beside_writer, attempts=attempts)
            return file if isinstance(file, h5py.File) else None
        except READ_ERRORS as error:
            text = str(error).lower()
            found.add("file", "shorter than it says" if "truncated file" in text else words(error))
    return None


def _meta(file: h5py.File, found: Findings) -> RunMeta | None:
    try:
        return read_meta(file)
    except WorkbenchError as error:
        found.add("attributes", str(error).removeprefix("its "))
    except (*READ_ERRORS, AttributeError) as error:
        found.add("attributes", words(error))
    return None


def _datasets(file: h5py.File, found: Findings) -> tuple[dict[str, Any], dict[str, int]]:
    """The data sets that are as the schema says, and the lengths of the fixed axes."""
    data: dict[str, Any] = {}
    for expected in DATASETS:
        try:
            data[expected.path] = checked_dataset(file, expected)
        except (WorkbenchError, *READ_ERRORS) as error:
            found.add(expected.path, _clause(error, expected.path))
    try:
        sizes: Mapping[str, int] = sizes_in(data)
    except KeyError:
        return data, {}
    except WorkbenchError as error:
        found.add("file", str(error))
        return data, {}
    for expected in DATASETS:
        if expected.path in data:
            try:
                check_shape(data[expected.path], expected, sizes)
            except WorkbenchError as error:
                found.add(expected.path, _clause(error, expected.path))
                del data[expected.path]
    return data, dict(sizes)


def _clause(error: Exception, path: str) -> str:
    return str(error).removeprefix(path).strip() if isinstance(error, WorkbenchError) else words(error)


def _nonsense(name: str, value: float) -> str | None:
    """What is wrong with a value of ``/state``."""
    if name == "status":
        return None if value < len(STATUSES) else f"{value:.0f} is no status"
    if name == "heartbeat":
        return None if 0 < value < math.inf else f"{value:g} is no time"
    return None if value >= 0 else f"it counts {value:.0f} rows"
