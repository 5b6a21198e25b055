"""Files that the app makes for the user: named after the view, whole or absent, never over another unasked."""

import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from workbench.tui.look.text import plain, shorten

_ODD = re.compile(r"[^A-Za-z0-9._+-]+")
LONGEST_STEM = 100
MOST_TRIES = 1_000


def stem(*parts: object) -> str:
    """A file name without suffix that any file system takes, from parts such as a run's name."""
    words = [_ODD.sub("-", str(part)).strip(".-") for part in parts]
    return "-".join(word for word in words if word)[:LONGEST_STEM] or "workbench"


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder.

    Raises:
        WorkbenchError: that cannot be told: the name is too long, or a folder on the way may not be entered.
    """
    return _status(path) is not None


def is_folder(path: Path) -> bool:
    """Whether there is a folder.

    Raises:
        WorkbenchError: that cannot be told.
    """
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WorkbenchError(f"cannot look at {shorten(str(path), 40)} ({why})") from None


def check_writable(folder: Path) -> None:
    """Make sure that files can be made in a folder, which need not be there yet. Leaves nothing behind.

    Raises:
        WorkbenchError: they cannot.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        tempfile.TemporaryFile(dir=there).close()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WorkbenchError(f"{plain(str(there))} cannot be written to ({why}); nothing can be made there") from None


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
            write_atomically(path, content, exclusive=True)
            return path
    raise WorkbenchError(f"{folder} holds {MOST_TRIES:,} files called {name}{suffix}")
