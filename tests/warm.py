"""The command line without the seconds in which a process loads torch: forks of one that has (``warm_server.py``).

A fork has its own folder, environment, arguments, streams (pipes) and session, and runs the module as
``python -m workbench`` does. What it cannot show is start-up itself: which modules are loaded, what the environment
does to libraries while they are loaded, and how an interpreter ends. Tests of that, and those that kill, start a
process: ``fresh`` here, or ``subprocess``.
"""

import io
import json
import os
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

Result = subprocess.CompletedProcess[str]
Workbench = Callable[..., Result]
"""``(*arguments, cwd, timeout=120, file_size=None, **environment)``: run a command line; its exit code and output."""

READ_AT_IMPORT = ("ARROW", "HDF5", "KMP", "LANG", "LC_", "MKL", "MPL", "OMP", "OPENBLAS", "PYTHON", "TORCH")
"""Beginnings of variables that libraries read while they are loaded: those of a warm command line are its server's."""


def command_of(*arguments: object) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "workbench", *map(str, arguments)]


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """Our environment with changes, and 80 columns."""
    return {**os.environ, "COLUMNS": "80", **changes}


def fresh(
    *arguments: object, cwd: Path, timeout: float = 120, file_size: int | None = None, **environment: str
) -> Result:
    """Run ``workbench`` in a process of its own."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (file_size, file_size))
    return subprocess.run(
        command_of(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=environment_with(environment),
        preexec_fn=None if file_size is None else limit,
        check=False,
    )


class Warm:
    """A server, started when it is first needed, and command lines in forks of it. A context manager."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Warm":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._channel.close()
            self._server.communicate(timeout=30)

    def __call__(
        self, *arguments: object, cwd: Path, timeout: float = 120, file_size: int | None = None, **environment: str
    ) -> Result:
        """Run ``workbench``; files that grow beyond ``file_size`` bytes are refused as on a full disk."""
        whole = environment_with(environment)
        channel = self._started()
        assert _at_import(whole) == self._at_import, "read while libraries are loaded: this needs fresh_cli"
        words = [*map(str, arguments)]
        asked = {"arguments": words, "folder": str(cwd), "environment": whole, "file_size": file_size}
        pipes = [os.pipe(), os.pipe()]
        nothing = os.open(os.devnull, os.O_RDONLY)
        request = json.dumps(asked).encode()
        socket.send_fds(channel, [struct.pack("!I", len(request))], [nothing, *(write for _, write in pipes)])
        for descriptor in (nothing, *(write for _, write in pipes)):
            os.close(descriptor)
        channel.sendall(request)
        process = self._number()
        try:
            streams = _read([read for read, _ in pipes], timeout)
        except TimeoutError:
            os.killpg(process, signal.SIGKILL)
            self._number()
            raise subprocess.TimeoutExpired(words, timeout) from None
        finally:
            for read, _ in pipes:
                os.close(read)
        return Result(words, self._number(), *streams)

    def _started(self) -> socket.socket:
        if self._server is None:
            self._at_import = _at_import(os.environ)
            self._channel, theirs = socket.socketpair()
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[1],
                env={**os.environ, "JE_ARROW_MALLOC_CONF": "background_thread:false"},  # a fork must not lose a thread
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            theirs.close()
        return self._channel

    def _number(self) -> int:
        data = self._channel.recv(4, socket.MSG_WAITALL)
        assert self._server is not None
        assert len(data) == 4, self._server.communicate()[1].decode()
        return int(struct.unpack("!i", data)[0])


def _at_import(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}


def _read(pipes: list[int], timeout: float) -> list[str]:
    """All that comes through pipes until they are closed, as text.

    Raises:
        TimeoutError: they are open still.
    """
    chunks: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
    end = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(end - time.monotonic())
            if not ready and time.monotonic() >= end:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, 65_536)
                chunks[key.fd].append(chunk)
                if not chunk:
                    selector.unregister(key.fd)
    return [io.TextIOWrapper(io.BytesIO(b"".join(chunks[pipe]))).read() for pipe in pipes]
