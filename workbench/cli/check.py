"""``workbench check``: is a log whole, and what of a damaged one can be saved."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError

DAMAGED = 2


def check(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories or run.h5 files.")],
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Put a new log with all that is intact in the place of a damaged one, which is kept."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --repair: write the new log here and leave the old one alone."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Verify every checksum, count and statistic of a log; exit 2 if it is damaged. Nothing is written but by --repair.

    Example:  workbench check runs/fgsm
    """
    if out is not None and not repair:
        raise WorkbenchError("--out goes with --repair")
    if out is not None and len(runs) > 1:
        raise WorkbenchError(f"--out names one file for {len(runs)} runs; repair them one by one")
    if repair:
        _repair(runs, out, json)
    else:
        _check(runs, json)


def _check(runs: list[Path], json: bool) -> None:
    from trainers.energylog.inspection import check_safely
    from workbench.report import console
    from workbench.report.check import check_json, check_report

    reports = [check_safely(path) for path in runs]
    if json:
        _print_json([check_json(report) for report in reports])
    else:
        for report in reports:
            console().print(check_report(report))
    if any(report.damaged for report in reports):
        raise typer.Exit(DAMAGED)


def _repair(runs: list[Path], out: Path | None, json: bool) -> None:
    from trainers.energylog.inspection import repair_safely
    from workbench.report import console, plain
    from workbench.report.check import repair_json, repair_report

    reports = [(path, repair_safely(path, out)) for path in runs]
    if json:
        _print_json([repair_json(str(path), report) for path, report in reports])
        return
    for path, report in reports:
        intact = plain(f"{path}: intact, there is nothing to repair")
        console().print(intact if report is None else repair_report(report))


def _print_json(values: list[dict[str, object]]) -> None:
    from workbench.report import json_text

    typer.echo(json_text(values[0] if len(values) == 1 else {"runs": values}))
