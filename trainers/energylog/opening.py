"""Find the file of a run and open it: finished, live, left by a killed writer, or something else altogether."""

import ctypes
import os
import time
from pathlib import Path
from typing import Any

import h5py
from h5py import h5f, h5p

from trainers.energylog.files import HDF5_ERRORS, reason
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME

RETRY_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04)
"""Pauses between the attempts to read something: it may be rewritten while it is read."""

METADATA_ATTEMPTS = 24
"""Attempts of the library to read metadata beside a writer; the pauses between them add up to 17 ms."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def find(path: Path) -> tuple[Path, bool]:
    """The log of a run directory or the file itself, and whether it is marked as being written.

    Raises:
        WorkbenchError: There is no such file, or it is not HDF5.
    """
    try:
        if path.is_dir():
            if not (path / LOG_NAME).exists():
                raise WorkbenchError(f"{path} holds no run.h5; give the directory of a run")
            path = path / LOG_NAME
        if not path.exists():
            raise WorkbenchError(f"{path} does not exist; give the directory of a run or its run.h5")
        if not path.is_file():
            raise WorkbenchError(f"{path} is no regular file; give the directory of a run or its run.h5")
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError as error:
        raise WorkbenchError(f"cannot read {path} ({reason(error)}); check its permissions") from error
    if not head.startswith(_SIGNATURE):
        raise WorkbenchError(f"{path} is not an HDF5 file; give the directory of a run or its run.h5")
    version, flags = head[8:9], head[11:12]
    return path, version >= b"\x03" and flags > b"\x00"


def open_hdf5(path: Path) -> h5py.File:
    """Open a finished file plainly, and one that is being written (or was, by a killed writer) beside its writer.

    Only a plain open finds out whether the file is shorter than it says.

    Raises:
        WorkbenchError: There is no such file, it is not HDF5, or it cannot be opened.
    """
    for pause in (*RETRY_SECONDS, None):
        _, written = find(path)
        try:
            return open_once(path, beside_writer=written)
        except HDF5_ERRORS as error:  # perhaps the writer closed it just now
            if pause is None:
                raise damaged(path, reason(error)) from error
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def open_once(path: Path, *, beside_writer: bool, attempts: int = METADATA_ATTEMPTS) -> h5py.File:
    """Open a file for reading in one of the two ways; beside a writer also one that is shorter than it says.

    Args:
        path: The file.
        beside_writer: Whether to open it as one that is being written.
        attempts: Attempts of the library to read metadata beside a writer.

    Raises:
        OSError: It cannot be opened, or another of HDF5_ERRORS.
    """
    access = h5p.create(h5p.FILE_ACCESS)
    _limit_attempts(access, attempts)
    flags = h5f.ACC_RDONLY | (h5f.ACC_SWMR_READ if beside_writer else 0)
    return h5py.File(h5f.open(os.fsencode(path), flags, fapl=access))


def damaged(path: Path, what: str) -> WorkbenchError:
    """The error for a log that cannot be trusted."""
    return WorkbenchError(f"{path} is truncated or damaged ({what}); workbench check --repair saves what is intact")


def _limit_attempts(access: Any, attempts: int) -> None:
    """Have the library give up soon on metadata whose checksum is wrong.

    Beside a writer it tries 100 times and sleeps twice as long each time, which on a damaged file is for ever. h5py
    does not pass the setting on, so it is made in the library that h5py has loaded.
    """
    set_attempts = getattr(ctypes.CDLL(h5p.__file__), "H5Pset_metadata_read_attempts", None)
    if set_attempts is not None:
        set_attempts(ctypes.c_int64(access.id), ctypes.c_uint(attempts))
