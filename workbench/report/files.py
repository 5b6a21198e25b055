"""Pictures on disk: whole or absent."""

import os
from pathlib import Path

from trainers.errors import WorkbenchError


def write_picture(path: Path, content: bytes) -> None:
    """Write to a temporary neighbour and rename; folders are made. Not forced to disk: a picture can be drawn again.

    Raises:
        WorkbenchError: it cannot be written; what was there is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); give another folder") from error
    finally:
        temporary.unlink(missing_ok=True)
