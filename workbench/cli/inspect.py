"""``workbench inspect``: look at a run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.summary import RunSummary


def inspect(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run directories, run.h5 files, or directories with runs below them."),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Leave jobs of the app running when it is left or its terminal is lost.")
    ] = False,
) -> None:
    """Look at a run: the terminal app; in a pipe or with --json a summary. Several runs make a list.

    Example:  workbench inspect demo/fgsm
    """
    if not json and sys.stdout.isatty():
        from workbench.tui.app import run as run_app

        run_app(*runs, detach=detach)
        return
    from workbench.report import console, json_text, run_report, runs_table, unreadable_report
    from workbench.summary import to_json

    summaries, damaged = _summaries(runs)
    if json:
        values = [to_json(summary) for summary in summaries]
        errors = [{"path": path, "error": error} for path, error in damaged.items()]
        typer.echo(json_text(values[0] if len(values) == 1 and not errors else {"runs": values, "damaged": errors}))
        return
    if len(summaries) == 1:
        console().print(run_report(summaries[0]))
    elif summaries:
        console().print(runs_table(summaries))
    if damaged:
        console().print(unreadable_report(damaged.values()))


def _summaries(runs: list[Path]) -> tuple[list["RunSummary"], dict[str, str]]:
    """The runs, and of those found below a directory the ones that cannot be read: why, by path.

    Raises:
        WorkbenchError: one that was given by itself cannot be read.
    """
    from workbench.summary import summarize_path
    from workbench.workspace import find_runs

    summaries: list[RunSummary] = []
    damaged: dict[str, str] = {}
    for given in runs:
        for path in find_runs(given):
            try:
                summaries.append(summarize_path(path))
            except WorkbenchError as error:
                if path == given:
                    raise
                damaged[str(path)] = str(error)
    return summaries, damaged
