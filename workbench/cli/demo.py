"""``workbench demo``: three runs on real digits, one of them overfitted, in minutes."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

METHODS = ("fgsm", "fgsm-der", "pgd")


def demo(
    out: Annotated[Path, typer.Option(help="Where the three runs go.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of all three runs.")] = 0,
) -> None:
    """Train fgsm, fgsm-der and pgd on handwritten digits, compare them, and open the one that overfits.

    Nothing is pre-computed. Takes minutes on two CPU cores; a demo that was stopped goes on where it stood.

    Example:  workbench demo --out demo
    """
    from trainers.errors import WorkbenchError
    from trainers.loop import read_config
    from trainers.recipes import complete
    from trainers.rundir import holds_run
    from workbench.cli.training import run_training
    from workbench.report import console, plain, runs_table
    from workbench.summary import summarize_path

    folders = [out / method for method in METHODS]
    for method, folder in zip(METHODS, folders, strict=True):
        config = complete({"method": method, "data": "digits", "seed": seed})
        if holds_run(folder):
            if read_config(folder) != config:
                raise WorkbenchError(f"{folder} holds a run of other settings; choose another --out, or remove it")
            code = run_training(folder)
        else:
            code = run_training(folder, config)
        if code:
            raise typer.Exit(code)
    summaries = [summarize_path(folder) for folder in folders]
    screen = console()
    screen.print(runs_table(summaries, METHODS))
    screen.print(plain(_reading(summaries[0].eps)))
    screen.print("Look deeper:")
    for command in (
        ("inspect", folders[0]),
        ("onset", folders[0]),
        ("inspect", folders[1], "--json"),
        ("runs", out),
        ("train", "--method", "rs-fgsm", "--out", out / "rs-fgsm"),
    ):
        screen.print(plain("  workbench " + shlex.join(map(str, command))))
    if sys.stdout.isatty():
        from workbench.tui.app import run as run_app

        run_app(folders[0])


def _reading(eps: float | None) -> str:
    """How to read the table."""
    from workbench.report.text import epsilon

    where = f" at ε = {epsilon(eps)}" if eps else ""
    return (
        f"Accuracies on the held-out probe set{where}. High FGSM beside low PGD accuracy is catastrophic overfitting:"
        " the model beats only its own attack. ΔE is of the training set under the training attack."
    )
