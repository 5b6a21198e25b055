"""What the widgets of a run may use beyond the view they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tui.look.text import plain
from workbench.tui.memory import place_of

if TYPE_CHECKING:
    from workbench.tui.jobs.queue import JobQueue

LONGEST_NAME = 28
"""Cells of a run's name beside other words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """Where a run is, what time it is, and how commands are started.

    Attributes:
        path: a run directory or its log file.
        clock: seconds since 1970-01-01 UTC.
        command: how the command line is started for what needs torch or scikit-learn.
        jobs: runs such commands beside the app.
    """

    path: Path
    clock: Callable[[], float]
    command: Sequence[str]
    jobs: "JobQueue"


def run_folder(path: Path) -> Path:
    """The folder of what the app looks at: a run directory, or the one that a log lies in."""
    return path if path.is_dir() else path.parent


def run_name(run_dir: Path) -> str:
    """What a run is called where several are named: its folder, plain and not too long."""
    return plain(Path(place_of(run_dir)).name, LONGEST_NAME)
