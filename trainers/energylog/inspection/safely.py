"""Check and repair in a child process, which a hostile file may crash without harm."""

from contextlib import suppress
from pathlib import Path

from trainers.energylog.files import temporary_name
from trainers.energylog.inspection.check import check_log
from trainers.energylog.inspection.findings import CheckReport, report_from_dict, report_to_dict
from trainers.energylog.inspection.guard import guarded
from trainers.energylog.inspection.repair import RepairReport, repair_from_dict, repair_log, repair_to_dict
from trainers.energylog.opening import find

REPAIR_PATIENCE = 10.0
"""A repair checks twice and writes everything anew."""


def check_safely(path: Path) -> CheckReport:
    """:func:`check_log` in a child process.

    Raises:
        WorkbenchError: As there; also if reading the file crashed, hung or needed too much memory.
    """
    path, _ = find(path)
    return report_from_dict(guarded(lambda beat: report_to_dict(check_log(path, beat)), path))


def repair_safely(path: Path, out: Path | None = None) -> RepairReport | None:
    """:func:`repair_log` in a child process; nothing half made is left behind.

    Raises:
        WorkbenchError: As there; also if reading the file crashed, hung or needed too much memory.
    """
    path, _ = find(path)
    try:
        return repair_from_dict(
            guarded(lambda beat: repair_to_dict(repair_log(path, out, beat)), path, patience=REPAIR_PATIENCE)
        )
    finally:
        with suppress(OSError):
            temporary_name(path if out is None else out).unlink(missing_ok=True)
