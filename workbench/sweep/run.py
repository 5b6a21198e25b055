"""The cells of a sweep, one after another, each recorded as it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.quality import Working
from workbench.sampling.chain import Reason
from workbench.sampling.job import Progress, Tally, sample
from workbench.sampling.settings import SETTINGS_NAME, Settings, read_settings
from workbench.sweep.grid import Cell
from workbench.sweep.plan import Plan, folder_of
from workbench.sweep.results import Result, Sweep, save_sweep
from workbench.sweep.yardstick import Yardstick, measure


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """Who is told how a sweep gets on (nobody, by default).

    Attributes:
        begin: a cell begins; its number from 0.
        chains: how far its chains are, at every step.
        end: a cell has ended; its number and what came of it.
        say: a sentence.
        status: a few words on what takes time now.
    """

    begin: Callable[[int, Cell], None] = lambda number, cell: None
    chains: Callable[[Progress], None] = lambda progress: None
    end: Callable[[int, Result], None] = lambda number, result: None
    say: Callable[[str], None] = lambda sentence: None
    status: Callable[[str], None] = lambda words: None


def run_sweep(
    plan: Plan,
    sweep: Sweep,
    yardstick: Yardstick,
    out: Path,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    watcher: Watcher | None = None,
) -> Sweep:
    """Run the cells that are not done yet; one that failed before is tried again.

    A cell that cannot be sampled or scored is recorded with its reason, and the sweep goes on. Whatever ends the
    process, cells that had ended are kept in ``out``, and of the one in progress every chain that had ended.

    Args:
        plan: what to do.
        sweep: how far it is.
        yardstick: what cells are measured by.
        out: directory of the sweep.
        device: of the chains: auto, cpu, cuda or mps.
        batch_size: chains at once; by kind of device if None.
        watcher: told how it gets on.

    Returns:
        The sweep with all results.

    Raises:
        WorkbenchError: the results cannot be written.
    """
    watcher = watcher or Watcher()
    save_sweep(out, sweep)
    for number, cell in enumerate(plan.cells):
        if sweep.results[number].status == "done":
            continue
        watcher.begin(number, cell)
        try:
            result = _run_cell(
                plan, cell, yardstick, folder_of(out, cell), device=device, batch_size=batch_size, watcher=watcher
            )
        except WorkbenchError as error:
            result = replace(Result.pending(cell), status="failed", reason=str(error))
        sweep = sweep.updated(result)
        save_sweep(out, sweep)
        watcher.end(number, result)
    return sweep


def _run_cell(
    plan: Plan,
    cell: Cell,
    yardstick: Yardstick,
    folder: Path,
    *,
    device: str,
    batch_size: int | None,
    watcher: Watcher,
) -> Result:
    """Sample, or go on with it, and score."""
    settings = plan.sampling(cell)
    _refuse_others(folder, settings)
    clock = _Clock(watcher.chains)
    tally = sample(
        plan.target,
        settings,
        folder,
        device=device,
        batch_size=batch_size,
        watch=clock.tick,
        say=watcher.say,
        status=watcher.status,
    )
    assert tally is not None  # there is one process
    diverged = tally.reasons.get(Reason.DIVERGED, 0)
    if diverged == tally.chains:
        raise WorkbenchError(f"all {tally.chains} chains diverged; try a smaller --step-size")
    watcher.status("scoring")
    working = Working(say=watcher.say)
    figures, notes = measure(folder, yardstick, working)
    return Result(
        name=cell.name,
        settings=cell.settings(),
        status="done",
        figures={**Result.pending(cell).figures, **_cost(tally, diverged, clock), **figures},
        notes=tuple(notes),
    )


def _cost(tally: Tally, diverged: int, clock: "_Clock") -> dict[str, float | int | None]:
    return {
        "diverged": diverged,
        "median_stop_step": tally.median_stop,
        "passes_per_image": tally.passes / (tally.chains - diverged),
        "seconds_per_image": clock.seconds_per_chain(),
    }


def _refuse_others(folder: Path, settings: Settings) -> None:
    """Refuse a folder of other samples; moved weights are the same weights."""
    if not (folder / SETTINGS_NAME).exists():
        return
    found = read_settings(folder)
    if replace(found, checkpoint=settings.checkpoint) != settings:
        raise WorkbenchError(f"{folder} holds samples of other settings; remove it, then give the same command again")


class _Clock:
    """Seconds that chains take, from the end of the first step to that of the last; loading and fitting come before."""

    def __init__(self, watch: Callable[[Progress], None]) -> None:
        """Pass on what is told to ``watch``."""
        self._watch = watch
        self._steps = 0
        self._first = self._last = 0.0
        self._chains = 0

    def tick(self, progress: Progress) -> None:
        """A step has ended."""
        self._last = time.perf_counter()
        if not self._steps:
            self._first = self._last
        self._steps += 1
        self._chains = progress.ended
        self._watch(progress)

    def seconds_per_chain(self) -> float | None:
        """With the first step counted as long as the others; None of fewer than two steps of the batch."""
        if self._steps < 2 or not self._chains:
            return None
        return (self._last - self._first) * self._steps / (self._steps - 1) / self._chains
