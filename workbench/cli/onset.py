"""``workbench onset``: when catastrophic or robust overfitting set in."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.onset import Onset
    from workbench.summary import RunSummary

KINDS = {"co": "catastrophic", "ro": "robust"}
ONSET_FOUND = 3


def onset(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run directories or run.h5 files; CSV files with --curves.")
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead; with --watch one line of it per flag.")
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="co,ro",
            help="Exit with 3 if catastrophic (co) or robust (ro) overfitting is found; with --watch as soon as it is.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow one run, print flags as they rise, end when the run ends.")
    ] = False,
    curves: Annotated[
        bool, typer.Option("--curves", help="RUN... are CSV tables with a row of accuracies per epoch.")
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=HEADER,...",
            help="With --curves: which column is what, such as pgd_accuracy=adv_test_acc; HEADER:percent or"
            " HEADER:fraction says its unit. Names: epoch, clean_accuracy, fgsm_accuracy, pgd_accuracy,"
            " train_pgd_accuracy, train_robust_accuracy, train_clean_accuracy.",
        ),
    ] = None,
    train_attack: Annotated[
        str | None,
        typer.Option(
            metavar="pgd|fgsm",
            help="With --curves: the attack behind robust accuracy on training data; fgsm is no measure of robust"
            " overfitting.  [default: pgd]",
        ),
    ] = None,
) -> None:
    """Say when catastrophic or robust overfitting set in, how sure that is, and why.

    Example:  workbench onset demo/fgsm demo/pgd --fail-on co
    """
    fatal = _parse_kinds(fail_on)
    if watch and curves:
        raise WorkbenchError("--watch follows a run, --curves reads tables; give one of them")
    if not curves and (columns or train_attack is not None):
        raise WorkbenchError("--columns and --train-attack go with --curves")
    if watch:
        _watch(runs, json, fatal)
    elif curves:
        _judge_tables(runs, json, fatal, columns or [], _parse_attack(train_attack))
    else:
        _look_back(runs, json, fatal)


def _look_back(runs: list[Path], json: bool, fatal: set[str]) -> None:
    from workbench.report import console, onset_report, unbroken, visible
    from workbench.summary import summarize_path, to_json

    table = next((path for path in runs if path.suffix.lower() == ".csv" and path.is_file()), None)
    if table is not None:
        raise WorkbenchError(f"{table} looks like a table of curves; add --curves")
    summaries = [summarize_path(path) for path in runs]
    if json:
        _print_json([{name: to_json(summary)[name] for name in ("run", "onsets")} for summary in summaries])
    else:
        for path, summary in zip(runs, summaries, strict=True):
            console().print(unbroken((visible(str(path)), "bold")), onset_report(summary, summary.weights), sep="\n")
    _exit_if_found((found for summary in summaries for found in summary.onsets), fatal)


def _judge_tables(paths: list[Path], json: bool, fatal: set[str], columns: list[str], train_attack: str) -> None:
    from workbench.analysis.curve_columns import parse_columns
    from workbench.analysis.curves import read_curves
    from workbench.analysis.verdict import judge
    from workbench.report import console, unbroken, visible
    from workbench.report.curves import curves_json, curves_report

    chosen = parse_columns(columns)
    tables = [read_curves(path, chosen) for path in paths]
    verdicts = [judge(table, train_attack) for table in tables]
    if json:
        _print_json([curves_json(*both, train_attack) for both in zip(tables, verdicts, strict=True)])
    else:
        for table, verdict in zip(tables, verdicts, strict=True):
            title = unbroken((visible(str(table.path)), "bold"))
            console().print(title, curves_report(table, verdict, train_attack), sep="\n")
    _exit_if_found((found for verdict in verdicts for found in verdict.onsets), fatal)


def _watch(runs: list[Path], json: bool, fatal: set[str]) -> None:
    from workbench.cli.watching import await_log, watch
    from workbench.report import console, plain, silence_report, visible
    from workbench.report.words import epochs

    if len(runs) != 1:
        raise WorkbenchError(f"--watch follows one run, not {len(runs)}; start one for each")
    path = runs[0]
    name = visible(str(path))
    if not await_log(path, lambda seconds: _say(f"Waiting up to {seconds:.0f} s for a log at {name}.")):
        raise WorkbenchError(f"there is still no log at {path}; give the directory of a run or its run.h5")
    for summary, found in watch(path):
        if found is None:
            end = f"{name} {_ENDS[summary.status]} after {epochs(summary.committed)}."
            if json:
                _say(end)
            else:
                console().print(plain(end), silence_report(summary), sep="\n")
        else:
            _tell(summary, found, json)
            _exit_if_found([found], fatal)


_ENDS = {
    "finished": "has finished",
    "stopped": "was stopped",
    "failed": "has failed",
    "crashed": "has crashed (no sign of life)",
}


def _tell(summary: "RunSummary", found: "Onset", json: bool) -> None:
    """Print one flag now, however the output is buffered."""
    from json import dumps

    from workbench.report import console, flag_report
    from workbench.summary import onset_json

    if json:
        typer.echo(
            dumps(
                {"run": summary.run_id, "path": str(summary.path), **onset_json(found, summary.weights)},
                allow_nan=False,
            )
        )
    else:
        console().print(flag_report(found, summary.weights))
    sys.stdout.flush()


def _print_json(values: list[dict[str, Any]]) -> None:
    from workbench.report import json_text

    typer.echo(json_text(values[0] if len(values) == 1 else {"runs": values}))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _exit_if_found(onsets: "Iterable[Onset]", fatal: set[str]) -> None:
    """Only a flag that stands is a reason to fail: a run that was rolled back has left the others behind."""
    if any(found.kind in fatal and found.rolled_back is None for found in onsets):
        raise typer.Exit(ONSET_FOUND)


def _parse_attack(text: str | None) -> str:
    attack = "pgd" if text is None else text.strip().lower()
    if not attack.startswith(("pgd", "fgsm")):
        raise WorkbenchError(f"unknown attack {text!r} in --train-attack; known are pgd (or pgd-10, ...) and fgsm")
    return attack


def _parse_kinds(text: str | None) -> set[str]:
    names = [] if text is None else [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in KINDS:
            raise WorkbenchError(
                f"unknown kind {name!r} in --fail-on; known are {', '.join(KINDS)} (as in --fail-on co,ro)"
            )
    return {KINDS[name] for name in names}
