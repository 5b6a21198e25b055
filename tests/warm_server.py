"""A process that has loaded the libraries and forks a ``python -m workbench`` for each request of ``warm.py``.

Only what others wrote is loaded beforehand, and ``trainers.fabric``, which says how one of them is loaded: every
command imports our own modules itself. The standard streams are pipes here too, so that a fork has the stream objects
that a fresh interpreter makes for pipes.
"""

import atexit
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any

LIBRARIES = (
    "h5py",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "numpy",
    "rich.live",
    "rich.progress",
    "rich.table",
    "safetensors.torch",
    "sklearn.cluster",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.svm",
    "torch",
    "torch._dynamo",
    "trainers.fabric",
    "typer",
)


def num_threads() -> int:
    """Threads of this process, those of libraries too."""
    return len([*Path("/proc/self/task").iterdir()])


def next_request(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """What is asked for, and descriptors for its standard streams; None when nobody asks any more."""
    head, streams, *_ = socket.recv_fds(channel, 4, 3)
    if not head:
        return None
    return json.loads(channel.recv(*struct.unpack("!I", head), socket.MSG_WAITALL)), streams


def asked_of_child(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; answer with its process number and exit code. In a fork what is asked; None at the end."""
    while (request := next_request(channel)) is not None:
        asked, streams = request
        assert num_threads() == 1, "a fork would lose threads"
        if not (process := os.fork()):
            channel.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return asked
        for stream in streams:
            os.close(stream)
        channel.sendall(struct.pack("!i", process))
        channel.sendall(struct.pack("!i", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])))
    return None


def become(arguments: list[str], folder: str, environment: dict[str, str], file_size: int | None) -> None:
    """Run ``python -m workbench`` in a session, a folder and an environment of its own.

    The interpreter of a command that ends as it should is not taken down, which takes longer than most commands; where
    files are limited in size it is, since libraries write at their end too.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:], sys.path[0] = arguments, folder
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    try:
        runpy.run_module("workbench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
        if file_size is not None or others or not isinstance(end.code, int):
            raise
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            raise end from None  # the interpreter meets it again and says so
        os._exit(end.code & 0xFF)


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()
    if (asked := asked_of_child(socket.socket(fileno=int(sys.argv[1])))) is not None:
        become(**asked)
