"""Files that the app makes for the user: named after the view, whole or absent, never over another unasked."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trainers.atomic import sync
from trainers.errors import WorkbenchError

_ODD = re.compile(r"[^A-Za-z0-9._+-]+")
LONGEST_STEM = 100
MOST_TRIES = 1_000


def stem(*parts: object) -> str:
    """A file name without suffix that any file system takes, from parts such as a run's name."""
    words = [_ODD.sub("-", str(part)).strip(".-") for part in parts]
    return "-".join(word for word in words if word)[:LONGEST_STEM] or "workbench"


def write_new_file(path: Path, chunks: Iterable[bytes], *, replace: bool = False) -> Path:
    """Write a file whole or not at all.

    Args:
        path: where to.
        chunks: its bytes.
        replace: whether a file that is there may be replaced.

    Returns:
        The path.

    Raises:
        FileExistsError: the file is there, and may not be replaced.
        WorkbenchError: it cannot be written; nothing is left of it.
    """
    temporary = path.with_name(f".{path.name[:LONGEST_STEM]}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
        sync(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def write_beside(folder: Path, name: str, suffix: str, content: bytes) -> Path:
    """Write a file under a name that is free: NAME.svg, else NAME-2.svg, and so on.

    Raises:
        WorkbenchError: it cannot be written.
    """
    for number in range(1, MOST_TRIES):
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}{suffix}"
        if os.path.lexists(path):
            continue
        with suppress(FileExistsError):
            return write_new_file(path, (content,))
    raise WorkbenchError(f"{folder} holds {MOST_TRIES:,} files called {name}{suffix}")
