"""Runs as one self-contained HTML page."""

from workbench.report.html.page import html_report

__all__ = ["html_report"]
