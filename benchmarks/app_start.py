"""How long people wait: the app's first histogram against an empty Textual app, `inspect --json`, `--help`.

Command:  python benchmarks/app_start.py [--log RUN] [--rounds 15] [--out TABLE.json]
Result:   medians in seconds and their ratios, on a log of 200 epochs of 50,000 samples that is generated if none is
          given. About a minute. Commands take turns, so that a busy machine slows all of them alike.
Targets:  first histogram <= 1.6 x an empty Textual app; `inspect --json` <= 1.5 s; `--help` <= 0.5 s; none of them
          loads torch or scikit-learn.

Each command starts as a new process, on a pseudo-terminal of 120 x 36 where it draws one. Time runs from the start of
the process until the terminal has received text that only the finished picture has, or until the process ends.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from big_log import write_big_log
from terminal import TIMEOUT_SECONDS, Terminal

os.environ.update({"WORKBENCH_CONFIG": f"{__file__}.none", "WORKBENCH_STATE": f"{__file__}/none"})  # nobody's

EMPTY_APP = """
from textual.app import App
from textual.widgets import Label

class Empty(App):
    def compose(self):
        yield Label("nothing but this")

Empty().run()
"""
BANNED = ("torch", "sklearn")


@dataclass(frozen=True, slots=True)
class Case:
    """A command, and the text whose appearance ends the wait; None where the end of the process does."""

    name: str
    command: list[str]
    until: str | None


def seconds_until_painted(command: list[str], text: str, env: dict[str, str]) -> tuple[float, bytes]:
    """Run a command on a pseudo-terminal until it has shown ``text``, then kill it.

    Returns:
        Seconds from its start, and all it wrote until then.

    Raises:
        RuntimeError: it ended, or the time ran out, before that.
    """
    with Terminal(command, env) as terminal:
        return terminal.until(text), terminal.written


def seconds_until_done(command: list[str], env: dict[str, str]) -> tuple[float, bytes]:
    """Run a command to its end, its output piped; seconds, and what it wrote to standard error."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True, env=env, timeout=TIMEOUT_SECONDS)
    return time.perf_counter() - start, done.stderr


def run(case: Case, env: dict[str, str]) -> tuple[float, bytes]:
    """Run a case once."""
    if case.until is None:
        return seconds_until_done(case.command, env)
    return seconds_until_painted(case.command, case.until, env)


def banned_imports(case: Case) -> list[str]:
    """The banned packages that a case loads, by Python's own list of imports."""
    _, output = run(case, dict(os.environ) | {"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rsplit("|", 1)[-1].strip() for line in output.decode(errors="replace").splitlines() if "|" in line}
    return [name for name in BANNED if name in loaded]


def cases(log: Path) -> list[Case]:
    """What is timed, the empty app first."""
    workbench = [sys.executable, "-m", "workbench"]
    return [
        Case("empty Textual app", [sys.executable, "-c", EMPTY_APP], "nothing but this"),
        Case("inspect: first histogram", [*workbench, "inspect", str(log)], "share"),
        Case("inspect --json", [*workbench, "inspect", str(log), "--json"], None),
        Case("--help", [*workbench, "--help"], None),
    ]


def measure(log: Path, rounds: int, say: Callable[[str], None]) -> dict[str, dict[str, object]]:
    """Time all cases in turn, ``rounds`` times after one that is thrown away.

    Returns:
        By case: median and least seconds, the median of its ratio to the empty app of the same round, banned imports.
    """
    timed = cases(log)
    times: dict[str, list[float]] = {case.name: [] for case in timed}
    for turn in range(rounds + 1):
        for case in timed:
            seconds, _ = run(case, dict(os.environ))
            if turn:
                times[case.name].append(seconds)
        say(f"round {turn} of {rounds}\r")
    empty = times[timed[0].name]
    return {
        case.name: {
            "median": statistics.median(times[case.name]),
            "least": min(times[case.name]),
            "ratio": statistics.median(a / b for a, b in zip(times[case.name], empty, strict=True)),
            "loads": banned_imports(case),
        }
        for case in timed
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, help="a run; generated if it is not given")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="write the table as JSON, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = arguments.log or write_big_log(Path(folder) / "run.h5")
        table = measure(log, arguments.rounds, lambda text: print(text, end="", file=sys.stderr, flush=True))
    print(f"{'':28}{'median s':>10}{'least s':>10}{'x empty':>10}  torch, sklearn")
    for name, row in table.items():
        loads = ", ".join(row["loads"]) or "not loaded"
        print(f"{name:28}{row['median']:10.3f}{row['least']:10.3f}{row['ratio']:10.2f}  {loads}")
    if arguments.out:
        arguments.out.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
