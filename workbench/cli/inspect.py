"""``workbench inspect``: look at a run."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def inspect(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run directories, run.h5 files, or directories with runs below them."),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Look at a run: the terminal app; in a pipe or with --json a summary. Several runs make a list.

    Example:  workbench inspect demo/fgsm
    """
    if not json and sys.stdout.isatty():
        from workbench.tui.app import run as run_app

        run_app(*runs)
        return
    from workbench.report import console, json_text, run_report, runs_table
    from workbench.summary import summarize_path, to_json
    from workbench.workspace import find_runs

    summaries = [summarize_path(path) for given in runs for path in find_runs(given)]
    if json:
        values = [to_json(summary) for summary in summaries]
        typer.echo(json_text(values[0] if len(values) == 1 else {"runs": values}))
    elif len(summaries) == 1:
        console().print(run_report(summaries[0]))
    else:
        console().print(runs_table(summaries))
