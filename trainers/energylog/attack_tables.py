"""Energies under several attacks side by side: a small file ``NAME.attacks.h5`` beside the log of a probe.

It is closed and whole at every moment: each epoch is appended to a copy, which takes the file's place. Along its input
axis lie the natural samples first, then x* of each attack.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import HDF5_ERRORS, put_in_place, reason, temporary
from trainers.energylog.layout import LIBVER, create_dataset
from trainers.energylog.meta import fixed_text, read_text
from trainers.energylog.opening import open_hdf5
from trainers.energylog.schema import (
    DELTA_STATISTICS,
    NOT_RECORDED,
    SAMPLE_KEYS,
    Column,
    Dataset,
)
from trainers.energylog.statistics import delta_statistics
from trainers.energylog.structure import checked_dataset, num_chunks
from trainers.energylog.tables import SampleKeys
from trainers.errors import WorkbenchError

FORMAT = "workbench-attack-tables"
VERSION = 1
NATURAL = "natural"
MOST_INPUTS, LONGEST_NAME = 256, 64

TABLE_COLUMNS = (
    Column(name="energy", dtype="f4", unit="nat", meaning="E of each input: E(x) of natural samples, else E(x*)"),
    Column(name="joint_energy", dtype="f4", unit="nat", meaning="E(x,y) or E(x*,y), y the sample's class"),
    Column(name="correct", dtype="u1", unit="flag", meaning="1 if the input is classified as y; 255 not recorded"),
)
STATISTICS_COLUMNS = (
    Column(name="accuracy", dtype="f8", unit="fraction", meaning="share of the inputs that are classified as y"),
    *(Column(name=f"energy_{n}", dtype="f8", unit="nat", meaning=f"{n} of the energy") for n in DELTA_STATISTICS),
    *(
        Column(name=f"delta_energy_{n}", dtype="f8", unit="nat", meaning=f"{n} of E(x) - E(x*); NaN of natural samples")
        for n in DELTA_STATISTICS
    ),
    Column(name="share_lower", dtype="f8", unit="fraction", meaning="share of samples with E(x*) < E(x)"),
)

_KEYS = tuple(Dataset(path=f"/{column.name}", columns=(column,), axes=("sample",)) for column in SAMPLE_KEYS)
_TABLES = tuple(
    Dataset(path=f"/{column.name}", columns=(column,), axes=("epoch", "input", "sample")) for column in TABLE_COLUMNS
)
_STATISTICS = Dataset(path="/statistics", columns=STATISTICS_COLUMNS, axes=("epoch", "input"), compound=True)
DATASETS = (*_KEYS, *_TABLES, _STATISTICS)
"""Every data set of the file."""


class Inputs(NamedTuple):
    """One epoch's values of one kind of input, natural or x* of an attack: each (N,), energies in nats."""

    energy: NDArray[np.float32]
    joint_energy: NDArray[np.float32]
    correct: NDArray[np.uint8]


def attacks_path(log: Path) -> Path:
    """Where the tables of a log's attacks are: ``run.attacks.h5`` beside ``run.h5``."""
    return log.with_suffix(".attacks.h5")


def append_attacks(path: Path, run_id: str, keys: SampleKeys, epoch: int, inputs: Mapping[str, Inputs]) -> None:
    """Add the tables of an epoch, in one step; those of this epoch and of later ones are replaced.

    Args:
        path: the file; the first epoch makes it.
        run_id: the run of the log beside it.
        keys: the samples.
        epoch: number of the epoch; there are at least as many before it.
        inputs: values of :data:`NATURAL` first, then of each attack; the same names in every epoch.

    Raises:
        WorkbenchError: the file cannot be written, is of another run, or lacks epochs.
    """
    names = tuple(inputs)
    assert names[0] == NATURAL
    assert 1 <= len(names) <= MOST_INPUTS
    with temporary(path) as name:
        if epoch == 0:
            file = _create(name, run_id, keys, names)
        else:
            with AttackTables.open(path) as before:
                if before.run_id != run_id or before.inputs != names or len(before) < epoch:
                    raise WorkbenchError(f"{path} does not go with the log beside it; remove both and probe anew")
            shutil.copyfile(path, name)
            file = h5py.File(name, "r+", libver=LIBVER)
        with file:
            for table in _TABLES:
                rows = np.stack([getattr(values, table.columns[0].name) for values in inputs.values()])
                file[table.path].resize(epoch + 1, axis=0)
                file[table.path][epoch] = rows
            file[_STATISTICS.path].resize(epoch + 1, axis=0)
            file[_STATISTICS.path][epoch] = _statistics(inputs)
        put_in_place(name, path)


