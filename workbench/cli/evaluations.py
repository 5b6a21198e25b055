"""What was evaluated before. Needs no torch."""

from collections.abc import Collection
from pathlib import Path

import typer

from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME, holds_run
from workbench.evaluation import evaluation_folder, find_evaluations
from workbench.evaluation.store import FOLDER
from workbench.report import console, json_text
from workbench.report.evaluation import evaluations_report
from workbench.summary.values import evaluations_json
from workbench.target import find_target


def list_evaluations(path: Path, given: Collection[str], *, as_json: bool) -> None:
    """Print the evaluations of a run or a checkpoint.

    Raises:
        WorkbenchError: there is no such thing, or options of measuring were given.
    """
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given).replace("--attacks", "--attack")
        raise WorkbenchError(f"{names}: of measuring, but --list measures nothing; drop one of them")
    folder, run_id = _folder(path)
    found = find_evaluations(folder, run_id)
    if as_json:
        typer.echo(json_text(evaluations_json(found)))
    else:
        console().print(evaluations_report(found, most=None))


def _folder(path: Path) -> tuple[Path, str | None]:
    """Where evaluations are kept, and of which run."""
    run_dir = path if path.is_dir() else path.parent if path.name == LOG_NAME else None
    if run_dir is None:
        return evaluation_folder(find_target(path)), None
    if not holds_run(run_dir):
        raise WorkbenchError(f"no such run or checkpoint: {path}")
    if not (run_dir / LOG_NAME).exists():
        return run_dir / FOLDER, None
    with EnergyLog.open(run_dir) as log:
        return run_dir / FOLDER, log.meta.run_id
