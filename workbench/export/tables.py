"""The tables of an export: their columns, and how they are read from a log block by block, in bounded memory."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import EPOCH_COLUMNS, EVENT_COLUMNS, SAMPLE_COLUMNS, STEP_COLUMNS, decode, histogram_edges
from trainers.energylog.schema import SAMPLE_KEYS, Column
from workbench.export.source import Source
from workbench.summary import onset_json, summarize

BLOCK_SAMPLES = 65_536
"""Most samples that are held as rows at once; also the most in a row group of Parquet."""

TEXT = "U"
"""The dtype of text columns."""

JSON = "JSON"
"""The unit of text columns that hold JSON."""

Block = Mapping[str, NDArray[Any] | list[Any]]
"""Some rows of a table: an array or a list (None where missing) per column, all of one length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table: ``read`` gives its rows in order, in blocks that never hold samples of two epochs."""

    name: str
    columns: tuple[Column, ...]
    read: Callable[[Source], Iterator[Block]]


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, dtype=TEXT, unit="text", meaning=meaning)


def _integer(name: str, meaning: str, unit: str = "1") -> Column:
    return Column(name=name, dtype="i8", unit=unit, meaning=meaning)


_SPLIT = _text("split", "the set of samples: train or probe")
_EPOCH = _integer("epoch", "epoch number, from 0")
_DELTA = Column(name="delta_energy", dtype="f4", unit="nat", meaning="ΔE(x) = E(x) - E(x*)")

_EVENT_COLUMNS = tuple(
    _text(column.name, column.meaning) if column.unit == "text" else column for column in EVENT_COLUMNS
)

_ONSET_COLUMNS = (
    _text("kind", "catastrophic or robust"),
    _integer("epoch", "the epoch in which it set in"),
    _integer("detected_epoch", "the epoch after which it could be said"),
    Column(name="confidence", dtype="f8", unit="1", meaning="in [0, 1]; orders flags, no probability"),
    _text("rule", "the rule of the detector that raised the flag"),
    _text("sentence", "why, in one sentence"),
    _integer("last_healthy_epoch", "the last epoch before it; missing if there is none"),
    _text(
        "last_healthy_checkpoint", "the latest weights kept from no later than that epoch; missing if there are none"
    ),
    _integer("rolled_back", "the epoch after which the run went back to weights from before it; missing if it stands"),
    Column(name="evidence", dtype=TEXT, unit=JSON, meaning="thresholds and measures behind the flag, an object"),
)

_HISTOGRAM_COLUMNS = (
    _SPLIT,
    _EPOCH,
    Column(name="lower", dtype="f8", unit="nat", meaning="lower edge of the bin of ΔE(x), in it"),
    Column(name="upper", dtype="f8", unit="nat", meaning="upper edge of the bin, not in it"),
    _integer("count", "samples whose ΔE(x) lies in the bin; bins without any are left out", unit="samples"),
)


def _read_epochs(source: Source) -> Iterator[Block]:
    rows = source.log.epochs()
    yield _fields(rows[source.selection.has(rows["epoch"])])


def _read_steps(source: Source) -> Iterator[Block]:
    rows = source.log.steps()
    yield _fields(rows[source.selection.has(rows["epoch"])])


def _read_events(source: Source) -> Iterator[Block]:
    rows = source.log.events()
    rows = rows[source.selection.has(rows["epoch"])]
    texts = {name: [decode(value) for value in rows[name].tolist()] for name in ("kind", "message")}
    yield {**_fields(rows), **texts}


def _read_onsets(source: Source) -> Iterator[Block]:
    summary = summarize(source.log)
    onsets = summary.onsets
    wanted = source.selection.has(np.array([onset.epoch for onset in onsets], dtype=np.int64))
    chosen = [onset for onset, is_wanted in zip(onsets, wanted, strict=True) if is_wanted]
    rows = [onset_json(onset, summary.weights) for onset in chosen]
    for row in rows:  # a path may hold bytes that are no text
        if path := row["last_healthy_checkpoint"]:
            row["last_healthy_checkpoint"] = path.encode(errors="backslashreplace").decode()
    block = {column.name: [row[column.name] for row in rows] for column in _ONSET_COLUMNS}
    yield {**block, "evidence": [json.dumps(row["evidence"]) for row in rows]}


def _read_histograms(source: Source) -> Iterator[Block]:
    edges = histogram_edges()
    for split in source.selection.splits:
        counts = source.log.histogram(split)
        for epoch in source.selection.epochs(source.log.committed):
            bins = np.flatnonzero(counts[epoch])
            yield {
                "split": [split] * len(bins),
                "epoch": np.full(len(bins), epoch),
                "lower": edges[bins],
                "upper": edges[bins + 1],
                "count": counts[epoch][bins].astype(np.int64),
            }


def _read_samples(source: Source) -> Iterator[Block]:
    log = source.log
    for split in source.selection.splits:
        keys = log.keys(split)
        epochs = source.selection.epochs(log.committed)
        for epoch in epochs:
            source.say(f"{split} samples of epoch {epoch} (to {epochs[-1]})")
            values = {column.name: log.samples(split, column.name, epoch) for column in SAMPLE_COLUMNS}
            for start in range(0, len(keys), BLOCK_SAMPLES):
                part = slice(start, start + BLOCK_SAMPLES)
                block = {name: column[part] for name, column in values.items()}
                with np.errstate(invalid="ignore", over="ignore"):  # a diverged run has infinite energies
                    delta = block["energy"] - block["energy_adv"]
                size = len(delta)
                yield {
                    "split": [split] * size,
                    "epoch": np.full(size, epoch),
                    "index": keys.index[part],
                    "label": keys.label[part],
                    **block,
                    "delta_energy": delta,
                }


def _fields(rows: NDArray[np.void]) -> dict[str, NDArray[Any] | list[Any]]:
    return {name: rows[name] for name in rows.dtype.names or ()}


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(name="epochs", columns=EPOCH_COLUMNS, read=_read_epochs),
        Table(name="steps", columns=STEP_COLUMNS, read=_read_steps),
        Table(name="events", columns=_EVENT_COLUMNS, read=_read_events),
        Table(name="onsets", columns=_ONSET_COLUMNS, read=_read_onsets),
        Table(name="histograms", columns=_HISTOGRAM_COLUMNS, read=_read_histograms),
        Table(name="samples", columns=(_SPLIT, _EPOCH, *SAMPLE_KEYS, *SAMPLE_COLUMNS, _DELTA), read=_read_samples),
    )
}
"""Every table by its name."""

SAMPLED = frozenset(("histograms", "samples"))
"""The tables of one set of samples or the other."""
