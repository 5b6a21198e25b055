"""Writers in a process of their own, to be killed, starved of disk or left without a close."""

import resource
import sys
import time
from pathlib import Path

from tests.energylog.runs import append, create
from trainers.errors import WorkbenchError


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(path: str, num_epochs: str, pause: str) -> None:
    """Write epochs and report each commit."""
    with create(Path(path)) as writer:
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


def forget(path: str) -> None:
    """Leave without closing."""
    append(create(Path(path)), 2)


if __name__ == "__main__":
    {"write": write, "fill": fill, "forget": forget}[sys.argv[1]](*sys.argv[2:])
