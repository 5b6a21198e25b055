"""Files that are whole or absent."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trainers.errors import WorkbenchError

LONGEST_STEM = 100
"""Characters of a file's name that its temporary neighbour has too."""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What file systems without hard links say, such as those of memory cards."""


def write_atomically(path: Path, content: bytes | Iterable[bytes], *, exclusive: bool = False) -> None:
    """Write ``content`` to a temporary neighbour, fsync, rename over ``path``, fsync the directory.

    Args:
        path: the file.
        content: all of it, or its parts one after the other.
        exclusive: refuse to replace a file, even one that another process makes at this moment.

    Raises:
        FileExistsError: ``exclusive``, and ``path`` exists.
        WorkbenchError: the disk is full or read-only; ``path`` is as it was and no temporary file is left.
    """
    temporary = path.with_name(f".{path.name[:LONGEST_STEM]}.{os.getpid()}.tmp")
    try:
        write_new(temporary, content, lasting=True)
        if exclusive:
            _put(temporary, path)
        else:
            temporary.replace(path)
        sync(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); make room, then go on") from error
    finally:
        with suppress(OSError):  # a read-only file system refuses even where there is nothing to remove
            temporary.unlink(missing_ok=True)


def write_new(path: Path, content: bytes | Iterable[bytes], *, lasting: bool) -> None:
    """Write a file of our own making at ``path``: what is there is removed, and no link there is followed.

    Args:
        path: the file, a temporary name.
        content: all of it, or its parts one after the other.
        lasting: fsync it.

    Raises:
        OSError: it cannot be written, or another process makes one there at this moment.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines((content,) if isinstance(content, bytes) else content)
        if lasting:
            file.flush()
            os.fsync(file.fileno())


def _put(temporary: Path, path: Path) -> None:
    """Give a file its name, which nobody may have.

    Raises:
        FileExistsError: somebody has.
        OSError: it cannot be done.
    """
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))  # ours from now on
        try:
            temporary.replace(path)
        except OSError:
            path.unlink()
            raise


def sync(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on the disk.

    Raises:
        OSError: it cannot be done; not every file system has this for directories.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
