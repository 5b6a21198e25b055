"""Run as a program: training runs that are killed at moments drawn from a seed, each of which then goes on to its end.

All are forked from one process that has loaded everything. Prints, as JSON, what was done: see ``Killed``.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a process that has used a GPU cannot be forked
import numpy as np
import torch

from trainers import atomic
from trainers.callbacks import Answer, BatchReport, EpochReport, Rollback, StartReport
from trainers.energylog import files, recover, sinks
from trainers.energylog.schema import COUNTER_OF
from trainers.loop import fit, resume
from trainers.recipes import complete

EPOCHS, BATCHES = 3, 3
SETTINGS: dict[str, Any] = {
    "data": "digits",
    "model": "small-cnn",
    "width": 2,
    "epochs": EPOCHS,
    "train_size": 96,
    "batch_size": 32,
    "probe_size": 24,
    "train_probe_size": 0,
    "augment": "crop",
    "keep_last": 1,
    "lr": 0.05,
    "device": "cpu",
}
RUNS: dict[str, dict[str, Any]] = {
    "swmr": {"method": "rs-fgsm-der", "log_mode": "swmr", "ema": 0.9},
    "segments": {"method": "elle-a-der", "log_mode": "segments"},
}
"""The first one averages its weights and goes back to older ones; the second one keeps momentum and remembers λ."""

ROLLED_BACK_AFTER = {"swmr": 1, "segments": EPOCHS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Killed:
    """A run that was killed and then went on.

    Attributes:
        run: of RUNS.
        folder: where it is.
        moment: of PLACES, or "any".
        detail: which call of that place, or which batch and how many milliseconds later.
        signal: what ended the process.
        unfinished: temporary files that were left in its folders.
        code: the exit code of the process that went on.
    """

    run: str
    folder: str
    moment: str
    detail: str
    signal: int
    unfinished: int
    code: int


class Place(NamedTuple):
    """Where a process can be killed: a function, what that has done by then, and which calls of it count."""

    owner: Any
    name: str
    part: Callable[..., None]
    counts: Callable[..., bool] = lambda *_, **__: True


def part_of_file(share: float, path: Path, content: bytes | Iterator[bytes], *, lasting: bool) -> None:
    """The first bytes of a file that is being written under its temporary name."""
    whole = content if isinstance(content, bytes) else b"".join(content)
    path.write_bytes(whole[: int(share * len(whole))])


def part_of_rows(share: float, data: dict[str, Any], path: str, start: int, rows: np.ndarray) -> None:
    """Room for rows behind the committed ones, with some of their bytes in it."""
    torn = np.array(rows)
    torn.view(np.uint8).reshape(-1)[int(share * torn.nbytes) :] = 0
    data[path].resize(start + len(rows), axis=0)
    data[path][start:] = torn
    data[path].flush()


def nothing(*_: Any) -> None:
    """Nothing of it is done yet."""


def is_epoch(sink: sinks.LiveFile, counter: str, num_rows: int) -> bool:
    """Whether it is an epoch that is counted: its steps are on the disk and counted, its tables on the disk only."""
    return counter == COUNTER_OF["epoch"]


def is_lasting(path: Path, content: bytes, *, lasting: bool) -> bool:
    """Whether it is no heartbeat, of which there are more on a slow machine."""
    return "heartbeat" not in path.name


PLACES: dict[str, Place] = {
    "checkpoint": Place(atomic, "write_new", part_of_file),
    "checkpoint renamed": Place(atomic, "sync", nothing),
    "log rows": Place(sinks, "append", part_of_rows),
    "log counter": Place(sinks.LiveFile, "_set", nothing, is_epoch),
    "log file": Place(files, "write_new", part_of_file, is_lasting),
}
"""``log file`` is a segment, or the index of segments."""

PLAN: dict[str, dict[str, int]] = {
    "swmr": {"checkpoint": 3, "checkpoint renamed": 1, "log rows": 2, "log counter": 2, "any": 3},
    "segments": {"checkpoint": 2, "log file": 4, "any": 3},
}
"""How many moments of each kind: 20 in all."""


class Watch:
    """Says each batch to whoever kills, and goes back after an epoch of ROLLED_BACK_AFTER."""

    def __init__(self, name: str, told: int) -> None:
        self._told = told
        self._epoch = ROLLED_BACK_AFTER[name]

    def on_start(self, report: StartReport) -> None:
        """Nothing."""

    def on_batch(self, report: BatchReport) -> Answer:
        """Say that a batch is done."""
        os.write(self._told, b"b")
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Go back after one epoch."""
        if report.row["epoch"] != self._epoch:
            return Answer.CONTINUE
        return Rollback(checkpoint=self._epoch - 1, changes={"der_beta": 4.0})


