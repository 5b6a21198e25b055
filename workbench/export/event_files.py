"""TensorBoard event files, written with TensorBoard's own messages and record writer: no torch, no TensorFlow."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import STEP_COLUMNS, decode, histogram_edges
from workbench.export.clock import RunClock
from workbench.export.facts import facts_of
from workbench.export.source import Source
from workbench.export.values import printable
from workbench.summary import last_healthy_checkpoint, summarize


def write_events(tables: Sequence[str], source: Source, stream: BinaryIO) -> None:
    """Write scalars (``epochs``, ``steps``), histograms, and text (``events``, ``onsets``, the run's facts).

    The step of an epoch is the number of optimizer steps made by its end, or its number where the log did not count
    steps. Times are those of the log: the run's beginning plus the seconds of its epochs.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    clock = RunClock(source.log)
    writer = RecordWriter(stream)
    writer.write(Event(wall_time=clock.start, file_version="brain.Event:2").SerializeToString())
    for event in _facts(source, clock, tables):
        writer.write(event.SerializeToString())
    for name, read in _READERS.items():
        if name in tables:
            source.say(name)
            for event in read(source, clock):
                writer.write(event.SerializeToString())


def _epoch_events(source: Source, clock: RunClock) -> Iterator[Any]:
    rows = source.log.epochs()
    names = [name for name in rows.dtype.names or () if name not in ("epoch", "last_step")]
    for epoch in source.selection.epochs(len(rows)):
        values = {_tag(name): float(rows[name][epoch]) for name in names}
        yield _scalars(values, int(clock.steps[epoch]), float(clock.ends[epoch]))


def _tag(name: str) -> str:
    """TensorBoard puts what shares the part before the slash together."""
    for split in ("train", "probe"):
        statistic = name.removeprefix(f"{split}_delta_energy_")
        if statistic != name:
            return f"{split}_delta_energy/{statistic}"
    return f"epoch/{name}"


def _step_events(source: Source, clock: RunClock) -> Iterator[Any]:
    rows = source.log.steps()
    rows = rows[source.selection.has(rows["epoch"])]
    names = [column.name for column in STEP_COLUMNS if column.name not in ("step", "epoch")]
    for row, time in zip(rows, clock.of_steps(rows["epoch"]).tolist(), strict=True):
        yield _scalars({f"step/{name}": float(row[name]) for name in names}, int(row["step"]), time)


def _histogram_events(source: Source, clock: RunClock) -> Iterator[Any]:
    rows = source.log.epochs()
    for split in source.selection.splits:
        counts = source.log.histogram(split)
        for epoch in source.selection.epochs(len(rows)):
            if counts[epoch].any():
                mean, std = (float(rows[f"{split}_delta_energy_{name}"][epoch]) for name in ("mean", "std"))
                histogram = _histogram(counts[epoch], mean, std)
                yield _event(
                    {f"delta_energy/{split}": {"histo": histogram}},
                    int(clock.steps[epoch]),
                    float(clock.ends[epoch]),
                )


def _histogram(counts: NDArray[np.uint32], mean: float, std: float) -> Any:
    """The bins from the first to the last that counts anything; TensorBoard bounds the outer ones by min and max."""
    from tensorboard.compat.proto.histogram_pb2 import HistogramProto

    edges = histogram_edges()
    filled = np.flatnonzero(counts)
    first, last = int(filled[0]), int(filled[-1])
    num = float(counts.sum())
    return HistogramProto(
        min=edges[first],
        max=edges[last + 1],
        num=num,
        sum=mean * num,
        sum_squares=(std * std + mean * mean) * num,  # ** would raise where * gives infinity
        bucket_limit=edges[first + 1 : last + 2].tolist(),
        bucket=counts[first : last + 1].tolist(),
    )


def _log_events(source: Source, clock: RunClock) -> Iterator[Any]:
    rows = source.log.events()
    for row in rows[source.selection.has(rows["epoch"])]:
        kind, message = (printable(decode(row[name].item())) for name in ("kind", "message"))
        text = f"epoch {int(row['epoch'])}, {kind}: {message}"
        yield _event({"events": _text(text)}, int(row["step"]), float(row["time"]))


def _onset_events(source: Source, clock: RunClock) -> Iterator[Any]:
    summary = summarize(source.log)
    for onset in summary.onsets:
        if source.selection.has(np.array([onset.epoch]))[0]:
            at = onset.detected_epoch
            text = (
                f"{onset.kind} overfitting since epoch {onset.epoch}, seen at epoch {at}: {printable(onset.sentence)}"
            )
            if onset.rolled_back is not None:
                text += f" Rolled back after epoch {onset.rolled_back}."
            if (checkpoint := last_healthy_checkpoint(summary.weights, onset)) is not None:
                text += f" Last healthy checkpoint: {printable(str(checkpoint))}."
            yield _event({"onsets": _text(text)}, int(clock.steps[at]), float(clock.ends[at]))


def _facts(source: Source, clock: RunClock, tables: Sequence[str]) -> Iterator[Any]:
    """The run's facts and its configuration, indented so that TensorBoard's Markdown shows them as they are."""
    facts = facts_of(source, tables)
    config = facts.pop("config")
    for tag, value in (("run", facts), ("config", config)):
        lines = json.dumps(value, indent=2).splitlines()
        yield _event({tag: _text("\n".join(f"    {line}" for line in lines))}, 0, clock.start)


_READERS = {
    "epochs": _epoch_events,
    "steps": _step_events,
    "histograms": _histogram_events,
    "events": _log_events,
    "onsets": _onset_events,
}


def _scalars(values: dict[str, float], step: int, time: float) -> Any:
    """An event of those values that are known."""
    return _event({tag: {"simple_value": value} for tag, value in values.items() if not math.isnan(value)}, step, time)


def _text(text: str) -> dict[str, Any]:
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=shape)
    return {"tensor": tensor, "metadata": create_summary_metadata(display_name="", description="")}


def _event(values: dict[str, dict[str, Any]], step: int, time: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, **content) for tag, content in values.items()])
    return Event(wall_time=time, step=step, summary=summary)
