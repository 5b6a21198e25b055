"""``workbench runs``: which runs there are."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME


def runs(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to look, subdirectories included.")
    ] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """List the runs below a directory (default: here) with their accuracies, ΔE and onsets.

    Example:  workbench runs demo
    """
    from workbench.report import console, json_text, plain, runs_table, unreadable_report
    from workbench.summary import summarize_path, to_json

    if not directory.is_dir():
        raise WorkbenchError(f"no such directory: {directory}; give one that has runs below it")
    summaries, names, damaged = [], [], {}
    for path in sorted(_logs(directory)):
        try:
            summaries.append(summarize_path(path))
            names.append(str(path.parent.relative_to(directory)))
        except WorkbenchError as error:
            damaged[str(path)] = str(error)
    if json:
        values = [to_json(summary) for summary in summaries]
        errors = [{"path": path, "error": error} for path, error in damaged.items()]
        typer.echo(json_text({"runs": values, "damaged": errors}))
        return
    if summaries:
        console().print(runs_table(summaries, names))
    if damaged:
        console().print(unreadable_report(damaged.values()))
    if not summaries and not damaged:
        console().print(plain(f"No runs below {directory}; workbench train makes one."))


def _logs(directory: Path) -> Iterator[Path]:
    """Every run.h5 below the directory; links and hidden directories are not followed."""
    for folder, subfolders, files in os.walk(directory):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        if LOG_NAME in files:
            yield Path(folder) / LOG_NAME
