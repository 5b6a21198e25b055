"""Several processes on one directory of samples: one at a time, and together to the end."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from trainers.errors import WorkbenchError
from trainers.fabric import Fabric

T = TypeVar("T")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other commands out of a directory meanwhile; the lock ends with the process, however it ends.

    Where the file system has no locks, nothing is kept out.

    Raises:
        WorkbenchError: another command works there, or the directory cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise WorkbenchError(f"cannot make {out} ({error.strerror or error}); choose another --out") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkbenchError(
                f"another command is sampling into {out}; wait for it, or choose another --out"
            ) from None
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(handle)


def together(fabric: Fabric, action: Callable[[], T]) -> T:
    """Do something in every process, and go on only if all have done it.

    Raises:
        WorkbenchError: this process's own error, or that another one failed, which says why itself.
    """
    failure: WorkbenchError | None = None
    result: T | None = None
    try:
        result = action()
    except WorkbenchError as error:
        failure = error
    except OSError as error:
        failure = WorkbenchError(f"{error.filename or 'cannot go on'}: {error.strerror or error}")
    failed = torch.tensor(float(failure is not None), device=fabric.device)
    num_failed = float(torch.as_tensor(fabric.all_reduce(failed, reduce_op="sum")))
    if failure is not None:
        raise failure
    if num_failed:
        raise WorkbenchError(f"{num_failed:g} of {fabric.world_size} processes failed")
    return result  # type: ignore[return-value]  # no error, so the action returned
