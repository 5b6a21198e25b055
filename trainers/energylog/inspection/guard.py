"""Do something with a file that nobody vouches for in a child process, with limits on its memory and time."""

import faulthandler
import json
import math
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from trainers.errors import WorkbenchError

MOST_MEMORY = 768 << 20
"""Bytes of address space that the child may take beyond what the process has when it starts."""

SILENT_SECONDS = 8.0
SILENT_BYTES_PER_SECOND = 20e6
"""The child may be silent for this long, and longer in a large file."""

CPU_SECONDS = 8.0
CPU_BYTES_PER_SECOND = 0.5e6
"""The processor time that it may take; of real time six times as much, since other programs may keep it waiting."""

Beat = Callable[[], None]
"""To be called now and then by work that gets on."""


def guarded(work: Callable[[Beat], dict[str, Any]], path: Path, *, patience: float = 1.0) -> dict[str, Any]:
    """The result of ``work``, done in a child process: the HDF5 library may crash or hang on a hostile file.

    Call it in a process that runs no other threads and has no log open.

    Args:
        work: What to do; its result must be values of JSON.
        path: The file that it reads, for messages.
        patience: Factor on all limits of time.

    Raises:
        WorkbenchError: ``work`` raised it, or the child crashed, took too long or needed too much memory.
        RuntimeError: ``work`` raised something else.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    size = path.stat().st_size
    silence = patience * (SILENT_SECONDS + size / SILENT_BYTES_PER_SECOND)
    most = patience * (CPU_SECONDS + size / CPU_BYTES_PER_SECOND)
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        _work(work, sending, math.ceil(most))
    os.close(sending)
    try:
        answer = _receive(receiving, silence, 6 * most)
        if answer is None:
            raise _too_long(path)
    finally:
        os.close(receiving)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return _result(answer, status, path)


def _work(work: Callable[[Beat], dict[str, Any]], sending: int, seconds: int) -> NoReturn:
    """The child: limits, then the work, then its answer; never returns."""
    answer: dict[str, Any] = {}
    try:
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the C library says when it aborts
        _limit(seconds)
        answer = {"result": work(lambda: _beat(sending))}
    except WorkbenchError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": None}
    except KeyboardInterrupt:
        os._exit(1)
    except BaseException:  # noqa: BLE001 - the parent raises it again
        answer = {"failed": traceback.format_exc()}
    with open(sending, "wb") as stream:
        stream.write(json.dumps(answer).encode())
    os._exit(0)


def _beat(sending: int) -> None:
    os.write(sending, b"\n")  # which JSON passes over


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    with suppress(OSError, ValueError):  # where the system does not tell or does not limit
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        most = pages * resource.getpagesize() + MOST_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _receive(receiving: int, silence: float, most: float) -> bytes | None:
    """All that the child writes until it closes the pipe; None if it is silent, or writes, for too long."""
    answer, now = bytearray(), time.monotonic()
    end = now + most
    while (left := min(end, now + silence) - time.monotonic()) > 0:
        if select.select([receiving], [], [], left)[0]:
            part, now = os.read(receiving, 1 << 16), time.monotonic()
            if not part:
                return bytes(answer)
            answer += part
    return None


def _too_long(path: Path) -> WorkbenchError:
    return WorkbenchError(f"reading {path} took too long and was stopped; the file may be damaged")


def _result(answer: bytes, status: int, path: Path) -> dict[str, Any]:
    if not answer.strip():
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
            raise _too_long(path)
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
        raise WorkbenchError(
            f"the HDF5 library crashed reading {path} ({name}); restore it from a copy or repeat the run"
        )
    values: dict[str, Any] = json.loads(answer)
    if "failed" in values:
        raise RuntimeError(values["failed"])
    if "refused" in values:
        raise WorkbenchError(values["refused"] or f"reading {path} needs too much memory; the file may be damaged")
    result: dict[str, Any] = values["result"]
    return result
