"""Check logs that may be damaged or hostile, and save what is intact in them."""

from trainers.energylog.inspection.findings import CheckReport, Finding, joined, phrase, report_to_dict, spans
from trainers.energylog.inspection.repair import RepairReport, repair_to_dict
from trainers.energylog.inspection.safely import check_safely, repair_safely

__all__ = [
    "CheckReport",
    "Finding",
    "RepairReport",
    "check_safely",
    "joined",
    "phrase",
    "repair_safely",
    "repair_to_dict",
    "report_to_dict",
    "spans",
]
