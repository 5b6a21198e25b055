"""``workbench check``: is a log whole, and what of a damaged one can be saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

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

    found = []

    def check_one(path: Path) -> None:
        report = check_safely(path)
        found.append(check_json(report))
        if not json:
            console().print(check_report(report))

    refused = _each(runs, check_one)
    if json:
        _print_json(found, refused)
    if refused or any(values["damaged"] for values in found):
        raise typer.Exit(DAMAGED)


def _repair(runs: list[Path], out: Path | None, json: bool) -> None:
    from trainers.energylog.inspection import repair_safely
    from workbench.report import console, plain
    from workbench.report.check import repair_json, repair_report

    found = []

    def repair_one(path: Path) -> None:
        report = repair_safely(path, out)
        found.append(repair_json(str(path), report))
        if not json:
            intact = plain(f"{path}: intact, there is nothing to repair")
            console().print(intact if report is None else repair_report(report))

    refused = _each(runs, repair_one)
    if json:
        _print_json(found, refused)
    if refused:
        raise typer.Exit(DAMAGED)


def _each(runs: list[Path], work: Callable[[Path], None]) -> list[dict[str, object]]:
    """Go through the logs; of several one that is refused is told in a line, and the others have their turn.

    Returns:
        The refusals as JSON values.

    Raises:
        WorkbenchError: the only one is refused.
    """
    from workbench.report import visible

    refused: list[dict[str, object]] = []
    for path in runs:
        try:
            work(path)
        except WorkbenchError as error:
            if len(runs) == 1:
                raise
            typer.echo("workbench: " + visible(" ".join(str(error).split())), err=True)
            refused.append({"path": str(path), "error": str(error)})
    return refused


def _print_json(found: list[dict[str, Any]], refused: list[dict[str, object]]) -> None:
    from workbench.report import json_text

    several = {"runs": found, "refused": refused}
    typer.echo(json_text(found[0] if len(found) == 1 and not refused else several))
