"""Folder names for runs: safe on every system, and each used once."""

import re
from collections.abc import Sequence
from pathlib import Path

from trainers.rundir import LOG_NAME

MOST_CHARACTERS = 64


def folder_names(paths: Sequence[Path]) -> list[str]:
    """A name for each run, after its directory or file; numbered where two would be alike, whatever their case."""
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        first = name = _safe(path)
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{first}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _safe(path: Path) -> str:
    whole = path.resolve()
    called = whole.parent.name if whole.name == LOG_NAME else whole.stem if whole.is_file() else whole.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", called)[:MOST_CHARACTERS].strip("._-")
    return name or "run"
