"""The logs below a directory."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainers.rundir import LOG_NAME


def find_runs(given: Path) -> list[Path]:
    """The runs that a path stands for: itself, or those below a directory that is no run."""
    if given.is_dir() and not (given / LOG_NAME).exists():
        return list(find_logs(given)) or [given]
    return [given]


def find_logs(directory: Path) -> Iterator[Path]:
    """Every ``run.h5`` below a directory, in the order of names; links and hidden directories are not followed."""
    for folder, subfolders, files in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if LOG_NAME in files:
            yield Path(folder) / LOG_NAME
