"""An export on disk: prepared under a hidden name, then put in place file by file, or not at all."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from trainers.errors import WorkbenchError


def refuse_taken(folder: Path, names: Sequence[str], *, force: bool) -> None:
    """Raise WorkbenchError if the folder is none, or a file would be replaced without ``force``."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise WorkbenchError(f"{folder} is a file; give a folder that is new or may be added to")
    for name in names:
        path = folder / name
        if path.is_dir():
            raise WorkbenchError(f"{path} is a folder; give another --out")
        if os.path.lexists(path) and not force:
            raise WorkbenchError(f"{path} exists; give another --out, or --force to replace it")


@contextmanager
def prepared(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A hidden folder to write the files ``names`` into; after the block they are in ``folder``, which is made.

    If the block fails nothing is left of them, and what was in ``folder`` is as it was.

    Raises:
        WorkbenchError: The folder cannot be written.
    """
    made = _missing_parents(folder)
    stage = folder / f".export.{os.getpid()}.tmp"
    done = False
    try:
        stage.mkdir(parents=True)
        yield stage
        for name in names:
            (stage / name).replace(folder / name)
        done = True
    except OSError as error:
        raise WorkbenchError(
            f"cannot write to {folder} ({error.strerror or error}); make room or give another --out"
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for parent in () if done else made:
            with suppress(OSError):
                parent.rmdir()


def _missing_parents(folder: Path) -> list[Path]:
    """The folders that are not there yet, innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]
