"""The file under the log: temporary names, publishing by rename, and giving up on a file that cannot be written."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

from trainers.atomic import sync, write_new
from trainers.errors import WorkbenchError

HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError)
"""What h5py raises when the library fails; which one depends on the call, not on the cause."""


def temporary_name(path: Path) -> Path:
    """The name under which a file is prepared that is to be at ``path``."""
    return path.with_name(f".{path.name}.tmp")


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """A free name beside ``path`` to prepare a file under; what an earlier process left there is removed.

    Nothing is left under that name afterwards, whatever happens inside.

    Raises:
        WorkbenchError: The directory is missing or cannot be written, or an error of HDF5 escapes from the block.
    """
    name = temporary_name(path)
    try:
        name.unlink(missing_ok=True)
        yield name
    except WorkbenchError:
        raise
    except HDF5_ERRORS as error:
        raise WorkbenchError(f"cannot write {path} ({reason(error)}); {_way_out(path)}") from error
    finally:
        with suppress(OSError):
            name.unlink(missing_ok=True)


def publish(file: h5py.File, temporary_name: Path, path: Path) -> None:
    """Give the open ``file`` its name in one step, replacing what is there.

    Raises:
        WorkbenchError: Another process took the temporary name meanwhile.
        OSError: The rename failed.
    """
    ours = os.fstat(descriptor(file))
    if not os.path.samestat(ours, temporary_name.stat()):
        raise WorkbenchError(f"another process is creating {path} at this moment; give each run its own directory")
    os.fsync(descriptor(file))  # else a power cut after the rename could leave neither the old file nor the new one
    temporary_name.replace(path)


def replace(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Put a whole file in the place of ``path`` in one step; its temporary name is fixed, for there is one writer.

    Args:
        path: The file.
        content: All of it.
        lasting: Whether it must be on the disk before this returns, and survive a power cut.

    Raises:
        OSError: It cannot be written; ``path`` is as it was.
    """
    name = temporary_name(path)
    try:
        write_new(name, content, lasting=False)
        if lasting:
            put_in_place(name, path)
        else:
            name.replace(path)
    except OSError:
        with suppress(OSError):
            name.unlink(missing_ok=True)
        raise


def put_in_place(temporary_name: Path, path: Path) -> None:
    """Rename a closed file over ``path`` so that after a power cut there is either the old file or the new one, whole.

    Raises:
        OSError: It cannot be done.
    """
    sync(temporary_name)
    temporary_name.replace(path)
    with suppress(OSError):  # not every file system has this call for directories
        sync(path.parent)


def abandon(file: h5py.File) -> None:
    """Close a file that can no longer be written, leaving on disk what is there.

    The library keeps what it could not write, tries again on every close and crashes the interpreter at exit when
    that fails too. So its descriptor is pointed at the null device, where every write succeeds, before the file or
    any data set with unwritten chunks is let go.
    """
    if not file:
        return
    if file.driver == "core":  # in memory
        file.close()
        return
    with Path(os.devnull).open("r+b", buffering=0) as null:
        os.dup2(null.fileno(), descriptor(file), inheritable=False)
    for _ in range(3):  # the first attempt may stumble over what the failure left half done
        with suppress(*HDF5_ERRORS):
            file.close()


def descriptor(file: h5py.File) -> int:
    """The operating system's descriptor of an open file."""
    return int(file.id.get_vfd_handle())


def reason(error: Exception) -> str:
    """Why a call failed, in the operating system's words where the library's text tells the error number."""
    if number := re.search(r"errno\s*=\s*(\d+)", str(error)):
        return os.strerror(int(number[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error.args[0] if error.args else error).split("\n", 1)[0]


def _way_out(path: Path) -> str:
    return "choose another directory, or make room and try again" if path.parent.is_dir() else "create its directory"