class AttackTables:
    """An open file of attack tables, each data set what the layout says; a context manager."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        """Check an open file; use :meth:`open` instead."""
        self.path = path
        self._file = file
        if read_text(file, "format") != FORMAT:
            raise WorkbenchError("it is no file of attack tables")
        if read_text(file, "schema_version") != str(VERSION):
            raise WorkbenchError("it is of another version")
        self.run_id = read_text(file, "run_id")
        names = json.loads(read_text(file, "inputs"))
        if not (isinstance(names, list) and 1 <= len(names) <= MOST_INPUTS and all(map(_is_name, names))):
            raise WorkbenchError("its inputs have no names")
        self.inputs = tuple(names)
        self._data = {dataset.path: checked_dataset(file, dataset) for dataset in DATASETS}
        epochs = self._data[_STATISTICS.path].shape[0]
        sizes = {"epoch": epochs, "input": len(names), "sample": len(self._data["/index"])}
        for dataset in DATASETS:
            found = self._data[dataset.path]
            shape = tuple(sizes[axis] for axis in dataset.axes)
            if found.shape != shape or found.chunks != dataset.chunks(_with_block(sizes)):
                raise WorkbenchError(f"{dataset.path} has shape {found.shape} in chunks of {found.chunks}")
            if num_chunks(found, shape[0]) != found.id.get_num_chunks():
                raise WorkbenchError(f"{dataset.path} is not all there")

    @classmethod
    def open(cls, path: Path) -> "AttackTables":
        """Open the file at ``path``.

        Raises:
            WorkbenchError: there is none, or it is damaged.
        """
        file = open_hdf5(path)
        try:
            return cls(path, file)
        except (WorkbenchError, *HDF5_ERRORS, TypeError, AttributeError, MemoryError, RecursionError) as error:
            file.close()
            raise _damaged(path, error) from None

    def __len__(self) -> int:
        """Epochs."""
        return int(self._data[_STATISTICS.path].shape[0])

    def statistics(self) -> NDArray[np.void]:
        """One row per epoch and input: fields of STATISTICS_COLUMNS, shape (epochs, inputs).

        Raises:
            WorkbenchError: they do not match their checksums.
        """
        return self._read(_STATISTICS.path, slice(None))

    def values(self, column: str, epoch: int) -> NDArray[Any]:
        """One column of TABLE_COLUMNS in one epoch, shape (inputs, N).

        Raises:
            WorkbenchError: they do not match their checksums, or there is no such epoch.
        """
        if not 0 <= epoch < len(self):
            raise WorkbenchError(f"{self.path} has no epoch {epoch}; its epochs are 0 to {len(self) - 1}")
        return self._read(f"/{column}", epoch)

    def keys(self) -> SampleKeys:
        """Index and label of each sample.

        Raises:
            WorkbenchError: they do not match their checksums.
        """
        return SampleKeys(index=self._read("/index", slice(None)), label=self._read("/label", slice(None)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "AttackTables":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _read(self, path: str, rows: slice | int) -> NDArray[Any]:
        try:
            return np.asarray(self._data[path][rows])
        except (*HDF5_ERRORS, MemoryError) as error:
            raise _damaged(self.path, error) from None


def _statistics(inputs: Mapping[str, Inputs]) -> NDArray[np.void]:
    """The row of statistics of each input, from its samples."""
    rows = np.full(len(inputs), np.nan, dtype=_STATISTICS.dtype)
    natural = inputs[NATURAL].energy
    for row, (name, values) in zip(rows, inputs.items(), strict=True):
        recorded = values.correct[values.correct != NOT_RECORDED]
        row["accuracy"] = recorded.mean() if len(recorded) else np.nan
        for statistic, value in delta_statistics(values.energy).items():
            row[f"energy_{statistic}"] = value
        if name == NATURAL:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            delta = natural - values.energy
        for statistic, value in delta_statistics(delta).items():
            row[f"delta_energy_{statistic}"] = value
        finite = delta[np.isfinite(delta)]
        row["share_lower"] = (finite > 0).mean() if len(finite) else np.nan
    return rows


def _create(path: Path, run_id: str, keys: SampleKeys, names: Sequence[str]) -> h5py.File:
    sizes = _with_block({"epoch": 0, "input": len(names), "sample": len(keys)})
    file = h5py.File(path, "x", libver=LIBVER)
    attributes = {"format": FORMAT, "schema_version": str(VERSION), "run_id": run_id, "inputs": json.dumps(list(names))}
    for name, text in attributes.items():
        file.attrs[name] = fixed_text(text)
    for dataset in DATASETS:
        create_dataset(file, dataset, sizes)
    file["/index"][...] = keys.index
    file["/label"][...] = keys.label
    return file


def _with_block(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes as ``Dataset.chunks`` wants them: it also knows of steps, of which there are none here."""
    return {**sizes, "step_block": 1}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME


def _damaged(path: Path, error: Exception) -> WorkbenchError:
    what = str(error) if isinstance(error, WorkbenchError) else reason(error)
    return WorkbenchError(f"{path} is truncated or damaged ({what}); probe anew")
