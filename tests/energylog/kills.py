"""One kill -9 at a random moment of a writing process, and everything that must hold after it."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.energylog import runs
from trainers.energylog import CRASHED_AFTER_SECONDS, EnergyLog, LogWriter, recover
from trainers.errors import WorkbenchError
from trainers.spec import LogMode

KILL_WITHIN_SECONDS = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Killed:
    """What was counted at one kill.

    Attributes:
        reported: epochs that the writer had said to be committed.
        committed: epochs that were readable, each of them equal to what was written.
        looks: how often a reader beside the writer looked for news.
        checked_live: epochs that it found and compared while the writer lived.
        resumed: epochs after the run went on.
    """

    reported: int
    committed: int
    looks: int
    checked_live: int
    resumed: int


def kill_once(folder: Path, mode: LogMode, seed: int) -> Killed:
    """Start a writer, read beside it, kill it, read what is left, and go on with it.

    Args:
        folder: an empty folder.
        mode: how the log is written.
        seed: of the moment.

    Raises:
        AssertionError: an epoch was lost, a row was wrong, or more was shown than was written.
        WorkbenchError: the log could not be read or continued.
    """
    path = folder / "run.h5"
    num_epochs = 1_000 if seed % 4 else 4  # one in four may be hit while it ends
    process = runs.child("write", path, num_epochs, 0, mode)
    reports = runs.reports(process)
    next(reports)
    end = time.monotonic() + random.Random(seed).uniform(0.0, KILL_WITHIN_SECONDS)
    looks = checked = 0
    try:
        with EnergyLog.open(path) as log:
            while time.monotonic() < end:
                log.refresh()
                looks += 1
                while checked < log.committed and time.monotonic() < end:
                    runs.assert_epoch(log, checked)
                    checked += 1
                time.sleep(0.001)
    finally:
        process.kill()
        reported = max(reports, default=0)
        process.wait()
    with EnergyLog.open(path, clock=lambda: time.time() + CRASHED_AFTER_SECONDS + 1) as log:
        assert log.status == "crashed" or (log.status == "finished" and log.committed == num_epochs), log.status
        committed = log.committed
        assert max(reported, checked) <= committed <= reported + 1, f"{committed} epochs, {reported} reported"
        runs.assert_exact(log, committed)
    with _resumed(path, mode) as writer:
        assert (writer.committed, writer.num_steps) == (committed, committed * runs.STEPS_WRITTEN)
        runs.append(writer, 2)
    assert runs.names(folder) == ["run.h5"], runs.names(folder)
    with EnergyLog.open(path) as log:
        assert log.status == "finished"
        runs.assert_exact(log, committed + 2, num_steps=(committed + 2) * runs.STEPS_WRITTEN)
        resumed = log.committed
    return Killed(reported=reported, committed=committed, looks=looks, checked_live=checked, resumed=resumed)


def _resumed(path: Path, mode: LogMode) -> LogWriter:
    """Go on without waiting for a pulse: the writer is known to be dead."""
    waiting = recover.SILENT_AFTER_SECONDS
    recover.SILENT_AFTER_SECONDS = 0.0
    try:
        return LogWriter.resume(path, mode=mode)
    finally:
        recover.SILENT_AFTER_SECONDS = waiting


FAULTS = (AssertionError, WorkbenchError)
"""What a kill that was not survived raises."""
