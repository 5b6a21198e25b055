"""The real app in a real terminal, a whole session long: find a run, look through it, start a job, export, leave."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tui.runs import meta, write

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="no tmux on this machine")
OF_THIS_TERMINAL = ("TMUX", "NO_COLOR", "COLUMNS", "LINES")
WORKBENCH = f"{sys.executable} -m workbench"


class Session:
    """A terminal of 120×40 in tmux, in which a shell runs one command."""

    def __init__(self, folder: Path, command: str) -> None:
        self._socket = str(folder / "tmux.sock")
        environment = {name: value for name, value in os.environ.items() if name not in OF_THIS_TERMINAL}
        environment |= {"TERM": "xterm-256color", "WORKBENCH_STATE": str(folder / "state.json")}
        environment |= {"WORKBENCH_CONFIG": str(folder / "settings.toml")}
        shell = f"cd {folder}; {command}; echo ended with $?; sleep 60"
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", "120", "-y", "40", shell, env=environment)

    def press(self, *keys: str) -> None:
        """Send keys by their names in tmux."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Send a text."""
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """What is seen."""
        return self._tmux("capture-pane", "-p")

    def until(self, condition: Callable[[str], bool] | str, seconds: float = 60) -> str:
        """Wait until a text, or what a condition asks for, is seen."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if condition in screen if isinstance(condition, str) else condition(screen):
                return screen
            assert time.monotonic() < end, f"not seen: {condition}\n{screen}"
            time.sleep(0.05)

    def end(self) -> None:
        """Close the terminal."""
        subprocess.run([TMUX or "tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        command = [TMUX or "tmux", "-S", self._socket, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=20).stdout


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """The app over three runs, one of which has real checkpoints."""
    runs = tmp_path / "runs"
    write(runs / "healthy", facts=meta(method="pgd", run_id="healthy"))
    write(runs / "collapsed", collapses=True)
    train = "train --method fgsm --epochs 2 --width 4 --train-size 120 --probe-size 40 --seed 3 --out runs/real"
    subprocess.run([*WORKBENCH.split(), *train.split()], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    opened = Session(tmp_path, f"{WORKBENCH} inspect runs")
    yield opened
    opened.end()


def test_a_whole_session(session: Session, tmp_path: Path) -> None:
    session.until("3 runs ·")

    session.press("/")
    session.until("Esc drop")
    session.type("onset:co")
    session.until("3 runs, 1 shown")
    session.press("Escape")
    session.until("3 runs · runs")
    session.press("Space", "Space")
    session.until("2 marked")

    session.press("Home", "Enter")
    session.until("Catastrophic overfitting from epoch 22")
    session.press("n")
    session.until("ΔE train, fgsm, epoch 22")
    session.press("Left", "Left")
    session.until("ΔE train, fgsm, epoch 20")
    panes = {
        "2": "training loss",
        "3": "share",
        "4": "all epochs",
        "5": "median",
        "6": "E(x*)",
        "7": "of 400",
        "8": "loop of its own",
    }
    for key, words in panes.items():
        session.press(key)
        session.until(words)
    session.press("0")
    session.until("Catastrophic overfitting")

    session.press("2", "X")
    session.until("Export Curves")
    session.press("C-u")
    session.until("the name ends in")
    session.type(str(tmp_path / "curves.csv"))
    session.press("Enter")
    session.until("Wrote")
    header, *rows = (tmp_path / "curves.csv").read_text().splitlines()
    assert "pgd_accuracy" in header
    assert len(rows) == 40
    session.press("Escape")
    session.until("3 runs ·")

    session.press("End", "Enter")
    session.until("seed 3")
    session.press("g")
    session.until("Generate images")
    session.press("Tab")
    session.type("100000")
    session.until("100000")
    session.press("Enter")
    session.until("of 100000 ended ·")
    session.press("c")
    session.until("■ stopped")
    session.press("Escape")
    session.until("1 Overview")
    session.press("q")
    session.until("ended with 0")
