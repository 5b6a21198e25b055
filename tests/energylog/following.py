"""A writer that commits at random moments and readers that follow it, each in a process of its own."""

from dataclasses import dataclass
from pathlib import Path

from tests.energylog import runs
from trainers.spec import LogMode


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """What became of a run that was followed.

    Attributes:
        lags: seconds from each commit to its being seen and summarized, of all readers.
        errors: what readers could not read.
        wrong: rows that were not those written.
        missed: epochs that a reader never saw.
    """

    lags: list[float]
    errors: list[str]
    wrong: list[str]
    missed: int


def follow(
    folder: Path,
    mode: LogMode,
    *,
    num_epochs: int,
    most_seconds: float,
    num_readers: int,
    poll_seconds: float,
    seed: int,
) -> Followed:
    """Write epochs up to ``most_seconds`` apart while readers look every ``poll_seconds``.

    Args:
        folder: an empty folder.
        mode: how the log is written.
        num_epochs: epochs to write.
        most_seconds: the longest pause between two of them.
        num_readers: processes that follow.
        poll_seconds: their pause between two looks.
        seed: of the pauses.
    """
    path = folder / "run.h5"
    writer = runs.child("write_at_random", path, num_epochs, most_seconds, mode, seed)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n", writer.communicate()
    readers = [runs.child("follow", path, poll_seconds) for _ in range(num_readers)]
    written, trouble = writer.communicate()
    assert writer.returncode == 0, trouble
    commits = {int(epoch): float(when) for epoch, when in (line.split() for line in written.splitlines())}
    assert len(commits) == num_epochs
    lags: list[float] = []
    errors: list[str] = []
    wrong: list[str] = []
    missed = 0
    for reader in readers:
        said, trouble = reader.communicate()
        lines = [line.split(maxsplit=2) for line in said.splitlines()]
        seen = {int(line[1]): float(line[2]) for line in lines if line[0] == "seen"}
        errors += [" ".join(line[1:]) for line in lines if line[0] == "error"]
        errors += [trouble] if reader.returncode or trouble else []
        wrong += [" ".join(line[1:]) for line in lines if line[0] == "wrong"]
        missed += num_epochs - len(seen)
        opened = next((float(line[1]) for line in lines if line[0] == "open"), float("inf"))
        lags += [max(0.0, when - commits[epoch]) for epoch, when in seen.items() if commits[epoch] > opened]
    return Followed(lags=lags, errors=errors, wrong=wrong, missed=missed)
