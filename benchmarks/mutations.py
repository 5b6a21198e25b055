"""Broken and hostile logs through every command that reads them: nothing may crash, hang, or believe a wrong number.

Command:  python benchmarks/mutations.py [--count 2000] [--seed 0] [--kind NAME] [--jobs 1] [--show] [--json FILE]
Result:   how often each command refused, found damage, or gave the original's numbers; and, which must all be zero,
          how often it gave wrong numbers, a traceback, took over 10 s or 1 GiB, crashed, or let control characters out.
          About 10 minutes for 2,000 on one core. Exit 1 if one of those is not zero.

Each log is a copy of a small real one (finished, left by a killed writer, or in segments) with one mutation: of its
bytes, of its HDF5 structure, or of its values (see mutation_kinds.py). Numbers are compared with those of the original
wherever the mutation does not write other numbers on purpose. `check` must find what a reader that trusts the format
would read differently. Commands run in forked children of one process, so that libraries are loaded once.
"""

import argparse
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from mutation_kinds import KINDS, Mutation
from small_log import BASES, build_bases

from trainers.energylog import SAMPLE_COLUMNS, SPLITS, EnergyLog
from trainers.errors import WorkbenchError
from workbench.cli import main as command_line
from workbench.cli.main import COMMANDS, main

HANG_SECONDS = 10.0
MOST_MEMORY = 1 << 30
BAD = ("WRONG", "traceback", "hang", "memory", "crash", "escape")
COLUMNS = ("refused", "damaged", "intact", *BAD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    output: bytes
    errors: bytes
    seconds: float
    memory: int


def run_forked(work: Callable[[], object], folder: Path) -> Outcome:
    """Run something in a child whose output is caught and whose time and memory are taken."""
    names = [folder / "stdout", folder / "stderr"]
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        for number, name in enumerate(names, 1):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:  # noqa: BLE001 - what a user would see
            import traceback

            traceback.print_exc()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - start > HANG_SECONDS:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            break
        time.sleep(0.002)
    return Outcome(
        code=os.waitstatus_to_exitcode(status),
        output=names[0].read_bytes(),
        errors=names[1].read_bytes(),
        seconds=time.monotonic() - start,
        memory=usage.ru_maxrss * 1024,
    )


def digest(path: Path) -> str:
    """Every number that a reader of the format gets from a log; "unreadable" where it is refused.

    Of several files that differ only in texts, times and status it is the same.
    """
    made = hashlib.sha256()
    try:
        with EnergyLog.open(path) as log:
            events = log.events()
            parts: list[Any] = [log.epochs(), log.steps(), events["epoch"], events["step"]]
            for split in SPLITS:
                parts += [log.histogram(split), log.keys(split).index, log.keys(split).label]
                for epoch in range(log.committed):
                    parts += [log.samples(split, column.name, epoch) for column in SAMPLE_COLUMNS]
            for part in parts:
                made.update(np.ascontiguousarray(part).tobytes())
    except (WorkbenchError, MemoryError):
        return "unreadable"
    return made.hexdigest()


def numbers(output: bytes) -> Any:
    """The numbers of a JSON answer that the log's tables determine."""
    values = json.loads(output)
    run = values.get("run", {})
    kept = {name: run.get(name) for name in ("committed", "best", "last")}
    onsets = [{key: value for key, value in onset.items() if key != "sentence"} for onset in values.get("onsets", [])]
    epochs = [{**epoch, "delta_energy": _figures(epoch["delta_energy"])} for epoch in values.get("epochs", [])]
    for epoch in epochs:
        epoch["probe_delta_energy"] = _figures(epoch["probe_delta_energy"])
    return kept, onsets, epochs


def _figures(delta: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in delta.items() if name != "attack"}


def commands(path: Path, out: Path) -> dict[str, list[str]]:
    """What is run on each log."""
    known = {command.__name__ for command in COMMANDS}
    wanted = {
        "check": ["check", str(path), "--json"],
        "check (text)": ["check", str(path)],
        "inspect": ["inspect", str(path), "--json"],
        "inspect (text)": ["inspect", str(path)],
        "onset": ["onset", str(path), "--json"],
    }
    if "export" in known:
        tables = "epochs,steps,events,onsets,histograms,samples"
        wanted["export"] = ["export", str(path), "--format", "csv", "--tables", tables, "--out", str(out)]
    return wanted


def has_control_characters(output: bytes) -> bool:
    """Whether text would do more on a terminal than be shown."""
    text = output.decode(errors="replace")
    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\n\t" for char in text)


def judge(name: str, outcome: Outcome, mutation: Mutation, before: Any, truth: tuple[str, str]) -> Iterator[str]:
    """What became of one command: a word of COLUMNS, and any of BAD."""
    if outcome.memory > MOST_MEMORY:
        yield "memory"
    if b"Traceback" in outcome.errors or b"Traceback" in outcome.output:
        yield "traceback"
    if has_control_characters(outcome.output + outcome.errors):
        yield "escape"
    if outcome.seconds > HANG_SECONDS:
        yield "hang"
    elif outcome.code < 0:
        yield "crash"
    elif outcome.code == 2 and name.startswith("check") and outcome.output:
        yield "damaged"
    elif outcome.code == 2 and outcome.errors.startswith(b"workbench: ") and outcome.errors.count(b"\n") == 1:
        yield "refused"
    elif outcome.code != 0:
        yield "traceback"
    else:
        yield from _judge_answer(name, outcome, mutation, before, truth)


def _judge_answer(
    name: str, outcome: Outcome, mutation: Mutation, before: Any, truth: tuple[str, str]
) -> Iterator[str]:
    yield "intact"
    original, now = truth
    if name.startswith("check") and now != original and not mutation.rewrites:
        yield "WRONG"
    if name in ("inspect", "onset") and not mutation.rewrites and numbers(outcome.output) != before:
        yield "WRONG"


def _warm_up(root: Path) -> None:
    """Run everything once in this process, so that its children need not load what it loads, nor parse signatures."""
    command_line.__dict__["app"] = typer.main.get_command(command_line.app)
    for arguments in commands(root / BASES[0] / "run.h5", root / "out").values():
        with contextlib.redirect_stdout(io.StringIO()), suppress(SystemExit):
            main(arguments)
    shutil.rmtree(root / "out", ignore_errors=True)


def numbers_of(kind: str | None, count: int) -> list[int]:
    """The first ``count`` mutations, or those of one kind among them."""
    return [number for number in range(count) if kind in (None, KINDS[number % len(KINDS)].name)]


def run(wanted: list[int], seed: int, show: bool) -> dict[str, Counter[str]]:
    """Run everything on the logs of these numbers; counts by command, and by kind of mutation under "kind: ..."."""
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build_bases(root)
        truths = {base: digest(root / base / "run.h5") for base in BASES}
        before: dict[tuple[str, str], Any] = {}
        _warm_up(root)
        for base in BASES:
            for name, arguments in commands(root / base / "run.h5", root / "out").items():
                outcome = run_forked(lambda given=arguments: main(given), root)
                assert outcome.code == 0, (base, name, outcome)
                before[base, name] = numbers(outcome.output) if name in ("inspect", "onset") else None
                shutil.rmtree(root / "out", ignore_errors=True)
        kinds = list(KINDS)
        for done, number in enumerate(wanted):
            rng = random.Random(f"{seed}/{number}")
            mutation = KINDS[kinds[number % len(kinds)]]
            base = rng.choice([base for base in BASES if base in mutation.bases])
            target = root / "mutated"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(root / base, target)
            mutation.apply(target / "run.h5", rng)
            listing = sorted(target.rglob("*"))
            now = run_forked(lambda path=target / "run.h5": print(digest(path)), root)
            assert now.code == 0, (number, mutation.name, now)
            truth = truths[base], now.output.decode().strip() or "unreadable"
            for name, arguments in commands(target / "run.h5", root / "out").items():
                if "(text)" in name and "text" not in mutation.name and number // len(KINDS) % 4:
                    continue
                outcome = run_forked(lambda given=arguments: main(given), root)
                shutil.rmtree(root / "out", ignore_errors=True)
                words = list(judge(name, outcome, mutation, before[base, name], truth))
                if sorted(target.rglob("*")) != listing:
                    words.append("WRONG")
                counts.setdefault(name, Counter()).update(words)
                counts.setdefault(f"kind: {mutation.name}", Counter()).update(words)
                if show and set(words) & set(BAD):
                    print(
                        number, mutation.name, base, name, words, outcome.code, outcome.errors[-300:], file=sys.stderr
                    )
            if done % 20 == 0:
                print(f"{done} of {len(wanted)} logs", file=sys.stderr, flush=True)
    return counts


def main_() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="only the mutations of this kind among those")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="say on standard error which mutations went wrong")
    parser.add_argument("--json", type=Path, help="write the counts as JSON, too")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    jobs = arguments.jobs
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        parts = [
            pool.submit(run, numbers_of(arguments.kind, arguments.count)[job::jobs], arguments.seed, arguments.show)
            for job in range(jobs)
        ]
    counts: dict[str, Counter[str]] = {}
    for part in parts:
        for name, row in part.result().items():
            counts.setdefault(name, Counter()).update(row)
    print(f"{'':34}" + "".join(f"{column:>11}" for column in COLUMNS))
    for name, row in counts.items():
        print(f"{name:34}" + "".join(f"{row[column]:11}" for column in COLUMNS))
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=2) + "\n")
    sys.exit(any(row[column] for row in counts.values() for column in BAD))


if __name__ == "__main__":
    main_()
