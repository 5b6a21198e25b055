"""Files that others may have put there: no link is followed, no pipe is waited for.

A run directory may come from anyone, and so may the names in it. What is read of a file is bounded.
"""

import os
import stat
from pathlib import Path


def open_foreign(path: Path) -> int:
    """A descriptor to read a regular file.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is no file")
    return descriptor


def read_foreign(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        OSError: it cannot be read, is no regular file, or is longer.
    """
    with os.fdopen(open_foreign(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""  # it may grow meanwhile
    if max(size, len(content)) > most:
        raise OSError(f"it is longer than {most:,} bytes")
    return content


def refuse_odd(path: Path) -> None:
    """Refuse what a library that opens files by name would follow or wait for: links, pipes, devices.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    os.close(open_foreign(path))
