"""Export one run: into a folder, a file or a stream."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from workbench.export.files import prepared, refuse_taken
from workbench.export.formats import Format, Piece
from workbench.export.source import Selection, Source

Say = Callable[[str], None]


def export_to_folder(
    log: EnergyLog,
    form: Format,
    tables: Sequence[str],
    selection: Selection,
    folder: Path,
    *,
    force: bool,
    say: Say,
) -> list[Path]:
    """Write the files of ``form`` into a folder; all of them or none.

    Args:
        log: an open log; it is only read.
        form: the format.
        tables: names of TABLES that the format knows.
        selection: the part of the log.
        folder: made if it is not there; other files in it are left alone.
        force: replace files of the same name.
        say: told what is being written.

    Returns:
        The files.

    Raises:
        WorkbenchError: A file exists, cannot be written, or the log cannot be read.
    """
    pieces = form.folder_pieces(tables)
    names = [piece.name for piece in pieces]
    return _write(Source(log=log, selection=selection, say=say), pieces, folder, names, force=force)


def export_to_file(
    log: EnergyLog, form: Format, tables: Sequence[str], selection: Selection, path: Path, *, force: bool, say: Say
) -> list[Path]:
    """Write one file, as :func:`export_to_folder` does; the tables must fit into one.

    Raises:
        WorkbenchError: They do not, or as there.
    """
    piece = _single(form, tables)
    return _write(Source(log=log, selection=selection, say=say), [piece], path.parent, [path.name], force=force)


def export_to_stream(
    log: EnergyLog, form: Format, tables: Sequence[str], selection: Selection, stream: BinaryIO
) -> None:
    """Write what :func:`export_to_file` would to a stream.

    Raises:
        WorkbenchError: The tables do not fit into one file, the format is no text, or the log cannot be read.
    """
    if not form.text:
        raise WorkbenchError(f"--format {form.name} cannot be printed; give a folder as --out")
    _single(form, tables).write(Source(log=log, selection=selection), stream)


def _single(form: Format, tables: Sequence[str]) -> Piece:
    pieces = form.pieces(tables)
    if len(pieces) > 1:
        names = ", ".join(piece.name for piece in pieces)
        raise WorkbenchError(f"one file cannot hold {names}; give a folder as --out, or choose with --tables")
    return pieces[0]


def _write(source: Source, pieces: list[Piece], folder: Path, names: list[str], *, force: bool) -> list[Path]:
    refuse_taken(folder, names, force=force)
    with prepared(folder, names) as stage:
        for piece, name in zip(pieces, names, strict=True):
            source.say(name)
            with (stage / name).open("wb") as stream:
                piece.write(source, stream)
                stream.flush()
                os.fsync(stream.fileno())
    return [folder / name for name in names]
