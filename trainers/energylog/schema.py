"""The energy log as one table: every data set with its type, axes, unit and meaning.

Writer, reader, documentation and tests are driven by these rows; nothing else names a path inside the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORMAT = "workbench-energy-log"
SCHEMA_VERSION = 1

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}
DELTA_STATISTICS = ("mean", "std", *QUANTILES)

STATUSES = ("running", "finished", "stopped", "failed")
"""The values of ``/state/status``, stored by position; "crashed" is never stored: a running log without a pulse."""

HEARTBEAT_SECONDS = 5.0
CRASHED_AFTER_SECONDS = 60.0

SAMPLE_CHUNK = 65_536
"""Samples per chunk of a per-sample table; one epoch's row never shares a chunk with another's."""

STEP_BLOCK = 64
"""The most steps that are flushed as one block (one chunk)."""

STEP_BLOCK_UNKNOWN = 32
"""Steps per block where the number of steps per epoch is not known."""

NOT_RECORDED = 255
"""Value of a correct flag that was not recorded (energies use NaN)."""

HISTOGRAM_BINS = 1024
HISTOGRAM_LIMIT = 1_000.0
HISTOGRAM_SCALE = 0.1


def histogram_edges() -> NDArray[np.float64]:
    """Edges of the ΔE histogram in nats, shape (HISTOGRAM_BINS + 1,), symmetric about 0.

    Spaced evenly in asinh(ΔE / 0.1): about linear below 0.1 nat and logarithmic beyond, so that one fixed grid
    resolves a healthy run (|ΔE| of a few nats) and a collapsed one (hundreds). Values beyond ±1000 fall into the end
    bins.
    """
    reach = np.arcsinh(HISTOGRAM_LIMIT / HISTOGRAM_SCALE)
    return HISTOGRAM_SCALE * np.sinh(np.linspace(-reach, reach, HISTOGRAM_BINS + 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One named number: a field of ``/epoch``, a data set of ``/step`` or a per-sample table."""

    name: str
    dtype: str
    unit: str
    meaning: str


def _delta_columns(split: str, attack: str) -> tuple[Column, ...]:
    words = {"mean": "mean", "std": "standard deviation"} | {q: f"{p:.0%} quantile" for q, p in QUANTILES.items()}
    return tuple(
        Column(
            name=f"{split}_delta_energy_{name}",
            dtype="f8",
            unit="nat",
            meaning=f"{words[name]} of ΔE(x) over the {split} samples under {attack}",
        )
        for name in DELTA_STATISTICS
    )


EPOCH_COLUMNS: tuple[Column, ...] = (
    Column(name="epoch", dtype="i8", unit="1", meaning="epoch number, from 0"),
    Column(name="last_step", dtype="i8", unit="1", meaning="optimizer steps made by the end of this epoch"),
    Column(name="learning_rate", dtype="f8", unit="1", meaning="learning rate of the epoch's last step"),
    Column(name="train_seconds", dtype="f8", unit="s", meaning="wall time of the epoch's training steps"),
    Column(name="evaluation_seconds", dtype="f8", unit="s", meaning="wall time of the epoch's evaluations"),
    Column(name="train_loss", dtype="f8", unit="nat", meaning="mean training loss, regularizers included"),
    Column(name="train_regularizer", dtype="f8", unit="nat", meaning="mean weighted regularizer, part of train_loss"),
    Column(name="train_clean_accuracy", dtype="f8", unit="fraction", meaning="accuracy on x in the training passes"),
    Column(
        name="train_robust_accuracy",
        dtype="f8",
        unit="fraction",
        meaning="accuracy on x* in the training passes (training attack, training mode)",
    ),
    Column(
        name="train_pgd_accuracy",
        dtype="f8",
        unit="fraction",
        meaning="accuracy on a fixed training subset under the probe's PGD attack in evaluation mode",
    ),
    Column(name="clean_accuracy", dtype="f8", unit="fraction", meaning="probe accuracy on x"),
    Column(name="fgsm_accuracy", dtype="f8", unit="fraction", meaning="probe accuracy under FGSM from zero"),
    Column(name="pgd_accuracy", dtype="f8", unit="fraction", meaning="probe accuracy under the probe's PGD attack"),
    *_delta_columns("train", "the training attack"),
    *_delta_columns("probe", "the probe's PGD attack"),
)

