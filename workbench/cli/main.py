"""The ``workbench`` command: its subcommands, and errors as one line and an exit code."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from trainers.errors import WorkbenchError
from workbench.cli.check import check
from workbench.cli.compare import compare
from workbench.cli.demo import demo
from workbench.cli.evaluate import evaluate
from workbench.cli.export import export
from workbench.cli.images import images
from workbench.cli.inspect import inspect
from workbench.cli.landscape import landscape
from workbench.cli.methods import methods
from workbench.cli.onset import onset
from workbench.cli.pca import pca
from workbench.cli.probe import probe
from workbench.cli.report import report
from workbench.cli.runs import runs
from workbench.cli.sample import sample
from workbench.cli.score import score
from workbench.cli.serve import serve
from workbench.cli.settings import settings
from workbench.cli.sweep_sampling import sweep_sampling
from workbench.cli.train import train

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 130

COMMANDS: tuple[Callable[..., Any], ...] = (
    demo,
    train,
    inspect,
    serve,
    onset,
    compare,
    check,
    report,
    export,
    runs,
    methods,
    evaluate,
    probe,
    landscape,
    images,
    pca,
    sample,
    score,
    settings,
    sweep_sampling,
)

app = typer.Typer(
    name="workbench",
    help="See adversarial training go wrong while it happens: delta energies, onset, which checkpoint to keep.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in COMMANDS:
    app.command()(_command)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if context.invoked_subcommand is None and not version:
        typer.echo(context.get_help())
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"workbench {installed('workbench')}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 bad usage or input, 3 onset found, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode gets escapes, not a traceback
    try:
        code = app(args=arguments, prog_name="workbench", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        sys.exit(_complain(error.format_message() or str(error)))
    except WorkbenchError as error:
        sys.exit(_complain(str(error)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except OSError as error:
        sys.exit(_complain(_describe(error)))
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else DONE)


def _complain(message: str) -> int:
    """Say what is wrong in one line without control characters."""
    from workbench.report.text import visible

    print("workbench: " + visible(" ".join(message.split())), file=sys.stderr)  # noqa: T201
    return BAD_INPUT


def _describe(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
