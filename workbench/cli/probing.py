"""A probe with what the command line adds to it: progress, Ctrl-C, going on, figure and report."""

import shlex
import signal
import sys
import time
from pathlib import Path

import typer

from trainers.energylog.attack_tables import NATURAL, AttackTables, attacks_path
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME
from workbench.cli.interrupt import StopOnSignal
from workbench.cli.progress import REFRESH_SECONDS, StderrConsole, figures_bar
from workbench.probe import EpochMeasured, ProbeSpec, probe
from workbench.probe.order import names_of
from workbench.report import console, json_text, run_report
from workbench.report.text import percent, visible
from workbench.summary import summarize_path, to_json

SUFFIXES = (".h5", ".hdf5")


def run_probe(spec: ProbeSpec, out: Path, *, resume: bool, figure: Path | None, as_json: bool) -> None:
    """Probe with progress on stderr, and print the report; Ctrl-C keeps every checkpoint that is measured.

    Raises:
        WorkbenchError: see ``workbench.probe.probe``.
    """
    if figure is not None and figure.suffix.lower() != ".png":
        raise WorkbenchError(f"cannot write {figure}: its name must end in .png")
    log = out if out.suffix in SUFFIXES and not out.is_dir() else out / LOG_NAME
    if figure is not None and "," not in spec.attacks:
        raise WorkbenchError("--figure lays several attacks side by side; name more than one in --attack")
    stop = StopOnSignal()
    progress = _Progress(len(spec.checkpoints))

    def watch(done: int, total: int) -> None:
        progress.batch(done, total)
        if stop.received is not None:
            raise KeyboardInterrupt(stop.received)

    try:
        with progress.bar, stop.watching():
            probe(spec, log, resume=resume, say=progress.say, watch=watch, done=progress.epoch)
    except KeyboardInterrupt as error:
        if not log.exists():
            raise
        again = [*sys.argv[1:], *(() if resume else ("--resume",))]
        progress.say(f"stopped; go on with: workbench {shlex.join(again)}")
        raise typer.Exit(128 + (error.args or (signal.SIGINT,))[0]) from None
    if figure is not None:
        _draw(log, figure, names_of(spec.checkpoints)[-1])
        progress.say(f"figure {figure}")
    summary = summarize_path(log)
    if as_json:
        typer.echo(json_text(to_json(summary)))
    else:
        console().print(run_report(summary))


def _draw(log: Path, figure: Path, title: str) -> None:
    """Draw the last epoch."""
    from workbench.report.figures import save_figure
    from workbench.report.probe_figure import attacks_figure

    with AttackTables.open(attacks_path(log)) as tables:
        save_figure(figure, attacks_figure(tables, len(tables) - 1, title))


class _Progress:
    """A bar over checkpoints on a terminal, a line for each in a pipe."""

    def __init__(self, total: int) -> None:
        self._console = StderrConsole(stderr=True, highlight=False, markup=False)
        self.bar = figures_bar(self._console)
        self._task = self.bar.add_task("probe", total=total, figures="")
        self._next = 0.0

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(visible(sentence), soft_wrap=True)

    def batch(self, done: int, total: int) -> None:
        """Show how far the checkpoint is."""
        if not self.bar.disable and time.monotonic() >= self._next:
            self.bar.update(self._task, figures=f"{done}/{total} images")
            self._next = time.monotonic() + REFRESH_SECONDS

    def epoch(self, epoch: EpochMeasured) -> None:
        """Advance the bar; in a pipe say what was measured."""
        measured = epoch.measured
        shares = [("clean", measured.accuracy(NATURAL)), ("fgsm", measured.fgsm_accuracy)]
        shares += [(name, measured.accuracy(name)) for name in measured.inputs if name not in (NATURAL, "fgsm")]
        figures = "  ".join(f"{name} {percent(share)}" for name, share in shares)
        self.bar.update(self._task, completed=epoch.epoch + 1, figures=visible(figures))
        if self.bar.disable:
            self.say(f"probe {epoch.epoch + 1}/{epoch.total}  {epoch.name}  {figures}")