STEP_COLUMNS: tuple[Column, ...] = (
    Column(name="step", dtype="i8", unit="1", meaning="optimizer step, from 0; -1 marks padding of a block"),
    Column(name="epoch", dtype="i8", unit="1", meaning="epoch of the step"),
    Column(name="learning_rate", dtype="f8", unit="1", meaning="learning rate of the step"),
    Column(name="loss", dtype="f8", unit="nat", meaning="training loss, regularizers included"),
    Column(name="adversarial_accuracy", dtype="f8", unit="fraction", meaning="accuracy on x* in this batch"),
    *(
        Column(name=f"delta_energy_{name}", dtype="f8", unit="nat", meaning=f"{name} of ΔE(x) over this batch")
        for name in DELTA_STATISTICS
    ),
)

SAMPLE_COLUMNS: tuple[Column, ...] = (
    Column(name="energy", dtype="f4", unit="nat", meaning="E(x) = -logsumexp f(x)"),
    Column(name="energy_adv", dtype="f4", unit="nat", meaning="E(x*)"),
    Column(name="joint_energy", dtype="f4", unit="nat", meaning="E(x,y) = -f(x)[y]"),
    Column(name="joint_energy_adv", dtype="f4", unit="nat", meaning="E(x*,y)"),
    Column(name="correct", dtype="u1", unit="flag", meaning="1 if x is classified as y; 255 not recorded"),
    Column(name="correct_adv", dtype="u1", unit="flag", meaning="1 if x* is classified as y; 255 not recorded"),
)

SAMPLE_KEYS: tuple[Column, ...] = (
    Column(name="index", dtype="i8", unit="1", meaning="stable index of the sample in the data set"),
    Column(name="label", dtype="i4", unit="1", meaning="class y of the sample"),
)

EVENT_COLUMNS: tuple[Column, ...] = (
    Column(name="time", dtype="f8", unit="s", meaning="seconds since 1970-01-01 UTC"),
    Column(name="epoch", dtype="i8", unit="1", meaning="epoch the event belongs to"),
    Column(name="step", dtype="i8", unit="1", meaning="optimizer steps made when it happened"),
    Column(name="kind", dtype="S24", unit="text", meaning="catastrophic, robust, rollback, restart, stop or note"),
    Column(name="message", dtype="S480", unit="text", meaning="one plain sentence, UTF-8"),
)


def dtype_of(columns: tuple[Column, ...]) -> np.dtype[np.void]:
    """The compound type with one field per column."""
    return np.dtype([(column.name, column.dtype) for column in columns])


EPOCH_DTYPE = dtype_of(EPOCH_COLUMNS)
STEP_DTYPE = dtype_of(STEP_COLUMNS)
EVENT_DTYPE = dtype_of(EVENT_COLUMNS)
SPLITS = ("train", "probe")

