"""CSV and JSON."""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from workbench.export.facts import columns_of, facts_of
from workbench.export.source import Source
from workbench.export.tables import JSON, TABLES, TEXT, Table
from workbench.export.values import json_value, python_values, text_cell


def write_csv(name: str, source: Source, stream: BinaryIO) -> None:
    """Write one table with a line of column names; missing values are empty, infinite ones "inf" and "-inf"."""
    table = TABLES[name]
    writer = csv.writer(_Encoder(stream), lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    for rows in _rows(table, source):
        writer.writerows(rows)


class _Encoder:
    """What ``csv`` writes to: text for a binary stream, which stays the caller's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode())


def _rows(table: Table, source: Source) -> Iterator[Iterator[tuple[Any, ...]]]:
    for block in table.read(source):
        columns = []
        for column in table.columns:
            values = python_values(block[column.name], column)
            columns.append([value and text_cell(value) for value in values] if column.dtype == TEXT else values)
        yield zip(*columns, strict=True)


def write_document(names: Sequence[str], source: Source, stream: BinaryIO) -> None:
    """Write one JSON object: ``run``, ``columns``, and a list of rows (objects) per table; row by row."""
    head = {"run": facts_of(source, names), "columns": columns_of(names)}
    stream.write(_json(head, indent=2)[:-2])
    for name in names:
        stream.write(f",\n  {json.dumps(name)}: [".encode())
        separator = b"\n    "
        for row in _objects(TABLES[name], source):
            stream.write(separator + row)
            separator = b",\n    "
        stream.write(b"]" if separator.startswith(b"\n") else b"\n  ]")
    stream.write(b"\n}\n")


def write_lines(name: str, source: Source, stream: BinaryIO) -> None:
    """Write one table as JSON lines: an object per row."""
    for row in _objects(TABLES[name], source):
        stream.write(row + b"\n")


def write_facts(names: Sequence[str], source: Source, stream: BinaryIO) -> None:
    """Write the run's facts and the meaning of the columns of these tables as a JSON object."""
    stream.write(_json({"run": facts_of(source, names), "columns": columns_of(names)}, indent=2) + b"\n")


def _objects(table: Table, source: Source) -> Iterator[bytes]:
    names = [column.name for column in table.columns]
    for block in table.read(source):
        columns = []
        for column in table.columns:
            values = python_values(block[column.name], column)
            columns.append([json.loads(value) for value in values] if column.unit == JSON else values)
        for row in zip(*columns, strict=True):
            yield _json(dict(zip(names, map(json_value, row), strict=True)))


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, allow_nan=False).encode("ascii")
