"""``workbench report``: runs as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError
from workbench.cli.compare import Axis


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories or run.h5 files.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.html", help="Where to write it; a file that is there is replaced."),
    ],
    align: Annotated[Axis, typer.Option(help="The axis of the curves that compare several runs.")] = Axis.epoch,
) -> None:
    """Write one HTML file with facts, flags, plots, events and settings of the runs; it needs no network to be read.

    Example:  workbench report demo/fgsm demo/pgd -o report.html
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise WorkbenchError(f"cannot write {out}: its name must end in .html")
    from workbench.report.files import write_picture
    from workbench.report.html import html_report

    write_picture(out, html_report(runs, align.value).encode())
    typer.echo(f"Wrote {out}.", err=True)