STATE_COLUMNS: tuple[Column, ...] = (
    Column(name="status", dtype="u1", unit="enum", meaning="position in running, finished, stopped, failed"),
    Column(name="heartbeat", dtype="f8", unit="s", meaning="seconds since 1970-01-01 UTC at the writer's last pulse"),
    Column(name="committed", dtype="i8", unit="1", meaning="epochs that are whole on disk"),
    Column(
        name="committed_steps", dtype="i8", unit="1", meaning="rows of /step that are whole on disk, padding included"
    ),
    Column(name="committed_events", dtype="i8", unit="1", meaning="rows of /events that are whole on disk"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One data set of the file: where it is, what it holds and along which axes.

    A compound data set has several columns, any other exactly one. Axes are named as in :data:`GROWING_AXES` or have
    a length that is fixed for the life of the file.
    """

    path: str
    columns: tuple[Column, ...]
    axes: tuple[str, ...]
    compound: bool = False
    rewritten: bool = False

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of one element."""
        return dtype_of(self.columns) if self.compound else np.dtype(self.columns[0].dtype)

    @property
    def fill(self) -> float | int | None:
        """What an element holds that was never written; None for compound rows, which are always written."""
        if self.compound:
            return None
        if self.dtype.kind == "f":
            return float("nan")
        return NOT_RECORDED if self.columns[0].unit == "flag" else 0

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape at creation; growing axes start at 0."""
        return tuple(0 if axis in GROWING_AXES else sizes[axis] for axis in self.axes)

    def maxshape(self, sizes: Mapping[str, int]) -> tuple[int | None, ...]:
        """The largest shape; None along a growing axis. A fixed axis of length 0 is given room for the chunk's 1."""
        return tuple(None if axis in GROWING_AXES else max(1, sizes[axis]) for axis in self.axes)

    def chunks(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of a chunk: one row (for ``/step`` one block) by at most SAMPLE_CHUNK elements."""
        rows = {"epoch": 1, "event": 1, "step": sizes["step_block"]}
        return tuple(rows.get(axis) or min(max(1, sizes[axis]), SAMPLE_CHUNK) for axis in self.axes)


GROWING_AXES = ("epoch", "step", "event")
"""The axes that grow while a run is written; each has its counter under ``/state``."""


def sizes_of(*, num_train: int, num_probe: int, step_block: int) -> dict[str, int]:
    """Length of every fixed axis, and the number of steps in one block of ``/step``."""
    return {
        "one": 1,
        "bin": HISTOGRAM_BINS,
        "edge": HISTOGRAM_BINS + 1,
        "train sample": num_train,
        "probe sample": num_probe,
        "step_block": step_block,
    }


def step_block(steps_per_epoch: int | None) -> int:
    """Steps per block: at most STEP_BLOCK, and such that the blocks of one epoch leave the least padding."""
    if not steps_per_epoch:
        return STEP_BLOCK_UNKNOWN
    num_blocks = -(-steps_per_epoch // STEP_BLOCK)
    return -(-steps_per_epoch // num_blocks)


def _histogram(name: str, axes: tuple[str, ...], dtype: str, unit: str, meaning: str) -> Dataset:
    column = Column(name=name, dtype=dtype, unit=unit, meaning=meaning)
    return Dataset(path=f"/histogram/{name}", columns=(column,), axes=axes)


HISTOGRAM_OF = {"train": "/histogram/delta_energy", "probe": "/histogram/probe_delta_energy"}
"""Where the ΔE histogram of a split is."""

DATASETS: tuple[Dataset, ...] = (
    *(Dataset(path=f"/state/{c.name}", columns=(c,), axes=("one",), rewritten=True) for c in STATE_COLUMNS),
    Dataset(path="/epoch", columns=EPOCH_COLUMNS, axes=("epoch",), compound=True),
    *(Dataset(path=f"/step/{c.name}", columns=(c,), axes=("step",)) for c in STEP_COLUMNS),
    *(
        Dataset(path=f"/{split}/{c.name}", columns=(c,), axes=(f"{split} sample",))
        for split in SPLITS
        for c in SAMPLE_KEYS
    ),
    *(
        Dataset(path=f"/{split}/{c.name}", columns=(c,), axes=("epoch", f"{split} sample"))
        for split in SPLITS
        for c in SAMPLE_COLUMNS
    ),
    _histogram("edges", ("edge",), "f8", "nat", "edges of the ΔE histograms' bins, ascending"),
    _histogram("delta_energy", ("epoch", "bin"), "u4", "samples", "training samples per bin of ΔE(x)"),
    _histogram("probe_delta_energy", ("epoch", "bin"), "u4", "samples", "probe samples per bin of ΔE(x)"),
    Dataset(path="/events", columns=EVENT_COLUMNS, axes=("event",), compound=True),
)
"""Every data set of the file."""

COUNTER_OF = {"epoch": "/state/committed", "step": "/state/committed_steps", "event": "/state/committed_events"}
"""The counter of each growing axis: rows beyond it may be half written and are never read."""
