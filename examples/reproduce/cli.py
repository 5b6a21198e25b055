"""The command: one claim or all of them, at a scale, for as long as there is time."""

from collections.abc import Callable, Iterable
from pathlib import Path
from signal import SIGINT
from typing import Annotated

import torch
import typer

from reproduce import pages
from reproduce.claims import CLAIMS
from reproduce.runs import Deadline, Interrupted
from reproduce.scales import SCALES
from reproduce.work import Piece, Place, pieces_of_claim, work_off
from trainers.dataname import absolute_data, parse_data
from trainers.errors import WorkbenchError

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
BAD_INPUT, INTERRUPTED = 2, 128

ALL, TABLES = "all", "tables"
WHAT = (*CLAIMS, ALL, TABLES)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Let an option have none but some values."""

    def check(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}")
        return value

    return check


@app.command()
def reproduce(
    what: Annotated[
        str,
        typer.Argument(
            metavar="|".join(WHAT),
            callback=one_of(WHAT),
            help="A claim, all of them, or tables: only draw what is recorded.",
        ),
    ],
    scale: Annotated[
        str, typer.Option(metavar="|".join(SCALES), callback=one_of(SCALES), help="How large: see docs/results.")
    ] = "smoke",
    data: Annotated[
        list[str] | None,
        typer.Option(help="Where CIFAR-10 lies: folder:DIR (scale small), cifar10:DIR (scale full)."),
    ] = None,
    work: Annotated[Path, typer.Option(help="Run directories; they may be removed when all is done.")] = Path(
        "reproduce"
    ),
    budget: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Begin nothing after so long; the same command goes on.")
    ] = None,
    results: Annotated[
        Path, typer.Option(help="Where records, tables and figures go. [default: docs/results]", show_default=False)
    ] = RESULTS,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch on a CPU; results depend on it.")] = 1,
    plan: Annotated[bool, typer.Option("--plan", help="Do nothing; say what there is to do and what is left.")] = False,
) -> None:
    """Run the claims of the paper again, and draw tables and figures of what came out under docs/results.

    The same command goes on where it was stopped (Ctrl-C, kill, --budget); what a record holds is not done again.

    Example:  python examples/reproduce co --scale smoke
    """
    try:
        if what == TABLES:
            pages.draw(results)
            return
        torch.set_num_threads(threads)
        chosen = SCALES[scale]
        place = Place(
            work=work / chosen.name,
            records=results / "records" / chosen.name,
            data={"digits": "digits", **{parse_data(name).kind: absolute_data(name) for name in data or ()}},
            device=device,
        )
        names = tuple(CLAIMS) if what == ALL else (what,)
        pieces = [piece for name in names for piece in pieces_of_claim(name, chosen, place)]
        if plan:
            _tell(pieces)
            return
        place.check(run for name in names for run in chosen.runs(name))
        well = work_off(pieces, Deadline.after(budget), lambda words: typer.echo(words, err=True))
        pages.draw(results)
        _tell(pieces)
    except WorkbenchError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except (Interrupted, KeyboardInterrupt) as stopped:
        typer.echo("stopped; the same command goes on", err=True)
        signal = stopped.signal if isinstance(stopped, Interrupted) else SIGINT
        raise typer.Exit(INTERRUPTED + signal) from None
    if not well:
        raise typer.Exit(BAD_INPUT)


def _tell(pieces: list[Piece]) -> None:
    left = [piece for piece in pieces if not piece.is_done()]
    for piece in left:
        typer.echo(f"left: {piece.title}")
    typer.echo(f"{len(pieces) - len(left)} of {len(pieces)} pieces are done")
