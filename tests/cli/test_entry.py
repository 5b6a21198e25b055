"""``workbench inspect RUN`` on a terminal: straight to the app, without the command line's libraries."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import write_small_log


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_small_log(tmp_path)


PROGRAM = """
import atexit, pathlib, sys
atexit.register(lambda: pathlib.Path("modules").write_text(" ".join(sys.modules)))
from workbench.cli.entry import main
main()
"""


def on_terminal(*arguments: str, until: str, folder: Path) -> tuple[int, str, list[str]]:
    """Run on a pseudo-terminal; press q once ``until`` is shown. Exit code, what was shown, and the modules loaded."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(slave)
    shown, pressed = "", False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 65_536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
        elif process.poll() is not None:
            break
        if not pressed and until in shown:
            os.write(master, b"q")
            pressed = True
    code = process.wait(timeout=30)
    os.close(master)
    return code, shown, (folder / "modules").read_text().split()


def test_a_run_is_shown_without_loading_the_command_line(run: Path) -> None:
    code, shown, modules = on_terminal("inspect", str(run), until="Over", folder=run)
    assert code == 0
    assert "1 Over" in shown
    assert "textual.app" in modules
    assert "typer" not in modules
    assert "torch" not in modules


def test_what_cannot_be_shown_is_said_in_one_line(tmp_path: Path) -> None:
    code, shown, modules = on_terminal("inspect", "missing", until="never", folder=tmp_path)
    assert code == 2
    assert shown.strip().startswith("workbench: ")
    assert "missing" in shown
    assert len(shown.strip().splitlines()) == 1
    assert "typer" in modules
