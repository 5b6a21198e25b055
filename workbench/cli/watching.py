"""Follow the onsets of a run that is still going on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from trainers.energylog import EnergyLog
from trainers.rundir import LOG_NAME
from workbench.onset import Onset
from workbench.summary import RunSummary, summarize

POLL_SECONDS = 0.5
WAIT_SECONDS = 60.0
"""How long to wait for a log that is not there yet: training loads its libraries first."""

_BUSY_SHARE = 0.1
"""Looking takes at most about this share of the time, however long the log."""


def await_log(path: Path, say: Callable[[float], None]) -> bool:
    """Wait until there is a log; False if there is none in time. What is there is not looked into.

    Args:
        path: a run directory or its file.
        say: called once with the most seconds of the wait, if there is one.
    """
    if _is_there(path):
        return True
    say(WAIT_SECONDS)
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        if _is_there(path):
            return True
    return False


def _is_there(path: Path) -> bool:
    return (path / LOG_NAME).exists() if path.is_dir() else path.exists()


def watch(path: Path) -> Iterator[tuple[RunSummary, Onset | None]]:
    """Every flag of a run as it rises, those first that have risen before; ends when the run is no longer running.

    Yields:
        The run as it was seen with the flag; at last the run as it ended, without a flag.

    Raises:
        WorkbenchError: there is no log, or it is damaged.
    """
    told: list[tuple[object, ...]] = []
    with EnergyLog.open(path) as log:
        while True:
            begin = time.monotonic()
            summary = summarize(log)
            for onset in summary.onsets:
                if (key := (onset.kind, onset.epoch, onset.detected_epoch)) not in told:
                    told.append(key)
                    yield summary, onset
            if summary.status != "running":
                yield summary, None
                return
            pause = max(POLL_SECONDS, (time.monotonic() - begin) / _BUSY_SHARE)
            while True:
                time.sleep(pause)
                if log.refresh() or log.status != "running":
                    break
