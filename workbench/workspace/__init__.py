"""Many runs at once: which there are, what each is in a line, and how to choose among them."""

from workbench.workspace.entry import FIELDS, Entry, entry_of, unreadable
from workbench.workspace.filter import BadFilter, Filter, parse_filter
from workbench.workspace.find import find_logs, find_runs
from workbench.workspace.order import sort_entries

__all__ = [
    "FIELDS",
    "BadFilter",
    "Entry",
    "Filter",
    "entry_of",
    "find_logs",
    "find_runs",
    "parse_filter",
    "sort_entries",
    "unreadable",
]
