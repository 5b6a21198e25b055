"""One command in a process of its own: its lines as they come, how it ended, and how to end it. Knows no screen.

Its streams go to files in the job's folder, so that it does not need the app. A shell around it holds the folder's lock
and writes its exit code, so that a later app can tell whether it runs and how it ended.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.foreign import open_foreign
from workbench.tui.jobs.folder import (
    LOCK,
    STDERR,
    STDOUT,
    descendants,
    from_shell,
    has_ended,
    holds,
    is_locked,
    new_stream,
    read_end_of,
    read_exit,
    read_pid,
    take_lock,
    trim_stream,
)
from workbench.tui.jobs.tail import Tail

POLL_SECONDS = 0.05
"""Pause between looks at what a command has written, and at whether it still runs."""

LINES_KEPT = 200
"""Last lines of stderr that are kept; a command that warns a million times does not fill the memory."""

OVERRIDES = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
DROPPED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""What would make a command write colours and bars into a file."""

AROUND = r"""
folder=$1
shift
trap : INT HUP TERM
/bin/sh -c 'echo $$ >"$0"; exec "$@"' "$folder/pid" "$@"
code=$?
{ echo "$code" >"$folder/exit.new" && mv "$folder/exit.new" "$folder/exit"; } 2>/dev/null
exit "$code"
"""
"""The shell around a command. Signals are for the command; the shell waits for it."""

LOST = 255
"""Exit code of a command that left none."""

LEFT_NOTHING = "it left no exit code: it was killed, or the machine went down"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: exit code; minus the number of the signal that killed it.
        output: its stdout, at most the last megabytes.
        lines: its last lines on stderr.
        stopped: whether it ended because it was asked to.
    """

    code: int
    output: str
    lines: tuple[str, ...]
    stopped: bool

    @property
    def good(self) -> bool:
        """Whether it did what it was told."""
        return self.code == 0 and not self.stopped

    @property
    def complaint(self) -> str:
        """Why it failed, in a line: its own ``workbench: …``, else the last that it said."""
        said = [line for line in self.lines if line.strip()]
        own = [line.removeprefix("workbench: ") for line in said if line.startswith("workbench: ")]
        if self.code < 0:
            return f"the command was killed by signal {-self.code} ({_signal_name(-self.code)})"
        return (own or said or [f"the command ended with exit code {self.code} and said nothing"])[-1]


class Job:
    """A command that runs once, its streams in a folder."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        on_lines: Callable[[Sequence[str]], None] = lambda lines: None,
    ) -> None:
        """Say what to run. It has a session of its own, so that it ends with a terminal only if the app sees to that.

        Args:
            command: what.
            folder: an empty one for its streams.
            on_lines: told the lines of stderr that came since the last look, on the event loop, so briefly.
        """
        self.command = tuple(command)
        self._folder, self._on_lines = folder, on_lines
        self._process: subprocess.Popen[bytes] | None = None
        self._files: list[int] = []
        self._pid: int | None = None
        self._lines: list[str] = []
        self._stopped = False
        self._unsent: signal.Signals | None = None
        self._over = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process around the command, if this app started it."""
        return None if self._process is None else self._process.pid

    async def run(self, started: Callable[[], None] = lambda: None) -> Ended:
        """Start it and wait until it has ended.

        Args:
            started: called in the thread that has started it, even if nobody waits any more.
        """
        if self._stopped:
            return Ended(code=-signal.SIGINT, output="", lines=(), stopped=True)
        try:
            await asyncio.to_thread(self._start, started)
            return await self.follow()
        except (OSError, ValueError) as error:
            self._close()
            return Ended(code=127, output="", lines=(f"cannot start {self.command[0]}: {error}",), stopped=False)

    async def follow(self) -> Ended:
        """Wait until it has ended; it may have been started by another app.

        Raises:
            OSError: its folder is not there.
        """
        try:
            with ExitStack() as stack:
                self._files = self._files or await asyncio.to_thread(self._open)
                stack.callback(self._close)
                _, stdout, stderr = self._files
                tail = Tail(stderr)
                while await asyncio.to_thread(self._runs):
                    self._take(await asyncio.to_thread(tail.read))
                    await asyncio.to_thread(self._trim)
                    self._send_unsent()
                    await asyncio.sleep(POLL_SECONDS)
                self._take(await asyncio.to_thread(tail.finish))
                output = await asyncio.to_thread(read_end_of, stdout)
                code = await asyncio.to_thread(self._code)
        finally:
            self._over.set()
        stopped = code != 0 and (self._stopped or code in (130, -signal.SIGINT))
        return Ended(code=code, output=output.decode("utf-8", "replace"), lines=tuple(self._lines), stopped=stopped)

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
        if not self._files:
            return
        try:
            await asyncio.wait_for(self._over.wait(), patience)
        except TimeoutError:
            self.kill()
            await self._over.wait()

    def _start(self, started: Callable[[], None]) -> None:
        if shutil.which(self.command[0]) is None:
            raise FileNotFoundError(f"there is no such program: {self.command[0]}")
        with ExitStack() as stack:
            lock = take_lock(self._folder)
            stack.callback(os.close, lock)
            stdout, stderr = (stack.enter_context(new_stream(self._folder / name)) for name in (STDOUT, STDERR))
            self._files = self._open()
            self._process = subprocess.Popen(
                ("/bin/sh", "-c", AROUND, "sh", str(self._folder.absolute()), *self.command),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(lock,),
                env=environment(os.environ),
                start_new_session=True,
            )
        started()

    def _open(self) -> list[int]:
        """What is read while it runs, opened once: a folder that vanishes takes nothing away."""
        return [open_foreign(self._folder / name) for name in (LOCK, STDOUT, STDERR)]

    def _close(self) -> None:
        while self._files:
            os.close(self._files.pop())

    def _trim(self) -> None:
        """In a thread: keep a command that never stops talking from filling the disk."""
        for name, descriptor in zip((STDOUT, STDERR), self._files[1:], strict=True):
            trim_stream(self._folder / name, descriptor)

    def _runs(self) -> bool:
        """In a thread: whether the shell around it or the command itself runs."""
        self._pid = self._pid or read_pid(self._folder)
        if self._process is not None and self._process.poll() is None:
            return True
        return is_locked(self._files[0]) and not has_ended(self._folder)

    def _code(self) -> int:
        code = read_exit(self._folder)
        if code is None and self._process is not None and self._process.returncode is not None:
            code = from_shell(self._process.returncode)
        if code is None:
            code = LOST
            self._lines.append(f"workbench: {LEFT_NOTHING}")
        return code

    def _send(self, number: signal.Signals) -> None:
        self._unsent = number
        self._send_unsent()

    def _send_unsent(self) -> None:
        """Send the command its signal, as soon as it is known which process it is."""
        if self._unsent is not None and self._pid is not None and self._files and holds(self._pid, self._files[0]):
            number, self._unsent = self._unsent, None
            also = descendants(self._pid) if number == signal.SIGKILL else []  # nobody else would tell them
            for pid in (self._pid, *also):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)

    def _take(self, lines: list[str]) -> None:
        self._lines = [*self._lines, *lines][-LINES_KEPT:]
        if lines:
            self._on_lines(lines)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command whose streams are files."""
    return {name: value for name, value in outer.items() if name not in DROPPED} | OVERRIDES


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
