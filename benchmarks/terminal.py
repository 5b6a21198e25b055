"""A command on a pseudo-terminal, timed by what it writes there."""

import os
import pty
import select
import signal
import struct
import subprocess
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from types import TracebackType
from typing import Self

ROWS, COLUMNS = 36, 120
TIMEOUT_SECONDS = 60.0
ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Terminal:
    """Runs a command; used as a context manager, at whose end it is killed."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], size: tuple[int, int] = (ROWS, COLUMNS)):
        self.command = tuple(command)
        self._leader, follower = pty.openpty()
        ioctl(follower, TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=environment | ENVIRONMENT,
            start_new_session=True,
        )
        os.close(follower)
        self.written = b""

    def until(self, text: str) -> float:
        """Wait until the command has written a text since the last wait; the time since it was started, in seconds.

        Raises:
            RuntimeError: it ended, or the time ran out, before that.
        """
        seen, wanted = b"", text.encode()
        while wanted not in seen:
            chunk = self._read(TIMEOUT_SECONDS)
            if not chunk:
                what = seen.decode(errors="replace")
                raise RuntimeError(f"{self.command} did not show {text!r}; it wrote:\n{what}")
            seen += chunk
        return time.perf_counter() - self.started

    def press(self, keys: str, text: str, quiet: float = 0.06) -> float:
        """Send keys; seconds until the last byte of what they repaint, which has a text in it.

        Args:
            keys: as a terminal sends them.
            text: what only the finished picture has.
            quiet: seconds of silence that end a repaint.

        Raises:
            RuntimeError: the text did not come.
        """
        self.drain(quiet)
        start = last = time.perf_counter()
        os.write(self._leader, keys.encode())
        seen, wanted = b"", text.encode()
        while wanted not in seen or time.perf_counter() - last < quiet:
            chunk = self._read(TIMEOUT_SECONDS if wanted not in seen else quiet)
            if chunk:
                seen, last = seen + chunk, time.perf_counter()
            elif wanted not in seen:
                raise RuntimeError(f"{self.command} did not show {text!r} after {keys!r}")
        return last - start

    def drain(self, quiet: float) -> None:
        """Read until the command has been silent for a while."""
        while self._read(quiet):
            pass

    def resident(self) -> float:
        """Most memory that the process has held so far, in MiB (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._leader)

    def _read(self, seconds: float) -> bytes:
        """What the command writes next; nothing if it is silent for so long, or has ended."""
        ready, _, _ = select.select([self._leader], [], [], seconds)
        try:
            chunk = os.read(self._leader, 1 << 16) if ready else b""
        except OSError:  # Linux: the last writer has closed the terminal
            chunk = b""
        self.written += chunk
        return chunk