def counted(place: Place, call: int = -1, share: float = 0.0) -> list[int]:
    """Count the calls of a place; in call number ``call`` (from 0) the process ends."""
    calls, function = [0], getattr(place.owner, place.name)

    def wrapped(*arguments: Any, **options: Any) -> Any:
        if place.counts(*arguments, **options):
            calls[0] += 1
            if calls[0] == call + 1:
                place.part(share, *arguments, **options)
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    setattr(place.owner, place.name, wrapped)
    return calls


def forked(work: Callable[[int], object]) -> tuple[int, int]:
    """Do something in a process of its own: its number, and the end of a pipe whose other one it is given."""
    heard, told = os.pipe()
    if (process := os.fork()) == 0:
        code = 1
        try:
            os.close(heard)
            work(told)
            code = 0
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(told)
    return process, heard


def ended(process: int, heard: int) -> int:
    """The exit code of a process, minus the signal if one ended it."""
    os.close(heard)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def begin(name: str, out: Path, told: int | None = None) -> None:
    """Train a new run of RUNS."""
    fit(complete(SETTINGS | RUNS[name]), out, [Watch(name, nobody() if told is None else told)])


def nobody() -> int:
    """Someone to tell who does not listen."""
    return os.open(os.devnull, os.O_WRONLY)


def whole(name: str, out: Path) -> tuple[dict[str, int], float]:
    """The run that nobody kills: how often each place was called, and seconds per batch."""

    def work(told: int) -> None:
        calls = {place: counted(PLACES[place]) for place in PLAN[name] if place in PLACES}
        began = time.perf_counter()
        begin(name, out)
        seconds = (time.perf_counter() - began) / (EPOCHS * BATCHES)
        os.write(told, json.dumps([{place: count[0] for place, count in calls.items()}, seconds]).encode())

    process, heard = forked(work)
    said = os.read(heard, 4096)
    assert ended(process, heard) == 0
    calls, seconds = json.loads(said)
    return calls, seconds


def kill_within(name: str, out: Path, place: Place, call: int, share: float) -> int:
    """Train until a call of a place, which ends the process."""

    def work(told: int) -> None:
        counted(place, call, share)
        begin(name, out)

    return ended(*forked(work))


def kill_at(name: str, out: Path, batch: int, delay: float) -> int:
    """Train and kill the process some seconds after a batch, whatever it does by then."""
    process, heard = forked(lambda told: begin(name, out, told))
    for _ in range(batch + 1):
        assert os.read(heard, 1) == b"b"
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    return ended(process, heard)


def kills(name: str, folder: Path, generator: random.Random) -> Iterator[Killed]:
    """Kill runs as planned, one after the other, and let each go on."""
    calls, seconds = whole(name, folder / f"{name}-whole")
    for moment, number in PLAN[name].items():
        first = 1 if moment.startswith("checkpoint") else 0  # before the configuration is written, there is no run
        chosen = generator.sample(range(first, calls.get(moment, EPOCHS * BATCHES - 1)), number)
        for each in chosen:
            out, detail = folder / f"{name}-{moment.replace(' ', '-')}-{each}", f"call {each}"
            if moment == "any":
                delay = generator.uniform(0.0, seconds)
                code, detail = kill_at(name, out, each, delay), f"batch {each} + {1000 * delay:.0f} ms"
            else:
                code = kill_within(name, out, PLACES[moment], each, generator.random())
            yield Killed(
                run=name,
                folder=str(out),
                moment=moment,
                detail=detail,
                signal=-code,
                unfinished=len(list(out.rglob(".*.tmp"))),
                code=ended(*forked(lambda _told, out=out: resume(out, [Watch(name, nobody())]))),
            )


def main(folder: Path, seed: int) -> None:
    """Kill all runs and print what was done."""
    torch.set_num_threads(1)
    recover.SILENT_AFTER_SECONDS = 0.0  # whoever wrote the log is known to be dead
    fit(complete(SETTINGS | RUNS["swmr"] | {"epochs": 1}), folder / "warm")
    generator = random.Random(seed)
    print(json.dumps([asdict(killed) for name in RUNS for killed in kills(name, folder, generator)]))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
