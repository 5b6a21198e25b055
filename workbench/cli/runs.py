"""``workbench runs``: which runs there are."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError


def runs(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to look, subdirectories included.")
    ] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    filter_: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only runs that it wants, such as 'method:fgsm* eps>=8/255 onset:co -status:crashed'.",
        ),
    ] = "",
    sort: Annotated[
        str, typer.Option(metavar="[-]FIELD", help="Sort by a field, such as name or -pgd (the largest first).")
    ] = "name",
) -> None:
    """List the runs below a directory (default: here) with their accuracies, ΔE and onsets.

    Example:  workbench runs demo --filter "onset:none pgd>40%" --sort -pgd
    """
    from workbench.report import console, json_text, plain, runs_table, unreadable_report
    from workbench.summary import summarize_path, to_json
    from workbench.workspace import Entry, entry_of, find_logs, parse_filter, sort_entries, unreadable

    if not directory.is_dir():
        raise WorkbenchError(f"no such directory: {directory}; give one that has runs below it")
    wanted = parse_filter(filter_)
    entries: list[Entry] = []
    for path in find_logs(directory):
        name = str(path.parent.relative_to(directory))
        try:
            entries.append(entry_of(summarize_path(path), name))
        except WorkbenchError as error:
            entries.append(unreadable(path, name, str(error)))
    chosen = sort_entries((entry for entry in entries if wanted(entry.values)), sort)
    found = [(entry.summary, entry.name) for entry in chosen if entry.summary is not None]
    damaged = {str(entry.path): entry.problem for entry in chosen if entry.problem is not None}
    if json:
        values = [to_json(summary) for summary, _ in found]
        errors = [{"path": path, "error": error} for path, error in damaged.items()]
        typer.echo(json_text({"runs": values, "damaged": errors}))
        return
    if found:
        summaries, names = zip(*found, strict=True)
        console().print(runs_table(summaries, names))
    if damaged:
        console().print(unreadable_report(damaged.values()))
    if not chosen:
        none = f"None of the {len(entries)} runs below {directory} is wanted by {filter_!r}."
        console().print(plain(none if entries else f"No runs below {directory}; workbench train makes one."))
