"""``workbench export``: a run's log in formats that other programs read."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.export import Format, Selection

PRINTED = Path("-")
FOLDER = Path("export")


def export(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories or run.h5 files.")],
    format: Annotated[
        str | None,
        typer.Option(
            metavar="csv|parquet|tensorboard|json",
            help="What to write [default: by the ending of --out, else csv].",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE|-",
            help="A folder (of several runs one with a folder for each); a file that ends in .csv, .parquet, .json or"
            " .jsonl for a single table (JSON: all but samples); - prints CSV or JSON.",
        ),
    ] = FOLDER,
    tables: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Of epochs, steps, events, onsets, histograms, samples [default: csv and parquet the first four, json"
            " and tensorboard all but samples].",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="train|probe", help="Histograms and samples of one set only.", show_default=False),
    ] = None,
    epochs: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="From epoch A up to, without, B; either may be left out.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files of an earlier export.")] = False,
) -> None:
    """Write a run's log as CSV, Parquet, JSON or TensorBoard event files; the log itself is only read.

    Example:  workbench export demo/fgsm --format parquet --tables epochs,samples --out fgsm-tables
    """
    from workbench.export import SAMPLED, Selection

    form = _format(format, out)
    names = _tables(tables, form)
    first, stop = _epochs(epochs)
    selection = Selection(first=first, stop=stop)
    if split is not None:
        if split not in selection.splits:
            raise WorkbenchError(f"unknown set {split!r} in --split; known are {', '.join(selection.splits)}")
        if not SAMPLED.intersection(names):
            raise WorkbenchError(
                f"--split chooses among {' and '.join(sorted(SAMPLED))}, but only {', '.join(names)} would be written;"
                " leave it out or name one of them in --tables"
            )
        selection = Selection(splits=(split,), first=first, stop=stop)
    form.require()
    is_single = out == PRINTED or out.suffix.lower() in form.suffixes
    if len(runs) > 1 and is_single:
        raise WorkbenchError(f"{len(runs)} runs do not go into one file; give a folder as --out")
    if out == PRINTED:
        _print(runs[0], form, names, selection)
    else:
        _write(runs, form, names, selection, out, is_single=is_single, force=force)


def _write(
    runs: list[Path],
    form: "Format",
    tables: list[str],
    selection: "Selection",
    out: Path,
    *,
    is_single: bool,
    force: bool,
) -> None:
    from trainers.energylog import EnergyLog
    from workbench.export import export_to_file, export_to_folder, folder_names
    from workbench.report import visible

    folders = [out] if len(runs) == 1 else [out / name for name in folder_names(runs)]
    write = export_to_file if is_single else export_to_folder
    for path, folder in zip(runs, folders, strict=True):
        with EnergyLog.open(path) as log, _progress(path) as say:
            files = write(log, form, tables, selection, folder, force=force, say=say)
        for file in files:
            typer.echo(visible(str(file)))


def _print(run: Path, form: "Format", tables: list[str], selection: "Selection") -> None:
    from trainers.energylog import EnergyLog
    from workbench.export import export_to_stream

    sys.stdout.flush()
    with EnergyLog.open(run) as log:
        export_to_stream(log, form, tables, selection, sys.stdout.buffer)


@contextmanager
def _progress(run: Path) -> Iterator[Callable[[str], None]]:
    """What is being written, as a status line on a terminal; nothing in a pipe. On stderr."""
    from rich.console import Console

    from workbench.report import plain

    screen = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with screen.status(plain(str(run))) as status:
        yield lambda sentence: status.update(plain(f"{run}: {sentence}"))


def _format(name: str | None, out: Path) -> "Format":
    from workbench.export import FORMATS

    suffix = out.suffix.lower()
    by_suffix = next((form for form in FORMATS.values() if suffix in form.suffixes), None)
    if name is None:
        return by_suffix or FORMATS["csv"]
    if name not in FORMATS:
        raise WorkbenchError(f"unknown format {name!r}; known are {', '.join(FORMATS)}")
    if by_suffix not in (None, FORMATS[name]):
        raise WorkbenchError(f"{out} does not end like --format {name}; give another name or leave --format out")
    return FORMATS[name]


def _tables(text: str | None, form: "Format") -> list[str]:
    from workbench.export import TABLES

    names = list(form.usual) if text is None else [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in TABLES:
            raise WorkbenchError(f"unknown table {name!r} in --tables; known are {', '.join(TABLES)}")
        if name not in form.known:
            raise WorkbenchError(f"--format {form.name} does not hold {name}; known are {', '.join(form.known)}")
    return list(dict.fromkeys(names))


def _epochs(text: str | None) -> tuple[int, int | None]:
    """The first epoch and the one to stop before."""
    if text is None:
        return 0, None
    first, colon, stop = text.strip().partition(":")
    if not colon or not all(re.fullmatch(r"[0-9]{0,18}", part) for part in (first, stop)):
        raise WorkbenchError(f"--epochs takes A:B, such as 10:20, 10: or :20, not {text!r}")
    if stop and int(stop) <= int(first or 0):
        raise WorkbenchError(f"--epochs {text.strip()} holds no epoch; B in A:B is the one to stop before, so above A")
    return int(first or 0), int(stop) if stop else None
