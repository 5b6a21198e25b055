"""``workbench onset``: when catastrophic or robust overfitting set in."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError

KINDS = {"co": "catastrophic", "ro": "robust"}
ONSET_FOUND = 3


def onset(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories or run.h5 files.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="co,ro", help="Exit with 3 if catastrophic (co) or robust (ro) overfitting is found."),
    ] = None,
) -> None:
    """Say when catastrophic or robust overfitting set in, how sure that is, and why.

    Example:  workbench onset demo/fgsm demo/pgd --fail-on co
    """
    fatal = _parse_kinds(fail_on)
    from workbench.report import console, json_text, onset_report, unbroken, visible
    from workbench.summary import summarize_path, to_json

    summaries = [summarize_path(path) for path in runs]
    if json:
        values = [{name: to_json(summary)[name] for name in ("run", "onsets")} for summary in summaries]
        typer.echo(json_text(values[0] if len(values) == 1 else {"runs": values}))
    else:
        for path, summary in zip(runs, summaries, strict=True):
            console().print(unbroken((visible(str(path)), "bold")), onset_report(summary), sep="\n")
    if any(found.kind in fatal for summary in summaries for found in summary.onsets):
        raise typer.Exit(ONSET_FOUND)


def _parse_kinds(text: str | None) -> set[str]:
    names = [] if text is None else [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in KINDS:
            raise WorkbenchError(
                f"unknown kind {name!r} in --fail-on; known are {', '.join(KINDS)} (as in --fail-on co,ro)"
            )
    return {KINDS[name] for name in names}
