"""A landscape as one small HDF5 file, whole or absent; read back with distrust. numpy and h5py only."""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.atomic import write_atomically
from trainers.energylog.files import HDF5_ERRORS, reason
from trainers.energylog.layout import LIBVER
from trainers.energylog.meta import fixed_text
from trainers.energylog.opening import open_once
from trainers.energylog.schema import Column, Dataset
from trainers.energylog.structure import check_chunks, checked_dataset, num_chunks
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME
from workbench.landscape.values import ENERGIES, MOST_GRID, MOST_POINTS, NUM_ANGLES, Facts, Landscape

FORMAT = "workbench-landscape"
SCHEMA_VERSION = 1

MOST_FACTS = 2**20
"""Bytes of the facts: the names of 20,000 classes."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SAMPLE, _PLANE = ("sample",), ("sample", "b", "a")


def _dataset(name: str, dtype: str, axes: tuple[str, ...], unit: str, meaning: str) -> Dataset:
    return Dataset(path=f"/{name}", columns=(Column(name=name, dtype=dtype, unit=unit, meaning=meaning),), axes=axes)


DATASETS = (
    _dataset("index", "i8", _SAMPLE, "1", "stable index of the sample in its data set"),
    _dataset("label", "i4", _SAMPLE, "1", "its class"),
    _dataset("correct", "u1", _SAMPLE, "flag", "1 if x is classified as its class"),
    _dataset("correct_adv", "u1", _SAMPLE, "flag", "1 if x* is classified as the class of x"),
    _dataset("attacked", "u1", _SAMPLE, "flag", "0 where x* = x and d1 is a random sign vector"),
    _dataset("position", "f8", _SAMPLE, "eps", "where x* is along d1"),
    _dataset("natural", "f8", _SAMPLE, "nat", "E at x"),
    _dataset("adversarial", "f8", _SAMPLE, "nat", "E at x*"),
    _dataset("gradient_l1", "f8", _SAMPLE, "nat", "eps times the l1 norm of the gradient of E at x"),
    _dataset("gradient_l2", "f8", _SAMPLE, "nat per unit", "l2 norm of the gradient of E at x"),
    _dataset("energy", "f4", _PLANE, "nat", "E at x + a*d1 + b*d2"),
    _dataset("linear", "f4", _PLANE, "nat", "gradient of E at x times the difference from x, of the same points"),
    _dataset("outline", "f4", ("sample", "angle"), "eps", "how far the ball reaches, at equal angles from a to b"),
)
"""Every data set of the file but the facts, which are JSON in ``/facts``."""

_FACTS = _dataset("facts", "u1", ("byte",), "1", "JSON: where it comes from and how it was measured")


def write_landscape(path: Path, landscape: Landscape) -> None:
    """Write a landscape; a file of that name is replaced.

    Raises:
        WorkbenchError: it cannot be written, or its class names are too long; what was there is still there.
    """
    facts = json.dumps(asdict(landscape.facts)).encode()
    if len(facts) > MOST_FACTS:
        raise WorkbenchError(f"cannot write {path}: the names of its classes are too long")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=LIBVER) as file:
        file.attrs.update(format=fixed_text(FORMAT), schema_version=SCHEMA_VERSION)
        _create(file, _FACTS, np.frombuffer(facts, dtype=np.uint8))
        for dataset in DATASETS:
            _create(file, dataset, getattr(landscape, dataset.columns[0].name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); give another --out") from error
    write_atomically(path, buffer.getvalue())


def is_stored(path: Path) -> bool:
    """Whether a path is an HDF5 file other than the log of a run, so that it should be a landscape."""
    if path.name == LOG_NAME or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_SIGNATURE)) == _SIGNATURE


def read_landscape(path: Path) -> Landscape:
    """Read a landscape.

    Raises:
        WorkbenchError: missing, damaged, or something else.
    """
    try:
        with open_once(path, beside_writer=False, attempts=1) as file:
            _check_kind(file)
            facts = _read_facts(file)
            sizes = _sizes(file, facts)
            arrays = {dataset.columns[0].name: _read(file, dataset, sizes) for dataset in DATASETS}
    except FileNotFoundError:
        raise WorkbenchError(f"no such landscape: {path}") from None
    except WorkbenchError as error:
        raise WorkbenchError(f"{path} cannot be shown: {error}; measure it anew") from None
    except (*HDF5_ERRORS, TypeError, AttributeError, OverflowError, MemoryError, RecursionError) as error:
        raise WorkbenchError(f"{path} is truncated or damaged ({reason(error)}); measure it anew") from None
    landscape = Landscape(facts=facts, **arrays)
    if (landscape.label < 0).any() or (landscape.label >= len(facts.class_names)).any():
        raise WorkbenchError(f"{path} is damaged: it has labels of no class; measure it anew")
    return landscape


def _create(file: h5py.File, dataset: Dataset, values: NDArray[Any]) -> None:
    chunks = (1, *values.shape[1:]) if dataset.axes == _PLANE else values.shape
    created = file.create_dataset(
        dataset.path,
        data=values.astype(dataset.dtype, copy=False),
        chunks=chunks,
        compression="gzip",
        compression_opts=4,
        shuffle=True,
        fletcher32=True,
    )
    created.attrs.update(
        unit=fixed_text(dataset.columns[0].unit),
        meaning=fixed_text(dataset.columns[0].meaning),
    )


def _check_kind(file: h5py.File) -> None:
    """Raise WorkbenchError unless this is a file of ours."""
    if _attribute(file, "format") != FORMAT:
        raise WorkbenchError("it is no landscape")
    if (version := _attribute(file, "schema_version")) != str(SCHEMA_VERSION):
        raise WorkbenchError(f"it has version {version} of the format, this program reads {SCHEMA_VERSION}")


def _attribute(file: h5py.File, name: str) -> str:
    """An attribute as text; one of variable length is not read, for its heap has no checksums."""
    if name not in file.attrs or file.attrs.get_id(name).dtype.hasobject:
        return "none"
    value = file.attrs[name]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read(file: h5py.File, expected: Dataset, sizes: Mapping[str, int]) -> NDArray[Any]:
    """A data set of given lengths that is all there; the checksums see to it that nothing wrong is read."""
    found = checked_dataset(file, expected)
    shape = tuple(sizes[axis] for axis in expected.axes)
    if found.shape != shape:
        raise WorkbenchError(f"{expected.path} has shape {found.shape} instead of {shape}")
    if math.prod(found.chunks) > max(math.prod(shape), 1) or num_chunks(found, shape[0]) != found.id.get_num_chunks():
        raise WorkbenchError(f"{expected.path} is not all there")
    check_chunks(found, 0, shape[0])
    return np.asarray(found[...])


def _read_facts(file: h5py.File) -> Facts:
    size = checked_dataset(file, _FACTS).shape[0]
    if not 0 < size <= MOST_FACTS:
        raise WorkbenchError("/facts is too large or empty")
    value = json.loads(_read(file, _FACTS, {"byte": size}).tobytes())
    if not isinstance(value, dict) or set(value) != {field.name for field in fields(Facts)}:
        raise WorkbenchError("/facts does not hold what it should")
    hints = get_type_hints(Facts)
    found = Facts(**{name: _checked(name, entry, hints[name]) for name, entry in value.items()})
    if found.energy not in ENERGIES or not (0 < found.eps <= 1 and 0 < found.reach <= 100 and found.class_names):
        raise WorkbenchError("/facts makes no sense")
    return found


def _checked(name: str, value: Any, hint: Any) -> Any:
    """A value of the JSON, which must be of the type of its field; lists become tuples."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if value is None else _checked(name, value, next(a for a in arguments if a is not NoneType))
    if origin is tuple and isinstance(value, list):
        return tuple(_checked(name, entry, arguments[0]) for entry in value)
    if origin is dict and isinstance(value, dict):
        return {key: _checked(name, entry, arguments[1]) for key, entry in value.items()}
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if hint is not float and origin is None and type(value) is hint:
        return value
    raise WorkbenchError(f"/facts has no proper {name}")


def _sizes(file: h5py.File, facts: Facts) -> dict[str, int]:
    """The lengths of all axes, within bounds."""
    num, grid = int(checked_dataset(file, DATASETS[0]).shape[0]), facts.grid
    if not (num > 0 and 3 <= grid <= MOST_GRID and grid % 2 and num * grid**2 <= MOST_POINTS):
        raise WorkbenchError(f"{num} samples of {grid} x {grid} points")
    return {"sample": num, "a": grid, "b": grid, "angle": NUM_ANGLES}
