"""How chains lie in an HDF5 file: one table of columns drives writing, reading and merging. numpy and h5py only."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.analysis.levels import to_uint8
from workbench.sampling.chain import Chain, Reason

FORMAT = "workbench-samples"
SCHEMA_VERSION = 1
NAME = "samples.h5"

ROWS_PER_CHUNK = 64

BEST_COMPRESSION, SMALL = 1100, 2**20
"""gzip shrinks nothing more than so many times; a file that declares more would only fill memory."""


class Column(NamedTuple):
    """One data set of the file, a row per chain: type, what it holds, and the value of a chain.

    ``kind`` is "number", "image" (C, H, W) or "trajectory" (a value per step, NaN after the last).
    """

    dtype: str
    kind: str
    meaning: str
    value: Callable[[Chain], Any]


COLUMNS: Mapping[str, Column] = {
    "chain": Column("<i8", "number", "number of the chain; seed and number determine its noise", lambda c: c.number),
    "label": Column("<i4", "number", "class that guided it", lambda c: c.label),
    "stop_step": Column("<i4", "number", "updates made", lambda c: c.step),
    "reason": Column(
        "u1", "number", "why it ended: " + ", ".join(f"{r.value} {r.name.lower()}" for r in Reason), lambda c: c.reason
    ),
    "margin": Column(
        "<f4", "number", "least distance of the stopping rule from its threshold, nats", lambda c: c.margin
    ),
    "image": Column("u1", "image", "the sample, grey levels", lambda c: to_uint8(c.x)),
    "start": Column("u1", "image", "where the chain began, grey levels", lambda c: to_uint8(c.start)),
    "x": Column("<f4", "image", "the sample in [0, 1], unrounded, to go on from", lambda c: c.x),
    "velocity": Column(
        "<f4",
        "image",
        "v of the update, to go on from; 0 where a rule ended the chain",
        lambda c: c.velocity * (c.reason is Reason.STEPS),
    ),
    "joint_energy": Column("<f4", "trajectory", "E(x,y) of each step, nats", lambda c: c.joint),
    "marginal_energy": Column("<f4", "trajectory", "E(x) of each step, nats", lambda c: c.marginal),
}

_RANKS = {"number": 1, "image": 4, "trajectory": 2}

Rows = dict[str, NDArray[Any]]


def to_rows(chains: Sequence[Chain]) -> Rows:
    """Chains as columns; trajectories are as long as the longest."""
    num_steps = max(chain.step for chain in chains)
    rows: Rows = {}
    for name, column in COLUMNS.items():
        values = [column.value(chain) for chain in chains]
        if column.kind == "trajectory":
            table = np.full((len(chains), num_steps + 1), np.nan, dtype=column.dtype)
            for row, value in enumerate(values):
                table[row, : len(value)] = value
            rows[name] = table
        else:
            rows[name] = np.asarray(values, dtype=column.dtype)
    return rows


def to_chain(rows: Rows, i: int) -> Chain:
    """The chain in a row."""
    step = int(rows["stop_step"][i])
    return Chain(
        number=int(rows["chain"][i]),
        label=int(rows["label"][i]),
        step=step,
        x=rows["x"][i],
        velocity=rows["velocity"][i],
        start=(rows["start"][i] / 255).astype(np.float32),
        joint=rows["joint_energy"][i, : step + 1],
        marginal=rows["marginal_energy"][i, : step + 1],
        margin=float(rows["margin"][i]),
        reason=Reason(int(rows["reason"][i])),
    )


def encode(rows: Rows, facts: Mapping[str, Any]) -> bytes:
    """Rows as an HDF5 file; every data set compressed and with checksums."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v110")) as file:
        write_facts(file, facts)
        for name, values in rows.items():
            create(file, name, values.shape, values.dtype)[...] = values
    return buffer.getvalue()


def write_facts(file: h5py.File, facts: Mapping[str, Any]) -> None:
    """The root attributes of a file."""
    file.attrs.update(format=FORMAT, schema_version=SCHEMA_VERSION, facts=json.dumps(dict(facts)))


def create(file: h5py.File, name: str, shape: tuple[int, ...], dtype: Any) -> h5py.Dataset:
    """An empty data set for a column."""
    chunks = (min(ROWS_PER_CHUNK, max(shape[0], 1)), *shape[1:])
    dataset = file.create_dataset(
        name, shape, dtype, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True
    )
    dataset.attrs["meaning"] = COLUMNS[name].meaning
    return dataset


def check(file: h5py.File, path: Path) -> dict[str, Any]:
    """The facts of a file of samples.

    Raises:
        WorkbenchError: another format, a newer version, or data sets that are not as they should be.
    """
    if file.attrs.get("format") != FORMAT:
        raise WorkbenchError(f"{path} is not a file of samples")
    if (version := file.attrs.get("schema_version")) != SCHEMA_VERSION:
        raise WorkbenchError(
            f"{path} has version {version} of the samples' format; this program reads {SCHEMA_VERSION}"
        )
    lengths = set()
    for name, column in COLUMNS.items():
        dataset = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
        if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
            raise WorkbenchError(f"{path} is damaged: its {name} is missing")
        if dataset.ndim != _RANKS[column.kind] or dataset.dtype != np.dtype(column.dtype):
            raise WorkbenchError(f"{path} is damaged: its {name} is of another type")
        if dataset.nbytes > BEST_COMPRESSION * dataset.id.get_storage_size() + SMALL:
            raise WorkbenchError(f"{path} is damaged: its {name} declares more than it holds")
        lengths.add(dataset.shape[0])
    if len(lengths) != 1:
        raise WorkbenchError(f"{path} is damaged: its columns differ in length")
    try:
        facts = json.loads(file.attrs["facts"])
    except (KeyError, ValueError, TypeError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise WorkbenchError(f"{path} is damaged: it does not say what it holds")
    return facts
