"""The order of a list of runs."""

import difflib
from collections.abc import Iterable

from trainers.errors import WorkbenchError
from workbench.workspace.entry import FIELDS, Entry


def sort_entries(entries: Iterable[Entry], order: str) -> list[Entry]:
    """Entries sorted by a name of FIELDS, with ``-`` before it the largest first; missing values are always last.

    Raises:
        WorkbenchError: no such field.
    """
    name, descending = order.removeprefix("-"), order.startswith("-")
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
        raise WorkbenchError(f"cannot sort by {name!r}; {hint}")
    present = [entry for entry in entries if entry.values[name] is not None]
    missing = [entry for entry in entries if entry.values[name] is None]
    if FIELDS[name].kind == "number":
        return [*sorted(present, key=lambda entry: float(entry.values[name] or 0.0), reverse=descending), *missing]
    return [*sorted(present, key=lambda entry: str(entry.values[name]).casefold(), reverse=descending), *missing]
