"""A run of a grid on disk: trained as ``workbench train`` does it, gone on with where it stopped, never twice."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from reproduce.grid import Run, telling
from trainers.callbacks import Answer, BatchReport, EpochReport, StartReport, Stop
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, read_config, resume
from trainers.recipes import complete
from trainers.rundir import LOG_NAME, holds_run
from trainers.spec import TrainConfig
from workbench.cli.interrupt import StopOnSignal
from workbench.cli.progress import TrainProgress
from workbench.onset.monitor import OnsetMonitor
from workbench.report.text import epsilon

WHERE = {"digits": "digits", "folder": "folder:DIR", "cifar10": "cifar10:DIR"}
"""What the data of a kind are called in commands that others can run."""


class Interrupted(Exception):
    """A signal asked for the end; what was under way can be gone on with."""

    def __init__(self, signal: int) -> None:
        """Remember which."""
        super().__init__(f"signal {signal}")
        self.signal = signal


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to begin nothing more, by ``time.monotonic``; as a callback of training it also ends a run, resumable."""

    moment: float

    @classmethod
    def after(cls, minutes: float | None) -> "Deadline":
        """In so many minutes; never for None."""
        return cls(float("inf") if minutes is None else time.monotonic() + 60.0 * minutes)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self.moment

    def on_start(self, report: StartReport) -> None:
        """Nothing to do."""

    def on_batch(self, report: BatchReport) -> Answer:
        """Stop in the middle of an epoch: nothing of it is lost."""
        return Stop(reason="stopped by --budget") if self.passed else Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Stop after the epoch."""
        return self.on_batch(report)  # type: ignore[arg-type]


def is_trained(out: Path) -> bool:
    """Whether the run in ``out`` has ended, well or not."""
    if not (out / LOG_NAME).exists():
        return False
    with EnergyLog.open(out) as log:
        return log.status in ("finished", "failed")


def train(run: Run, out: Path, *, data: str, device: str, deadline: Deadline) -> bool:
    """Train the run into ``out``, or go on with it; whether it has ended.

    A loss that is not finite ends it too, as failed: that is a result.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the run can be gone on with.
        WorkbenchError: the data cannot be read, ``out`` holds another run, or the disk is full.
    """
    config = run.config(data, device)
    stop = StopOnSignal()
    progress = TrainProgress(run.name)
    callbacks = (progress, OnsetMonitor(say=progress.say), stop, deadline)
    with stop.watching(), progress.shown():
        try:
            if holds_run(out):
                _check_same(config, out)
                outcome = resume(out, callbacks)
            else:
                outcome = fit(config, out, callbacks)
        except WorkbenchError as error:
            if not is_trained(out):
                raise
            progress.say(str(error))
            return True
    if stop.received is not None:
        raise Interrupted(stop.received)
    return outcome is not Outcome.STOPPED


def _check_same(config: TrainConfig, out: Path) -> None:
    if telling(read_config(out)) != telling(config):
        raise WorkbenchError(f"{out} holds a run of other settings; choose another --work, or remove it")


def data_word(run: Run) -> str:
    """What the data of a run are called in commands; of a folder of some classes, which."""
    return f"{run.kind}:{'-'.join(run.classes)}" if run.classes else WHERE[run.kind]


def command(run: Run) -> str:
    """The ``workbench train`` line that gives the same run, with DIR for where the images lie."""
    config = run.config()
    ordinary = complete(
        {"method": config.method, "data": config.data, "model": config.model, "eps": config.eps}
    ).to_dict()
    chosen = {name for name, value in config.to_dict().items() if value != ordinary[name]} | set(telling(config))
    options = {name: value for name, value in config.to_dict().items() if name in chosen - {"data", "device"}}
    words = ["OMP_NUM_THREADS=1", "workbench", "train", "--data", data_word(run)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words += [flag, epsilon(value) if name == "eps" else _word(value)]
    return shlex.join([*words, "--out", f"runs/{run.name}"])


def _word(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)
