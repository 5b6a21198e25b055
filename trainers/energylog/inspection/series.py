"""The parts of a log that have no epoch axis: steps, events, and what never changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.inspection.findings import Findings
from trainers.energylog.inspection.rows import UnreadableError
from trainers.energylog.inspection.source import Source
from trainers.energylog.schema import SAMPLE_KEYS, SPLITS, STEP_DTYPE, histogram_edges

KINDS = (b"catastrophic", b"robust", b"rollback", b"restart", b"stop", b"note")

UNLABELLED = -1
"""Label of a sample whose class a recorder was never told."""

_BLOCKS_AT_ONCE = 256
_PADDING = -1


def read_keys(source: Source, found: Findings) -> dict[str, NDArray[Any]]:
    """Index and label of the samples by path, those that can be read and make sense."""
    keys: dict[str, NDArray[Any]] = {}
    num_classes = len(source.meta.class_names) if source.meta is not None else 0
    for split in SPLITS:
        for column in SAMPLE_KEYS:
            path = f"/{split}/{column.name}"
            values = _read(source, path, 0, source.sizes.get(f"{split} sample", 0), found)
            if values is None:
                continue
            keys[path] = values
            if column.name == "label" and num_classes and not ((values >= UNLABELLED) & (values < num_classes)).all():
                found.add(path, f"labels other than those of the {num_classes} classes", damage=False)
            if column.name == "index" and len(np.unique(values)) < len(values):
                found.add(path, "two samples have one index", damage=False)
    return keys


def check_edges(source: Source, found: Findings) -> None:
    """Note whether the edges of the histograms are not those of the schema."""
    wanted = histogram_edges()
    edges = _read(source, "/histogram/edges", 0, len(wanted), found)
    if edges is not None and not np.allclose(edges, wanted, rtol=1e-12, atol=1e-12):
        found.add("/histogram/edges", "other edges than every log has")


def read_steps(source: Source, num_rows: int, found: Findings) -> Iterator[NDArray[np.void]]:
    """The blocks of ``/step`` that can be read in all columns: STEP_DTYPE, several blocks at once, padding included."""
    block = source.sizes.get("step_block", 0)
    names = STEP_DTYPE.names or ()
    if not block or not all(source.has(f"/step/{name}") for name in names):
        return
    for start in range(0, num_rows, block * _BLOCKS_AT_ONCE):
        stop = min(num_rows, start + block * _BLOCKS_AT_ONCE)
        rows = _step_rows(source, start, stop, Findings())
        if rows is not None:
            yield rows
            continue
        for begin in range(start, stop, block):
            if (part := _step_rows(source, begin, min(stop, begin + block), found)) is not None:
                yield part


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far the steps have come: how many there were, the last one and its epoch."""

    num: int = 0
    step: int = -1
    epoch: int = 0


def check_steps(rows: NDArray[np.void], before: Position, block: int, num_epochs: int, found: Findings) -> Position:
    """Whether steps are in order and make sense, padding only ends blocks, and no block mixes epochs.

    Args:
        rows: Whole blocks of ``/step``.
        before: The position before them.
        block: Steps per block.
        num_epochs: Epochs of the log; steps may belong to one more.
        found: Takes what is wrong.

    Returns:
        The position after them.
    """

    def expect(holds: Any, where: str, what: str, *, damage: bool = True) -> None:
        if not np.all(holds):
            found.add(f"/step/{where}", what, damage=damage)

    steps, epochs, accuracy = rows["step"], rows["epoch"], rows["adversarial_accuracy"]
    real = steps != _PADDING
    inside = np.arange(len(rows)) % block != 0
    expect(len(rows) % block == 0, "step", "a block is not whole")
    expect(steps >= _PADDING, "step", "negative steps")
    expect((real <= np.roll(real, 1))[inside], "step", "padding inside a block")
    expect((epochs == np.roll(epochs, 1))[inside], "epoch", "a block of two epochs")
    expect(np.diff(steps[real], prepend=before.step) > 0, "step", "steps out of order")
    expect(np.diff(epochs, prepend=before.epoch) >= 0, "epoch", "epochs out of order")
    expect(epochs <= num_epochs, "epoch", "steps of an epoch that had not begun")
    expect(np.isnan(accuracy) | ((accuracy >= 0) & (accuracy <= 1)), "adversarial_accuracy", "no fraction")
    expect(~np.isinf(rows["learning_rate"]), "learning_rate", "infinite")
    for name in STEP_DTYPE.names or ():
        if name == "loss" or name.startswith("delta_energy"):
            expect(~np.isinf(rows[name]), name, "infinite values (the run diverged)", damage=False)
    last = int(steps[real][-1]) if real.any() else before.step
    return Position(num=before.num + int(np.count_nonzero(real)), step=last, epoch=int(epochs[-1]))


def read_events(source: Source, num_rows: int, found: Findings) -> list[NDArray[np.void]]:
    """The events that can be read, each as shape (1,)."""
    rows = (_read(source, "/events", number, number + 1, found) for number in range(num_rows))
    return [row for row in rows if row is not None]


def check_events(events: list[NDArray[np.void]], found: Findings) -> None:
    """Whether the events are in order and their texts are text."""
    last = 0.0
    for event in (row[0] for row in events):
        if not 0 < event["time"] < np.inf:
            found.add("/events", "an event without a time")
        elif event["time"] < last:
            found.add("/events", "the clock went back between events", damage=False)
        last = float(event["time"])
        if event["epoch"] < 0 or event["step"] < 0:
            found.add("/events", "an event of a negative epoch or step")
        if event["kind"] not in KINDS:
            found.add("/events", "an event of an unknown kind", damage=False)
        for name in ("kind", "message"):
            try:
                event[name].decode()
            except UnicodeDecodeError:
                found.add("/events", "a text that is not UTF-8")


def _step_rows(source: Source, start: int, stop: int, found: Findings) -> NDArray[np.void] | None:
    rows = np.empty(stop - start, dtype=STEP_DTYPE)
    whole = True
    for name in STEP_DTYPE.names or ():
        values = _read(source, f"/step/{name}", start, stop, found)
        if values is None:
            whole = False
        else:
            rows[name] = values
    return rows if whole else None


def _read(source: Source, path: str, start: int, stop: int, found: Findings) -> NDArray[Any] | None:
    if not source.has(path):
        return None
    try:
        return source.rows(path, start, stop)
    except UnreadableError as error:
        found.add(error.where or path, str(error))
        return None
