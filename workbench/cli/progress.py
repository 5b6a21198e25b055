"""What a training run shows while it goes on: a bar on a terminal, one plain line per epoch in a pipe."""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from trainers.callbacks import Answer, BatchReport, EpochReport, StartReport
from workbench.report.text import MISSING, nats, percent, visible

REFRESH_SECONDS = 0.25


class StderrConsole(Console):
    """A console on stderr whose reader may go away without ending the run."""

    def on_broken_pipe(self) -> None:
        """Go on in silence."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def figures_bar(console: Console) -> Progress:
    """A bar with a title, figures (a field of its tasks) and the time that is left; nothing if it is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeRemainingColumn(compact=True),
        console=console,
        refresh_per_second=4,
        disable=not console.is_terminal,
    )


class TrainProgress:
    """A callback that shows loss, adversarial accuracy and mean ΔE on stderr."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        """Name what is being trained; ``shown`` displays it, nothing if ``quiet``."""
        self._console = StderrConsole(stderr=True, highlight=False, markup=False, quiet=quiet)
        self._bar = figures_bar(self._console)
        self._title = title
        self._task: TaskID | None = None
        self._epochs = 0
        self._next_refresh = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar inside (nothing, if stderr is no terminal)."""
        with self._bar:
            yield

    def say(self, sentence: str) -> None:
        """Print a sentence on stderr."""
        self._console.print(visible(sentence), soft_wrap=True)

    def on_start(self, report: StartReport) -> None:
        """Set the scale: epochs."""
        assert report.config is not None
        self._epochs = report.config.epochs
        self._task = self._bar.add_task(self._title, total=self._epochs, completed=len(report.rows), figures="")

    def on_batch(self, report: BatchReport) -> Answer:
        """Update the bar a few times a second; asking for the figures waits for the device."""
        if not self._bar.disable and time.monotonic() >= self._next_refresh:
            assert self._task is not None
            loss, accuracy, delta = (_known(value) for value in report.latest())
            figures = f"loss {_loss(loss)}  adv {percent(accuracy)}  ΔE {nats(delta)}"
            done = report.epoch + (report.batch + 1) / report.num_batches
            self._bar.update(self._task, completed=int(done), figures=figures)
            self._next_refresh = time.monotonic() + REFRESH_SECONDS
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Advance the bar, or print the epoch as a line."""
        row = report.row
        if not self._bar.disable:
            assert self._task is not None
            self._bar.update(self._task, completed=int(row["epoch"]) + 1)
            return Answer.CONTINUE
        shares = {
            name: percent(_known(float(row[f"{name}_accuracy"]))) for name in ("clean", "fgsm", "pgd", "train_robust")
        }
        self._console.print(
            f"{self._title}  epoch {int(row['epoch'])} ({int(row['epoch']) + 1}/{self._epochs})"
            f"  loss {_loss(_known(float(row['train_loss'])))}  train adv {shares['train_robust']}"
            f"  ΔE {nats(_known(float(row['train_delta_energy_mean'])))}"
            f"  probe clean {shares['clean']} fgsm {shares['fgsm']} pgd {shares['pgd']}",
            soft_wrap=True,
        )
        return Answer.CONTINUE


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _loss(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"
