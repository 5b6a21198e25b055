"""A training run with everything the command line adds to it: progress, onset flags, Ctrl-C."""

import logging
import os
import shlex
from pathlib import Path

import typer

from trainers.errors import WorkbenchError
from trainers.factories import trust
from trainers.loop import Outcome, fit, read_config
from trainers.loop import resume as resume_run
from trainers.spec import TrainConfig
from trainers.team import LostProcessError
from workbench.cli.interrupt import StopOnSignal
from workbench.cli.progress import TrainProgress
from workbench.onset.monitor import OnsetMonitor

BAD_INPUT = 2


def run_training(
    out: Path,
    config: TrainConfig | None = None,
    *,
    model: str | None = None,
    devices: int | None = None,
    num_nodes: int | None = None,
) -> int | None:
    """Train a new run into ``out``, or resume the one in it if there is no ``config``; the exit code.

    Args:
        out: the run's directory.
        config: the settings of a new run.
        model: of a resumed run, if it is a factory's; imported.
        devices: of a resumed run; as before if None.
        num_nodes: likewise.

    Returns:
        The exit code; None if another process leads the run and says what there is to say.

    Raises:
        WorkbenchError: bad settings, bad data, ``out`` is taken, or there is nothing to resume.
        OSError: the disk is full or read-only.
    """
    stop = StopOnSignal()
    if config is None and model is not None:
        _trust(out, model)
    title = (config or read_config(out)).method
    leads = os.environ.get("LOCAL_RANK", "0") == "0"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every process
    progress = TrainProgress(title, quiet=not leads)
    callbacks = (progress, OnsetMonitor(say=progress.say), stop)
    with stop.watching(), progress.shown():
        try:
            if config is None:
                outcome = resume_run(out, callbacks, devices=devices, num_nodes=num_nodes)
            else:
                outcome = fit(config, out, callbacks)
        except LostProcessError:
            if leads:
                raise
            raise typer.Exit(BAD_INPUT) from None  # the first process says it
    if outcome is Outcome.FOLLOWED:
        return None
    if outcome is Outcome.ALREADY_FINISHED:
        progress.say(f"{out} is already finished; nothing to do")
    if outcome is Outcome.STOPPED:
        progress.say(f"stopped; continue with: workbench train --resume {shlex.quote(str(out))}")
    return 0 if stop.received is None else 128 + stop.received


def _trust(out: Path, model: str) -> None:
    """Let the code of a run's model be imported, which the user has named.

    Raises:
        WorkbenchError: it is another one that was named.
    """
    own = read_config(out).model
    if model != own:
        raise WorkbenchError(f"the run in {out} is of the model {own}, not of {model}; drop --model")
    trust(model)
