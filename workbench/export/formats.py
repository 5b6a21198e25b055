"""The formats as data: what each writes, from which tables, and what it needs."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from trainers.errors import WorkbenchError
from workbench.export.event_files import write_events
from workbench.export.parquet import write_parquet
from workbench.export.source import Source
from workbench.export.tables import TABLES
from workbench.export.text_formats import write_csv, write_document, write_facts, write_lines

SAMPLES = "samples"
FACTS_NAME = "run.json"
EVENTS_NAME = "events.out.tfevents.0.workbench"
"""TensorBoard reads every file with "tfevents" in its name; the fixed rest lets a new export replace an old one."""

_USUAL = ("epochs", "steps", "events", "onsets")
_BUT_SAMPLES = tuple(name for name in TABLES if name != SAMPLES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One file of an export."""

    name: str
    write: Callable[[Source, BinaryIO], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as in ``--format``.
        suffixes: endings of single files.
        known: tables it can hold.
        usual: tables it holds by default.
        text: whether it can be printed.
        needs: modules that the extra ``export`` brings.
        pieces: the files that hold these tables.
        described: whether a folder of it gets a ``run.json`` with the run's facts beside them.
    """

    name: str
    suffixes: tuple[str, ...]
    known: tuple[str, ...]
    usual: tuple[str, ...]
    text: bool
    needs: tuple[str, ...] = ()
    pieces: Callable[[Sequence[str]], list[Piece]]
    described: bool

    def folder_pieces(self, tables: Sequence[str]) -> list[Piece]:
        """The files of a folder; the one that describes the others comes last."""
        facts = [Piece(name=FACTS_NAME, write=partial(write_facts, tables))] if self.described else []
        return [*self.pieces(tables), *facts]

    def require(self) -> None:
        """Raise WorkbenchError if a module is not installed."""
        for module in self.needs:
            try:
                importlib.import_module(module)
            except ImportError as error:
                package = module.partition(".")[0]
                raise WorkbenchError(
                    f"--format {self.name} needs {package}; install it with: pip install 'workbench[export]'"
                ) from error


def _csv_pieces(tables: Sequence[str]) -> list[Piece]:
    return [Piece(name=f"{name}.csv", write=partial(write_csv, name)) for name in tables]


def _parquet_pieces(tables: Sequence[str]) -> list[Piece]:
    return [Piece(name=f"{name}.parquet", write=partial(write_parquet, name)) for name in tables]


def _json_pieces(tables: Sequence[str]) -> list[Piece]:
    """One document, and the samples as lines of their own: they may be too many for one."""
    pieces = []
    if others := [name for name in tables if name != SAMPLES]:
        pieces.append(Piece(name=FACTS_NAME, write=partial(write_document, others)))
    if SAMPLES in tables:
        pieces.append(Piece(name=f"{SAMPLES}.jsonl", write=partial(write_lines, SAMPLES)))
    return pieces


def _events_pieces(tables: Sequence[str]) -> list[Piece]:
    return [Piece(name=EVENTS_NAME, write=partial(write_events, tables))]


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            name="csv",
            suffixes=(".csv",),
            known=tuple(TABLES),
            usual=_USUAL,
            text=True,
            pieces=_csv_pieces,
            described=True,
        ),
        Format(
            name="parquet",
            suffixes=(".parquet",),
            known=tuple(TABLES),
            usual=_USUAL,
            text=False,
            needs=("pyarrow.parquet",),
            pieces=_parquet_pieces,
            described=True,
        ),
        Format(
            name="json",
            suffixes=(".json", ".jsonl"),
            known=tuple(TABLES),
            usual=_BUT_SAMPLES,
            text=True,
            pieces=_json_pieces,
            described=False,
        ),
        Format(
            name="tensorboard",
            suffixes=(),
            known=_BUT_SAMPLES,
            usual=_BUT_SAMPLES,
            text=False,
            needs=("tensorboard.summary.writer.record_writer",),
            pieces=_events_pieces,
            described=False,
        ),
    )
}
"""Every format by its name."""
