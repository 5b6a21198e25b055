"""Write a new log with all that is intact in a damaged one, and put it in its place; the old one is kept."""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.energylog.files import abandon, put_in_place, temporary
from trainers.energylog.inspection.check import check_log
from trainers.energylog.inspection.contents import Epoch, read_epoch
from trainers.energylog.inspection.counts import count_rows
from trainers.energylog.inspection.findings import Finding, Findings, joined, phrase
from trainers.energylog.inspection.mend import mend_epoch
from trainers.energylog.inspection.salvage import keep_events, keep_keys, keep_steps
from trainers.energylog.inspection.source import Source
from trainers.energylog.layout import create_file
from trainers.energylog.opening import find
from trainers.energylog.schema import COUNTER_OF, DATASETS, EVENT_DTYPE, STATUSES
from trainers.energylog.segments import folder_of
from trainers.errors import WorkbenchError

MOST_NOTES = 100
"""Events that a repair adds at most; what else was lost shares the last one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairReport:
    """What a repair did.

    Attributes:
        path: The new log.
        kept_as: Where the old one is now.
        epochs, steps, events: What the new log holds, the notes of the repair not counted.
        lost: What is not in it, or was made anew from what is: one line each.
    """

    path: str
    kept_as: str
    epochs: int
    steps: int
    events: int
    lost: tuple[str, ...]


def repair_log(path: Path, out: Path | None = None, beat: Callable[[], None] = lambda: None) -> RepairReport | None:
    """Save what is intact of a log; None, and nothing is written, if nothing is damaged.

    Every number of the new log was read from the old one with its checksum, or follows from numbers that were (ΔE
    statistics and histograms from samples). What is lost becomes "not recorded", and an event of kind note says so.

    Args:
        path: A run directory or the file.
        out: Where to write the new log, leaving the old one alone; in its place if None, and the old one gets a name
            that says when.
        beat: Called after each part that is done.

    Raises:
        WorkbenchError: It is no log, live, or too damaged; or ``out`` exists or cannot be written.
    """
    path, _ = find(path)
    if out is not None and out.exists():
        raise WorkbenchError(f"{out} exists; give another --out")
    if not check_log(path, beat).damaged:
        return None
    found = Findings()
    target = path if out is None else out
    with temporary(target) as name:
        counts = _write(path, name, found, beat)
        if left := [finding for finding in check_log(name, beat).findings if finding.damage]:
            raise WorkbenchError(f"{path} cannot be repaired ({phrase(left[0])}); restore it from a copy")
        kept_as = _set_aside(path) if out is None else path
        put_in_place(name, target)
    with suppress(OSError):
        if out is None and folder_of(path).is_dir():
            folder_of(path).rename(folder_of(kept_as))
    lost = tuple(phrase(finding) for finding in joined(found.all()))
    return RepairReport(path=str(target), kept_as=str(kept_as), lost=lost, **counts)


def repair_to_dict(report: RepairReport | None) -> dict[str, Any]:
    """The report as values of JSON."""
    return {} if report is None else asdict(report)


def repair_from_dict(values: dict[str, Any]) -> RepairReport | None:
    """The report from :func:`repair_to_dict`, also after JSON has made lists of its tuples."""
    return RepairReport(**{**values, "lost": tuple(values["lost"])}) if values else None


def _write(path: Path, name: Path, found: Findings, beat: Callable[[], None]) -> dict[str, int]:
    """Write what is intact of the log at ``path`` to ``name``; what is lost goes to ``found``."""
    damage = Findings()
    source = Source.open(path, damage)
    if source is None:
        raise WorkbenchError(f"{path}: {_first(damage)}; nothing in it can be read, restore it from a copy")
    with source:
        if source.is_live:
            raise WorkbenchError(
                f"{path} is being written, or was less than a minute ago; stop that process first, or wait"
            )
        if source.meta is None or not source.sizes:
            raise WorkbenchError(
                f"{path}: {_first(damage)}; without that it cannot be repaired, restore it from a copy"
            )
        rows = count_rows(source, damage)
        keys = keep_keys(source, found)
        file = create_file(name, source.meta, keys, source.sizes["step_block"])
        try:
            counts = _fill(source, rows, file, found, beat)
        except BaseException:
            abandon(file)
            raise
        with closing(file):
            return counts


def _fill(
    source: Source, rows: dict[str, int], file: h5py.File, found: Findings, beat: Callable[[], None]
) -> dict[str, int]:
    data = {dataset.path: file[dataset.path] for dataset in DATASETS}
    num_kept, last_by_epoch = keep_steps(source, rows, data, found)
    num_epochs = _last_epoch(source, rows["epoch"])
    for number in range(num_epochs, rows["epoch"]):
        found.add("all data", "unreadable, not kept", number)
    last_step = 0
    for number in range(num_epochs):
        last_step = _copy_epoch(source, number, last_step, last_by_epoch, data, found)
        beat()
    events = keep_events(source, rows["event"], found)
    notes = _notes(joined(found.all()), num_epochs, last_step)
    _append(data["/events"], np.concatenate([events, notes]))
    complete = num_epochs == rows["epoch"] and source.status in STATUSES
    state = {
        COUNTER_OF["epoch"]: num_epochs,
        COUNTER_OF["event"]: len(events) + len(notes),
        COUNTER_OF["step"]: len(data["/step/step"]),
        "/state/status": STATUSES.index(source.status) if complete else _ended(source),
        "/state/heartbeat": source.state.get("heartbeat", time.time()),
    }
    for path, value in state.items():
        data[path][0] = value
    return {"epochs": num_epochs, "steps": num_kept, "events": len(events)}


def _ended(source: Source) -> int:
    """The status of a log that lacks its end: a crashed one stays one, else it has failed."""
    return STATUSES.index("running" if source.status == "crashed" else "failed")


def _last_epoch(source: Source, num_epochs: int) -> int:
    """Epochs up to the last one of which anything can be read."""
    while num_epochs and read_epoch(source, num_epochs - 1, Findings()).is_lost:
        num_epochs -= 1
    return num_epochs


def _copy_epoch(
    source: Source, number: int, last_step: int, last_by_epoch: dict[int, int], data: dict[str, Any], found: Findings
) -> int:
    epoch: Epoch = read_epoch(source, number, Findings())
    mended = mend_epoch(epoch, last_step, last_by_epoch.get(number), found)
    _append(data["/epoch"], mended.row)
    for path in epoch.tables:
        values = mended.tables.get(path)
        data[path].resize(number + 1, axis=0)
        size = data[path].shape[1]
        fill = np.full(size, data[path].fillvalue, dtype=data[path].dtype)
        data[path][number] = values if values is not None and len(values) == size else fill
    for path, counts in mended.histograms.items():
        _append(data[path], counts[None])
    return int(mended.row["last_step"][0])


def _append(dataset: Any, rows: NDArray[Any]) -> None:
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    for number, row in enumerate(rows, start):
        dataset[number : number + 1] = row


def _notes(findings: tuple[Finding, ...], num_epochs: int, last_step: int) -> NDArray[np.void]:
    """What was lost as events of the new log."""
    texts = [phrase(finding) for finding in findings]
    if len(texts) > MOST_NOTES:
        texts = [*texts[: MOST_NOTES - 1], f"and {len(texts) - MOST_NOTES + 1} more of the kind"]
    notes = np.zeros(len(texts), dtype=EVENT_DTYPE)
    notes["time"], notes["epoch"], notes["step"], notes["kind"] = (
        time.time(),
        max(num_epochs - 1, 0),
        last_step,
        b"note",
    )
    most = EVENT_DTYPE["message"].itemsize
    notes["message"] = [
        f"repair: {text}".encode(errors="replace")[:most].decode(errors="ignore").encode() for text in texts
    ]
    return notes


def _set_aside(path: Path) -> Path:
    """A second name for the damaged log, which it keeps when another takes the first."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(100):
        name = path.with_name(f"{path.name}.damaged-{stamp}" + (f"-{number}" if number else ""))
        try:
            name.hardlink_to(path)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            if not name.exists():
                path.rename(name)
                return name
            continue
        return name
    raise WorkbenchError(f"{path.parent} holds a hundred damaged logs of this second; give --out")


def _first(damage: Findings) -> str:
    return phrase(damage.all()[0])
