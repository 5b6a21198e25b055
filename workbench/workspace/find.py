"""The logs below a directory."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainers.rundir import LOG_NAME


def find_logs(directory: Path) -> Iterator[Path]:
    """Every ``run.h5`` below a directory, in the order of names; links and hidden directories are not followed."""
    for folder, subfolders, files in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if LOG_NAME in files:
            yield Path(folder) / LOG_NAME
