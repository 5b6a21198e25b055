"""A view as a file: its numbers as CSV, a plot of them as PNG, the run's report as HTML, the screen as SVG.

What takes long runs in threads and in processes of its own; the file appears when it is whole.
"""

import asyncio
import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from workbench.tui.acts.seen import Seen
from workbench.tui.facts.numbers import Table
from workbench.tui.look.text import plain
from workbench.tui.memory import place_of

DRAW = (sys.executable, "-m", "workbench.report.table_figure")
MOST_DRAWN = 400_000
"""Rows that a plot is made of at most."""

_BLOCK = 4_096


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: of its name.
        holds: what it will hold of a view, in words; None where the view has nothing of the kind.
    """

    suffix: str
    holds: Callable[[Seen], str | None]


def _numbers(seen: Seen) -> str | None:
    return None if seen.table is None else f"{len(seen.table.columns)} columns: {seen.table.title}"


def _plot(seen: Seen) -> str | None:
    return None if seen.table is None or seen.table.drawing is None else f"a plot: {seen.table.title}"


def _report(seen: Seen) -> str | None:
    return None if not seen.runs else f"the report on {'the run' if len(seen.runs) == 1 else f'{len(seen.runs)} runs'}"


FORMATS = (
    Format(".csv", _numbers),
    Format(".png", _plot),
    Format(".html", _report),
    Format(".svg", lambda seen: "a picture of the terminal"),
)


def format_of(path: Path) -> Format | None:
    """The format that a file's name asks for."""
    return next((each for each in FORMATS if each.suffix == path.suffix.lower()), None)


async def export(seen: Seen, path: Path, picture: bytes, command: Sequence[str], *, replace: bool) -> None:
    """Write a view in the format of the file's name.

    Args:
        seen: the view.
        path: the file.
        picture: the terminal as SVG.
        command: how the command line is started.
        replace: whether a file that is there may be replaced.

    Raises:
        FileExistsError: there is a file, and it may not be replaced.
        WorkbenchError: it cannot be made or written.
    """
    table = seen.table
    match path.suffix.lower():
        case ".csv" if table is not None:
            await asyncio.to_thread(write_atomically, path, csv_chunks(table), exclusive=not replace)
        case ".png" if table is not None:
            document = await asyncio.to_thread(_document, table, titled(seen, table))
            content = await _run((*DRAW,), document, "matplotlib")
            await asyncio.to_thread(write_atomically, path, content, exclusive=not replace)
        case ".html":
            content = await _html(command, seen.runs)
            await asyncio.to_thread(write_atomically, path, content, exclusive=not replace)
        case _:
            await asyncio.to_thread(write_atomically, path, picture, exclusive=not replace)


def csv_chunks(table: Table) -> Iterator[bytes]:
    """A table as CSV with a line of column names, block by block; NaN and None are empty."""
    rows = iter(table.rows())
    yield _csv([table.columns])
    while block := list(islice(rows, _BLOCK)):
        yield _csv([[_cell(value) for value in row] for row in block])


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")


def _cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula, and no NaN."""
    if isinstance(value, float) and math.isnan(value):
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def titled(seen: Seen, table: Table) -> str:
    """What a plot of a table is called: after the run, where it is of one."""
    return f"{Path(place_of(seen.runs[0])).name} · {table.title}" if len(seen.runs) == 1 else table.title


def _document(table: Table, title: str) -> bytes:
    assert table.drawing is not None
    rows = [[_finite(value) for value in row] for row in islice(table.rows(), MOST_DRAWN)]
    content = {"title": plain(title, 100), "columns": table.columns, "rows": rows}
    return json.dumps({**content, "drawing": table.drawing._asdict()}).encode()


def _finite(value: object) -> object:
    return value if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)) else None


async def _html(command: Sequence[str], runs: Sequence[Path]) -> bytes:
    """The report, written by the command line into a folder of its own."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "report.html"
        await _run((*command, "report", f"--out={out}", "--", *map(str, runs)), b"", "workbench report")
        return await asyncio.to_thread(out.read_bytes)


async def _run(command: Sequence[str], given: bytes, name: str) -> bytes:
    """What a command prints.

    Raises:
        WorkbenchError: it fails; its last line says why.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        output, errors = await process.communicate(given)
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise WorkbenchError(plain(f"{name}: {lines[-1]}", 300))
    return output
