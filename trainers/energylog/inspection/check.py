"""Verify a log: every checksum, count and statistic of what is committed, in bounded memory."""

from collections.abc import Callable
from pathlib import Path

from trainers.energylog.inspection.contents import check_epoch, read_epoch
from trainers.energylog.inspection.counts import count_rows
from trainers.energylog.inspection.findings import CheckReport, Findings, stretches
from trainers.energylog.inspection.series import (
    Position,
    check_edges,
    check_events,
    check_steps,
    read_events,
    read_keys,
    read_steps,
)
from trainers.energylog.inspection.source import Source
from trainers.energylog.opening import find
from trainers.energylog.schema import DATASETS
from trainers.energylog.segments import folder_of


def check_log(path: Path, beat: Callable[[], None] = lambda: None) -> CheckReport:
    """Check a log, be it live (up to what is committed), left by a killed writer, or damaged.

    Reads every committed chunk once, one epoch at a time.

    Args:
        path: A run directory or the file.
        beat: Called after each part that is done.

    Raises:
        WorkbenchError: There is no file, or it is no energy log of a known schema.
    """
    path, _ = find(path)
    found = Findings()
    source = Source.open(path, found)
    if source is None:
        return _report(path, None, {}, 0, found, set(), repairable=False)
    with source:
        rows = count_rows(source, found)
        read_keys(source, found)
        check_edges(source, found)
        last_step = 0
        for number in range(rows["epoch"]):
            last_step = check_epoch(read_epoch(source, number, found), last_step, found)
            beat()
        block = source.sizes.get("step_block", 1)
        steps = Position()
        for part in read_steps(source, rows["step"], found):
            steps = check_steps(part, steps, block, rows["epoch"], found)
            beat()
        check_events(read_events(source, rows["event"], found), found)
        whole = set(range(rows["epoch"])) - found.damaged_epochs() if _has_all_epoch_data(source) else set()
        repairable = source.meta is not None and bool(source.sizes)
        return _report(path, source.status, rows, steps.num, found, whole, repairable=repairable)


def _has_all_epoch_data(source: Source) -> bool:
    return all(source.has(dataset.path) for dataset in DATASETS if dataset.axes[0] == "epoch")


def _report(
    path: Path,
    status: str | None,
    rows: dict[str, int],
    num_steps: int,
    found: Findings,
    whole: set[int],
    *,
    repairable: bool,
) -> CheckReport:
    return CheckReport(
        path=str(path),
        status=status or "unknown",
        epochs=rows.get("epoch", 0),
        steps=num_steps,
        events=rows.get("event", 0),
        size=_size(path),
        findings=found.all(),
        whole=stretches(sorted(whole)),
        repairable=repairable,
    )


def _size(path: Path) -> int:
    segments = folder_of(path.resolve()).glob("[0-9]*.h5")
    return path.stat().st_size + sum(entry.stat().st_size for entry in segments if entry.is_file())
