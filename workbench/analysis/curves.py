"""Tables of accuracies per epoch, made anywhere: read from CSV in bounded memory, or refused in one line."""

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.analysis.curve_columns import ACCURACIES, EPOCH, Assignment, CurveColumn, Unit, assign

MOST_EPOCHS = 10_000
"""More rows are refused: such a table is one of steps."""

LONGEST_LINE = 1_000_000
"""Characters; a longer line is no row of a table."""

MISSING = ("", "-", "–", "—", "na", "n/a", "nan", "none", "null")
"""Cells without a value, in any case."""

_SEPARATORS = (",", ";", "\t")
_SLACK = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """Accuracies per epoch.

    Attributes:
        path: the file.
        columns: what is used, and in which unit the table has it.
        not_needed: headers that are understood and not used.
        unknown: headers that are not understood.
        numbered: whether epochs are row numbers, because the table has no column of epochs.
        epochs: numbers of the epochs, ascending, shape (E,).
        values: curves by the name of what they are; accuracies as fractions in [0, 1], NaN where missing, shape (E,).
    """

    path: Path
    columns: tuple[CurveColumn, ...]
    not_needed: tuple[str, ...]
    unknown: tuple[str, ...]
    numbered: bool
    epochs: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]

    def curve(self, name: str) -> NDArray[np.float64]:
        """A curve by its name, shape (E,); all NaN where the table lacks it."""
        return self.values.get(name, np.full(len(self.epochs), np.nan))

    def rows(self) -> Iterator[dict[str, float]]:
        """The epochs in order, each as a detector takes it."""
        for i, epoch in enumerate(self.epochs):
            yield {EPOCH: int(epoch), **{name: float(curve[i]) for name, curve in self.values.items()}}


def read_curves(path: Path, chosen: Sequence[CurveColumn] = ()) -> Curves:
    """Read a table with a row of headers and a row per epoch; separators are commas, semicolons or tabs.

    Args:
        path: the file, UTF-8.
        chosen: which column is what, where the headers do not say.

    Raises:
        WorkbenchError: it is no such table; the line says what and where.
    """
    with _opened(path) as stream:
        lines = _lines(stream, path)
        head = next((line for line in lines if line.strip()), None)
        if head is None:
            raise WorkbenchError(f"{path} is empty; give a CSV file with a row of headers and a row per epoch")
        separator = max(_SEPARATORS, key=lambda one: len(_cells(head, one)))
        headers = [cell.strip() for cell in next(csv.reader([head], delimiter=separator, strict=True))]
        try:
            found = assign(headers, chosen)
        except WorkbenchError as error:
            raise WorkbenchError(f"{path}: {error}") from error
        if not any(column.name in ACCURACIES for column in found.columns):
            raise WorkbenchError(
                f"{path} has no column of accuracies that is understood ({', '.join(map(repr, headers[:20]))});"
                " say which is what, as in --columns pgd_accuracy=HEADER"
            )
        return _read_rows(path, csv.reader(lines, delimiter=separator, strict=True), headers, found)


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a line; none if it cannot be read with this separator."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return []


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The file as text; what is wrong with it as one line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"{path} is no UTF-8 text; convert it, with iconv say") from error
    except csv.Error as error:
        raise WorkbenchError(f"{path} is no CSV table ({error}); write it again, one row per epoch") from error
    except OSError as error:
        hint = "; without --curves the directory of a run is read" if path.is_dir() else ""
        raise WorkbenchError(f"cannot read {path} ({error.strerror or error}){hint}") from error


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise WorkbenchError(f"{path} has a line of over {LONGEST_LINE:,} characters; it is no table of epochs")
        yield line


