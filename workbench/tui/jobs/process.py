"""One command in a process of its own: its lines as they come, how it ended, and how to end it. Knows no screen."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.tui.text import LONGEST

CHUNK = 1 << 16
LINES_KEPT = 200
"""Last lines of stderr that are kept; a command that warns a million times does not fill the memory."""

OVERRIDES = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
DROPPED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""What would make a command write colours and bars into a pipe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: exit code; minus the number of the signal that killed it.
        output: all of its stdout.
        lines: its last lines on stderr.
        stopped: whether it had been asked to stop.
    """

    code: int
    output: str
    lines: tuple[str, ...]
    stopped: bool

    @property
    def good(self) -> bool:
        """Whether it did what it was told."""
        return self.code == 0

    @property
    def complaint(self) -> str:
        """Why it failed, in a line: its own ``workbench: …``, else the last that it said."""
        said = [line for line in self.lines if line.strip()]
        own = [line.removeprefix("workbench: ") for line in said if line.startswith("workbench: ")]
        if self.code < 0:
            return f"the command was killed by signal {-self.code} ({_signal_name(-self.code)})"
        return (own or said or [f"the command ended with exit code {self.code} and said nothing"])[-1]


class Job:
    """A command that runs once.

    Its stdin is empty and its streams are pipes. It stays in the app's process group, so that it ends with a terminal
    that is lost.
    """

    def __init__(self, command: Sequence[str], on_line: Callable[[str], None] = lambda line: None) -> None:
        """Say what to run, and who is told each line of stderr (on the event loop, so briefly)."""
        self.command = tuple(command)
        self._on_line = on_line
        self._process: asyncio.subprocess.Process | None = None
        self._lines: list[str] = []
        self._stopped = False

    async def run(self) -> Ended:
        """Start it and wait until it has ended; one that is no longer waited for is asked to stop."""
        if self._stopped:
            return Ended(code=-signal.SIGINT, output="", lines=(), stopped=True)
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(os.environ),
            )
        except (OSError, ValueError) as error:
            return Ended(code=127, output="", lines=(f"cannot start {self.command[0]}: {error}",), stopped=False)
        if self._stopped:
            self._send(signal.SIGINT)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, _ = await asyncio.gather(_all(process.stdout), self._follow(process.stderr))
            code = await process.wait()
        except asyncio.CancelledError:
            self.stop()
            raise
        return Ended(code=code, output=output, lines=tuple(self._lines), stopped=self._stopped and code != 0)

    def stop(self) -> None:
        """Ask it to stop, as one Ctrl-C does; it keeps what it has. Asking again does nothing."""
        if not self._stopped:
            self._stopped = True
            self._send(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        self._stopped = True
        self._send(signal.SIGKILL)

    async def end(self, patience: float) -> None:
        """Ask it to stop and wait until it has; one that has not after ``patience`` seconds is ended."""
        self.stop()
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                return

    async def _follow(self, stream: asyncio.StreamReader) -> None:
        """Tell every line, cut to a length that can be shown, however long it is in the pipe."""
        rest = b""
        while chunk := await stream.read(CHUNK):
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                self._take(line)
            rest = rest[:LONGEST]
        self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line[:LONGEST].decode("utf-8", "replace").rstrip()
        if text:
            self._lines = [*self._lines[-LINES_KEPT + 1 :], text]
            self._on_line(text)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command whose streams are pipes."""
    return {name: value for name, value in outer.items() if name not in DROPPED} | OVERRIDES


async def _all(stream: asyncio.StreamReader) -> str:
    return (await stream.read()).decode("utf-8", "replace")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
