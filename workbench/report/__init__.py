"""Summaries of runs as tables, text and JSON."""

from workbench.report.tables import console, damaged_report, onset_report, run_report, runs_table
from workbench.report.text import json_text, plain, visible

__all__ = [
    "console",
    "damaged_report",
    "json_text",
    "onset_report",
    "plain",
    "run_report",
    "runs_table",
    "visible",
]
