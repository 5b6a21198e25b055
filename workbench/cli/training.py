"""A training run with everything the command line adds to it: progress, onset flags, Ctrl-C."""

import shlex
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.errors import WorkbenchWarning
from trainers.loop import Outcome, fit, read_config
from trainers.loop import resume as resume_run
from trainers.spec import TrainConfig
from workbench.cli.interrupt import StopOnSignal
from workbench.cli.progress import TrainProgress
from workbench.onset.monitor import OnsetMonitor


def run_training(out: Path, config: TrainConfig | None = None) -> int:
    """Train a new run into ``out``, or resume the one in it if there is no ``config``; the exit code.

    Raises:
        WorkbenchError: bad settings, bad data, ``out`` is taken, or there is nothing to resume.
        OSError: the disk is full or read-only.
    """
    stop = StopOnSignal()
    title = (config or read_config(out)).method
    progress = TrainProgress(title)
    callbacks = (progress, OnsetMonitor(say=progress.say), stop)
    with stop.watching(), progress.shown(), warnings.catch_warnings():
        warnings.showwarning = _said_by(progress.say)
        outcome = resume_run(out, callbacks) if config is None else fit(config, out, callbacks)
    if outcome is Outcome.ALREADY_FINISHED:
        progress.say(f"{out} is already finished; nothing to do")
    if outcome is Outcome.STOPPED:
        progress.say(f"stopped; continue with: workbench train --resume {shlex.quote(str(out))}")
    return 0 if stop.received is None else 128 + stop.received


def _said_by(say: Callable[[str], None]) -> Callable[..., None]:
    """How warnings are shown: ours in one line, those of libraries as ever."""
    ordinary = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **further: Any) -> None:
        if issubclass(category, WorkbenchWarning):
            say(str(message))
        else:
            ordinary(message, category, *where, **further)

    return show