def _read_rows(path: Path, rows: Iterator[list[str]], headers: Sequence[str], found: Assignment) -> Curves:
    places = {column.name: headers.index(column.header) for column in found.columns}
    cells: dict[str, array[float]] = {name: array("d") for name in places}
    with_sign: set[str] = set()
    for number, row in enumerate(row for row in rows if any(cell.strip() for cell in row)):
        where = f"{path}, row {number + 1} below the headers"
        if number == MOST_EPOCHS:
            raise WorkbenchError(f"{path} has over {MOST_EPOCHS:,} rows; give one row per epoch")
        if len(row) != len(headers):
            raise WorkbenchError(f"{where}: {len(row)} cells under {len(headers)} headers; mend or drop the row")
        for name, place in places.items():
            text = row[place].strip()
            if text.endswith("%"):
                with_sign.add(name)
            cells[name].append(_number(text, f"{where}, column {headers[place]!r}"))
    num_rows = len(next(iter(cells.values())))
    if not num_rows:
        raise WorkbenchError(f"{path} has headers and no rows; give a row per epoch")
    values = {name: np.frombuffer(numbers, dtype=np.float64).copy() for name, numbers in cells.items()}
    numbered = EPOCH not in values
    epochs = np.arange(num_rows) if numbered else _whole(path, values.pop(EPOCH))
    columns = tuple(
        replace(column, unit=column.unit or _unit(values[column.name], column.name in with_sign))
        for column in found.columns
        if column.name != EPOCH
    )
    for column in columns:
        values[column.name] = _scaled(path, column, values[column.name])
    named = [column for column in found.columns if column.name == EPOCH]
    return Curves(
        path=path,
        columns=(*named, *columns),
        not_needed=found.not_needed,
        unknown=found.unknown,
        numbered=numbered,
        epochs=epochs,
        values=values,
    )


def _number(text: str, where: str) -> float:
    """The value of a cell; NaN where it has none or an infinite one."""
    if text.lower() in MISSING:
        return math.nan
    try:
        value = float(text.removesuffix("%"))
    except ValueError as error:
        shown = text if len(text) <= 40 else text[:39] + "…"
        raise WorkbenchError(f"{where}: {shown!r} is not a number; leave cells without a value empty") from error
    return value if math.isfinite(value) else math.nan


def _whole(path: Path, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Epochs: whole, ascending, each once."""
    wrong = np.flatnonzero(~(np.abs(values) < 2**53) | (values != np.floor(values)))
    if wrong.size:
        row, value = int(wrong[0]), float(values[wrong[0]])
        what = "has no epoch" if math.isnan(value) else f"has the epoch {value:g}, which is no whole number"
        raise WorkbenchError(f"{path}, row {row + 1} below the headers {what}; number the epochs or drop the row")
    epochs = values.astype(np.int64)
    back = np.flatnonzero(np.diff(epochs) <= 0)
    if back.size:
        row = int(back[0]) + 1
        seen = np.flatnonzero(epochs[:row] == epochs[row])
        if seen.size:
            raise WorkbenchError(
                f"{path} has epoch {epochs[row]} twice, in rows {seen[0] + 1} and {row + 1} below the headers;"
                " keep one row per epoch"
            )
        raise WorkbenchError(
            f"{path}: epoch {epochs[row]} follows epoch {epochs[row - 1]} in row {row + 1} below the headers;"
            " sort the rows by epoch"
        )
    return epochs


def _unit(values: NDArray[np.float64], with_sign: bool) -> Unit:
    """Percentages, if the cells have the sign or a value exceeds 1."""
    return "percent" if with_sign or bool((values > 1 + _SLACK).any()) else "fraction"


def _scaled(path: Path, column: CurveColumn, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if column.unit in ("nat", "step"):
        return values
    fractions = values / 100 if column.unit == "percent" else values
    wrong = np.flatnonzero((fractions < -_SLACK) | (fractions > 1 + _SLACK))
    if wrong.size:
        row, most = int(wrong[0]), "100 %" if column.unit == "percent" else "1"
        raise WorkbenchError(
            f"{path}, row {row + 1} below the headers: {column.header!r} is {values[row]:g}; {column.name} lies between"
            f" 0 and {most} (--columns says which column is what)"
        )
    return np.clip(fractions, 0.0, 1.0)
