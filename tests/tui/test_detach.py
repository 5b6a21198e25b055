"""Real apps on real terminals: jobs that are left, found again, lost with their terminal, killed with their app."""

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY, TIOCSWINSZ

import pytest

from tests.tui.runs import write
from tests.tui.test_generate import FAKE
from workbench.tui.jobs.folder import PID, lives

APP = """
import sys
from pathlib import Path
from workbench.tui.application import WorkbenchApp
from workbench.tui.jobs.request import JobRequest

class App(WorkbenchApp):
    def on_mount(self):
        run = Path(sys.argv[1])
        if sys.argv[3]:
            out = run / "generation" / "samples-000"
            words = ("sample", "--class=3", "--num", "16", f"--out={out}", "--", str(run))
            self.jobs.submit(JobRequest(kind="sample", title="threes", arguments=words, run_dir=run, out=out))

App(Path(sys.argv[1]), command=(sys.executable, sys.argv[2], sys.argv[3]), detach=sys.argv[4] == "detach").run()
"""


class Terminal:
    """An app on a pseudo-terminal that it is the leader of."""

    def __init__(self, command: list[str]) -> None:
        self.leader, follower = pty.openpty()
        ioctl(follower, TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.app = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, TIOCSCTTY, 0),  # noqa: PLW1509 - there are no threads here
            env=os.environ | {"TERM": "xterm-256color"},
        )
        os.close(follower)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, self.shown[-2000:]
            if select.select([self.leader], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.leader, 1 << 16).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"the app has ended; it wrote: {self.shown[-3000:]}") from None

    def press(self, keys: str) -> None:
        self.shown = ""
        os.write(self.leader, keys.encode())

    def end(self) -> int:
        """Wait until the app has ended, reading on so that it can write."""
        end = time.monotonic() + 20
        while self.app.poll() is None:
            assert time.monotonic() < end, self.shown[-2000:]
            if select.select([self.leader], [], [], 0.05)[0]:
                try:
                    self.shown += os.read(self.leader, 1 << 16).decode("utf-8", "replace")
                except OSError:
                    break
        return self.app.wait(20)


@contextmanager
def app_on(run: Path, scenario: str = "", *, detach: bool = False) -> Iterator[Terminal]:
    """An app over a run; with a scenario, it starts a job that does that."""
    words = [str(run), str(FAKE), scenario, "detach" if detach else ""]
    terminal = Terminal([sys.executable, "-c", APP, *words])
    try:
        yield terminal
    finally:
        if terminal.app.poll() is None:
            terminal.app.kill()
            terminal.app.wait()
        os.close(terminal.leader)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    yield write(tmp_path / "run", epochs=3)
    for folder in (tmp_path / "run" / "jobs").iterdir():
        if lives(folder):
            os.kill(int((folder / PID).read_text()), signal.SIGKILL)


def wait_until_dead(folder: Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while lives(folder):
        assert time.monotonic() < end
        time.sleep(0.02)


def state(folder: Path) -> str:
    return str(json.loads((folder / "job.json").read_text())["state"])


def test_a_detached_job_is_left_without_asking_found_again_and_stopped(run: Path) -> None:
    folder = run / "jobs" / "000001"
    with app_on(run, "waits", detach=True) as terminal:
        terminal.wait_for("1 job 50%")
        terminal.press("q")
        assert terminal.end() == 0
    assert lives(folder)
    assert os.getsid(int((folder / PID).read_text())) not in (terminal.app.pid, os.getsid(0))
    with app_on(run) as terminal:
        terminal.wait_for("1 job 50%")
        terminal.press("J")
        terminal.wait_for("1 running")
        terminal.press("\r")
        terminal.wait_for("8 of 16 ended")
        terminal.press("c")
        terminal.wait_for("stopped")
        terminal.press("q")
        assert terminal.end() == 0
    assert not lives(folder)
    assert state(folder) == "stopped"


def test_a_job_that_was_left_running_outlives_the_terminal(run: Path) -> None:
    folder = run / "jobs" / "000001"
    with app_on(run, "waits") as terminal:
        terminal.wait_for("1 job 50%")
        terminal.press("q")
        terminal.wait_for("leave them running")
        terminal.press("l")
        assert terminal.end() == 0
        os.close(terminal.leader)
        terminal.leader = os.open(os.devnull, os.O_RDONLY)
        time.sleep(0.5)
        assert lives(folder)


@pytest.mark.parametrize("detach", [True, False])
def test_a_lost_terminal_ends_jobs_unless_they_are_detached(run: Path, detach: bool) -> None:
    folder = run / "jobs" / "000001"
    with app_on(run, "waits", detach=detach) as terminal:
        terminal.wait_for("1 job 50%")
        os.close(terminal.leader)
        terminal.app.wait(20)
        terminal.leader = os.open(os.devnull, os.O_RDONLY)
        if detach:
            time.sleep(0.5)
            assert lives(folder)
        else:
            wait_until_dead(folder)


def test_an_app_that_is_told_to_end_stops_its_jobs(run: Path) -> None:
    folder = run / "jobs" / "000001"
    with app_on(run, "waits") as terminal:
        terminal.wait_for("1 job 50%")
        terminal.app.terminate()
        terminal.end()
        wait_until_dead(folder)


def test_an_app_that_is_killed_leaves_a_job_that_the_next_one_finds(run: Path) -> None:
    folder = run / "jobs" / "000001"
    with app_on(run, "waits", detach=True) as terminal:
        terminal.wait_for("1 job 50%")
        terminal.app.kill()
        terminal.app.wait()
        time.sleep(0.2)
        assert lives(folder)
        assert state(folder) == "running"
    with app_on(run) as terminal:
        terminal.wait_for("1 job 50%")
        os.kill(int((folder / PID).read_text()), signal.SIGKILL)
        terminal.wait_for("killed by signal 9")
        terminal.press("q")
        terminal.end()
    assert state(folder) == "failed"


@pytest.mark.parametrize("words", [["--detach", "RUN"], ["RUN", "--detach"], ["RUN", "RUN", "--detach"]])
def test_the_command_line_takes_detach(run: Path, words: list[str]) -> None:
    (run / "jobs").mkdir()
    command = [sys.executable, "-m", "workbench", "inspect", *(str(run) if word == "RUN" else word for word in words)]
    terminal = Terminal(command)
    terminal.wait_for("quit")
    terminal.press("q")
    assert terminal.end() == 0
    os.close(terminal.leader)
