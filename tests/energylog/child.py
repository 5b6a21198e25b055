"""Writers in a process of their own, to be killed, starved of disk or left without a close."""

import os
import random
import resource
import sys
import time
from pathlib import Path

from tests.energylog.runs import append, assert_epoch, assert_exact, create
from trainers.energylog import EnergyLog, LogWriter
from trainers.energylog.files import descriptor
from trainers.errors import WorkbenchError
from trainers.spec import LogMode
from workbench.summary import summarize


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(path: str, num_epochs: str, pause: str, mode: LogMode = "swmr") -> None:
    """Write epochs and report each commit."""
    with create(Path(path), mode) as writer:
        say(0)
        for _ in range(int(num_epochs)):
            append(writer, 1)
            say(writer.committed)
            time.sleep(float(pause))


def fill(path: str, room: str, ending: str) -> None:
    """Write until the file may not grow any more, then end in one of three ways."""
    writer = create(Path(path))
    limit = Path(path).stat().st_size + int(room)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        append(writer, 1_000)
    except WorkbenchError as error:
        say(writer.committed)
        say(error)
    if ending == "again":
        for call in (lambda: append(writer, 1), lambda: writer.append_event(kind="note", epoch=0, step=0, message="")):
            try:
                call()
            except WorkbenchError as error:
                say(error)
    if ending in ("close", "again"):
        writer.close("failed")
        writer.close("failed")
    if ending == "raise":
        with writer:
            raise KeyboardInterrupt


def resume(path: str, limit: str) -> None:
    """Resume where no file may grow beyond the limit."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        LogWriter.resume(Path(path))
    except WorkbenchError as error:
        say(error)


def lose(path: str, with_reader: str) -> None:
    """Write to a device that fails, perhaps with a reader beside the writer in the same process."""
    writer = create(Path(path))
    append(writer, 1)
    log = EnergyLog.open(path)
    if with_reader == "no":
        log.close()
    read_only = os.open(path, os.O_RDONLY)
    os.dup2(read_only, descriptor(writer._sink.file))
    for _ in range(2):
        try:
            append(writer, 1)
        except WorkbenchError as error:
            say(error)
    writer.close("failed")
    log.close()
    with EnergyLog.open(path) as log:
        assert_exact(log, 1)
        say(log.status)


def forget(path: str) -> None:
    """Leave without closing."""
    append(create(Path(path)), 2)


def write_at_random(path: str, num_epochs: str, most_seconds: str, mode: LogMode, seed: str) -> None:
    """Write epochs at random intervals and report when each was committed."""
    rng = random.Random(seed)
    with create(Path(path), mode) as writer:
        say("ready")
        while writer.committed < int(num_epochs):
            time.sleep(rng.uniform(0.0, float(most_seconds)))
            append(writer, 1)
            say(f"{writer.committed - 1} {time.monotonic()}")


def follow(path: str, poll_seconds: str) -> None:
    """Follow a log as the app and ``--watch`` do until it ends; report when each epoch was seen, and what is wrong."""
    with EnergyLog.open(path) as log:
        say(f"open {time.monotonic()}")
        seen = 0
        while True:
            try:
                log.refresh()
                summarize(log)
                now = time.monotonic()
                for epoch in range(seen, log.committed):
                    say(f"seen {epoch} {now}")
                for epoch in range(seen, log.committed):
                    assert_epoch(log, epoch)
                seen, status = log.committed, log.status
            except AssertionError as error:
                say(f"wrong {str(error).strip().splitlines()[0] if str(error) else 'row'}")
                return
            except (WorkbenchError, OSError, RuntimeError, ValueError, KeyError) as error:
                say(f"error {type(error).__name__} {error}")
                return
            if status != "running":
                say("done")
                return
            time.sleep(float(poll_seconds))


if __name__ == "__main__":
    commands = (write, write_at_random, follow, fill, resume, lose, forget)
    {command.__name__: command for command in commands}[sys.argv[1]](*sys.argv[2:])
