"""Summaries of runs as tables, text and JSON."""

from workbench.report.run import console, onset_report, run_report, unreadable_report
from workbench.report.tables import runs_table
from workbench.report.text import json_text, plain, unbroken, visible

__all__ = [
    "console",
    "json_text",
    "onset_report",
    "plain",
    "run_report",
    "runs_table",
    "unbroken",
    "unreadable_report",
    "visible",
]
