"""Summaries of runs as tables, text and JSON."""

from workbench.report.run import console, flag_report, onset_report, run_report, silence_report, unreadable_report
from workbench.report.tables import runs_table
from workbench.report.text import json_text, plain, unbroken, visible

__all__ = [
    "console",
    "flag_report",
    "json_text",
    "onset_report",
    "plain",
    "run_report",
    "runs_table",
    "silence_report",
    "unbroken",
    "unreadable_report",
    "visible",
]
