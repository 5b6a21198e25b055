"""``workbench compare``: several runs side by side."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.compare import Comparison

FORMATS = (".png", ".csv")


class Axis(StrEnum):
    """What the curves are aligned by."""

    epoch = "epoch"
    step = "step"
    onset = "onset"


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run directories or run.h5 files.")],
    align: Annotated[
        Axis,
        typer.Option(help="The axis of the curves: epochs, optimizer steps, or epochs since each run's first onset."),
    ] = Axis.epoch,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png|FILE.csv", help="Also write the aligned curves as a plot or a table."),
    ] = None,
) -> None:
    """Lay runs side by side: accuracies, ΔE, who collapsed when, curves on one axis, which checkpoints to keep.

    Example:  workbench compare demo/fgsm demo/pgd --align onset
    """
    if len(runs) < 2:
        raise WorkbenchError(f"compare takes two runs or more, not only {runs[0]}; workbench inspect shows one")
    if out is not None and out.suffix.lower() not in FORMATS:
        raise WorkbenchError(f"cannot write {out}: its name must end in {' or '.join(FORMATS)}")
    from workbench.compare import compare as lay_side_by_side
    from workbench.report import console, json_text
    from workbench.report.comparison import comparison_json, comparison_report

    comparison = lay_side_by_side(runs, align.value)
    if out is not None:
        if all(track.left_out for track in comparison.tracks):
            raise WorkbenchError(f"no run has a place on this axis, so {out} would be empty; try --align epoch")
        _write(out, comparison)
    if json:
        typer.echo(json_text(comparison_json(comparison)))
    else:
        console().print(comparison_report(comparison))


def _write(path: Path, comparison: "Comparison") -> None:
    if path.suffix.lower() == ".csv":
        from workbench.report.comparison import comparison_table
        from workbench.report.files import write_picture

        write_picture(path, comparison_table(comparison))
    else:
        from workbench.report.comparison_figure import draw_comparison
        from workbench.report.figures import save_figure

        save_figure(path, draw_comparison(comparison))
