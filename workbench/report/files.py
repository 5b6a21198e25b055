"""Pictures on disk: whole or absent."""

from pathlib import Path

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError


def write_picture(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; folders are made.

    Raises:
        WorkbenchError: it cannot be written; what was there is still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); give another folder") from error
    write_atomically(path, content)
