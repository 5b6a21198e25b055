"""An evaluation with what the command line adds to it: progress, Ctrl-C, where it is kept, its report."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from trainers.errors import WorkbenchError
from workbench.cli.progress import REFRESH_SECONDS, StderrConsole, figures_bar
from workbench.evaluation import Stored, evaluation_folder, save_evaluation, to_json
from workbench.evaluation.measure import Progress, evaluate
from workbench.probe import ModelOptions, ProbeSpec, parse_normaliser
from workbench.report import console, json_text, visible
from workbench.report.evaluation import evaluation_report
from workbench.target import BEST, find_target

ATTACKS = "pgd-50-10"
SPLIT = "test"

OF_MODEL = ("model", "mean", "std", "input_range", "shortcut", "state")
INTERRUPTED = 130
LINE_SECONDS = 2.0
"""Least time between two lines in a pipe."""


def run_evaluation(path: Path, given: Mapping[str, Any], *, as_json: bool) -> None:
    """Evaluate with progress on stderr, keep what was measured, print the report.

    Args:
        path: a run or a checkpoint.
        given: the options of measuring that were given.
        as_json: print JSON.

    Raises:
        WorkbenchError: anything that is missing or does not fit; nothing is written then.
    """
    target = find_target(path, given.get("epoch", BEST))
    options = ModelOptions(
        name=given.get("model"),
        normaliser=parse_normaliser(*(given.get(name) for name in ("mean", "std", "input_range"))),
        **{name: given[name] for name in ("shortcut", "state") if name in given},
    )
    settings = {name: value for name, value in given.items() if name not in ("epoch", *OF_MODEL)}
    spec = ProbeSpec(
        checkpoints=(target.checkpoint,), model=options, **{"attacks": ATTACKS, "split": SPLIT, **settings}
    )
    folder = evaluation_folder(target)
    _check_place(folder)
    progress = _Progress()
    stored: Stored | None = None
    try:
        with progress.bar:
            for evaluation in evaluate(target, spec, say=progress.say, watch=progress.show):
                stored = Stored(path=save_evaluation(folder, evaluation), evaluation=evaluation)
    except KeyboardInterrupt:
        progress.say("stopped; " + ("no attack is whole, nothing is kept" if stored is None else _kept(stored)))
        raise typer.Exit(INTERRUPTED) from None
    assert stored is not None
    if as_json:
        typer.echo(json_text({"path": str(stored.path), **to_json(stored.evaluation)}))
    else:
        console().print(evaluation_report(stored))


def _kept(stored: Stored) -> str:
    return f"kept in {stored.path}: {', '.join(attack.name for attack in stored.evaluation.attacks)}"


def _check_place(folder: Path) -> None:
    """See before anything is measured that it can be kept."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise WorkbenchError(f"nothing can be written to {there}, where the evaluation would be kept")


class _Progress:
    """A bar over the images under all attacks on a terminal; in a pipe a line once it takes long."""

    def __init__(self) -> None:
        self._console = StderrConsole(stderr=True, highlight=False, markup=False, emoji=False)
        self.bar = figures_bar(self._console)
        self._task = self.bar.add_task("evaluate", total=None, figures="")
        self._began = time.monotonic()
        self._next = self._began + LINE_SECONDS if self.bar.disable else 0.0  # what is quick is not worth a line

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(visible(sentence), soft_wrap=True)

    def show(self, progress: Progress) -> None:
        """Show how far it is, from time to time."""
        moment = time.monotonic()
        if moment < self._next:
            return
        self._next = moment + (LINE_SECONDS if self.bar.disable else REFRESH_SECONDS)
        figures = f"{progress.attack}  {progress.passes / max(moment - self._began, 1e-9):,.0f} passes/s"
        if self.bar.disable:
            self.say(f"evaluate  {progress.done}/{progress.total}  {figures}")
        else:
            self.bar.update(self._task, total=progress.total, completed=progress.done, figures=figures)
