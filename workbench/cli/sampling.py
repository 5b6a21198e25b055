"""A sampling run with what the command line adds to it: progress, Ctrl-C, going on."""

import logging
import math
import os
import shlex
import signal
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from trainers.errors import WorkbenchError
from trainers.rundir import CHECKPOINTS
from workbench.cli.interrupt import handling
from workbench.cli.progress import StderrConsole, figures_bar
from workbench.report.text import MISSING, nats, visible
from workbench.sampling.job import Progress as Report
from workbench.sampling.job import Tally
from workbench.sampling.job import sample as run
from workbench.sampling.settings import Settings, extended, read_settings
from workbench.target import Target, find_target

BAR_SECONDS, LINE_SECONDS = 0.25, 1.0
"""Least time between two looks at a bar, and between two lines in a pipe."""

STATUS_SECONDS = 5.0
"""Least time between two lines in a pipe about what takes time."""

BAD_INPUT = 2


def go_on(out: Path, *, num: int | None, steps: int | None) -> tuple[Path, Settings, Target]:
    """Folder, settings and checkpoint of samples that were begun before.

    Raises:
        WorkbenchError: there are none, or the checkpoint is gone or has changed since.
    """
    settings = extended(read_settings(out), num=num, steps=steps)
    beside = (
        out.absolute().parent.parent / CHECKPOINTS / settings.checkpoint.name
    )  # where it is in a run that was moved
    target = find_target(settings.checkpoint if settings.checkpoint.exists() or not beside.exists() else beside)
    if target.digest() != settings.checkpoint_digest:
        raise WorkbenchError(f"{settings.checkpoint} has changed since the samples in {out} were begun; sample anew")
    return out, settings, target


def run_sampling(target: Target, settings: Settings, out: Path, **where: Any) -> Tally | None:
    """Sample with a progress bar on stderr, or lines in a pipe; Ctrl-C keeps every chain that has ended.

    Raises:
        WorkbenchError: see ``workbench.sampling.job.sample``.
    """
    leads = os.environ.get("LOCAL_RANK", "0") == "0"
    processes = where["devices"] * where["num_nodes"]
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every process
    interrupt = _Interrupt()
    progress = _Progress("sample" if processes == 1 else f"sample, process 1 of {processes}", quiet=not leads)

    def watch(report: Report) -> None:
        progress.show(report)
        interrupt.check()

    try:
        with progress.bar, interrupt.watching():
            return run(target, settings, out, watch=watch, say=progress.say, status=progress.status, **where)
    except KeyboardInterrupt as error:
        progress.say(f"stopped; go on with: workbench sample --resume {shlex.quote(str(out))}")
        raise typer.Exit(128 + (error.args or (signal.SIGINT,))[0]) from None
    except WorkbenchError:
        if leads:
            raise
        raise typer.Exit(BAD_INPUT) from None  # the first process says what went wrong


class _Interrupt:
    """SIGINT, SIGTERM and SIGHUP (a lost connection) end the run so that what has ended is written first.

    While chains run, the first signal is only noted, and ``check`` acts on it between two steps: an exception in the
    middle of anything may be swallowed or leave half a file. Before that, and from the second on, they are raised.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._running = False

    def watching(self) -> AbstractContextManager[None]:
        """Handle the signals inside."""
        return handling(self._receive)

    def check(self) -> None:
        """Between two steps.

        Raises:
            KeyboardInterrupt: a signal has come; its number is the argument.
        """
        self._running = True
        if self._received is not None:
            raise KeyboardInterrupt(self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        again, self._received = self._received is not None, number
        if again or not self._running:
            raise KeyboardInterrupt(number)


class _Progress:
    """Chains that ended, active ones, their mean energy, images per second."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        self._title = title
        self._console = StderrConsole(stderr=True, highlight=False, markup=False, quiet=quiet)
        self.bar = figures_bar(self._console)
        self._task = self.bar.add_task(title, total=None, figures="")
        self._began: float | None = None
        self._next = time.monotonic() + STATUS_SECONDS  # what is quick is not worth a line

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(visible(sentence), soft_wrap=True)

    def status(self, words: str) -> None:
        """Show what takes time; on a terminal the next words replace it, in a pipe some are left out."""
        self.bar.update(self._task, figures=visible(words))
        if self.bar.disable and time.monotonic() >= self._next:
            self._next = time.monotonic() + STATUS_SECONDS
            self.say(words)

    def show(self, report: Report) -> None:
        """Show how far the run is, from time to time and at its end."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        last = report.ended == report.total
        if now < self._next and not last:
            return
        self._next = now + (LINE_SECONDS if self.bar.disable else BAR_SECONDS)
        seconds = now - self._began
        rate = f"{report.ended / seconds:.1f}" if seconds > 0 and report.ended else MISSING
        energy = nats(report.mean_energy if math.isfinite(report.mean_energy) else None)
        figures = f"active {report.active}  E(x,y) {energy}  {rate} images/s"
        if report.diverged:
            figures += f"  {report.diverged} diverged"
        if self.bar.disable:
            self._console.print(f"{self._title}  {report.ended}/{report.total}  {figures}", soft_wrap=True)
        else:
            self.bar.update(self._task, total=report.total, completed=report.ended, figures=figures)
