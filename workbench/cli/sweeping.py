"""A sweep from its options to its table and plot: what ``workbench sweep-sampling`` does."""

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from trainers.errors import WorkbenchError
from trainers.provenance import now, versions
from trainers.revision import git_revision
from trainers.setup import find_device
from workbench.cli.naming import trust_model
from workbench.cli.progress import StderrConsole
from workbench.cli.scoring import ScoreProgress
from workbench.quality import Working, default_cache
from workbench.report import console, json_text, plain, unbroken, visible
from workbench.report.figures import Panel, save_figure, tradeoff
from workbench.report.text import MISSING, percent
from workbench.sampling.job import Progress as Chains
from workbench.sweep.grid import Cell
from workbench.sweep.plan import Options, Plan, make_plan
from workbench.sweep.results import CSV_NAME, JSON_NAME, Result, Sweep, fronts, read_sweep, to_json
from workbench.sweep.run import Watcher, run_sweep
from workbench.sweep.yardstick import Yardstick, load_yardstick
from workbench.target import Target, find_target

INTERRUPTED = 130
PLOT_NAME = "tradeoff.png"
BAR_SECONDS = 0.25
WIDE = 10
"""FIDs that differ by more than this factor are drawn on a logarithmic axis."""


def sweep(
    given: Mapping[str, Any],
    lists: Mapping[str, Sequence[Any]],
    *,
    out: Path | None,
    resume: bool,
    model: str | None,
    device: str,
    batch_size: int | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Run a sweep or go on with one, then show it.

    Args:
        given: the options that were given, but for the lists.
        lists: values by axis, of those that were given.
        out: directory of the sweep; None for one in the run.
        resume: take what was not given from the sweep that is there.
        model: the factory that the checkpoint's model is of, if it is of one; imported.
        device: auto, cpu, cuda or mps.
        batch_size: chains at once.
        cache: folder for statistics of reference sets.
        as_json: print JSON instead of a table.

    Raises:
        WorkbenchError: anything that is missing or does not fit; nothing is written then.
    """
    stored: Mapping[str, Any] = {}
    if resume:
        if out is None:
            out = _last(find_target(Path(given["path"]), given.get("epoch", "best")))
        stored = _to_resume(out).options
    options = Options.from_dict({**stored, **given, "lists": {**stored.get("lists", {}), **lists}})
    trust_model(find_target(Path(options.path).expanduser(), options.epoch).checkpoint, model)
    plan = make_plan(options)
    find_device(device)
    yardstick = _yardstick(plan, device, cache)
    fresh = _fresh(plan, yardstick, device)
    folder, begun = _place(plan.target, out, fresh)
    progress = SweepProgress(len(plan.cells))
    _announce(progress, plan, begun, folder)
    try:
        with progress.bar:
            done = run_sweep(
                plan, begun, yardstick, folder, device=device, batch_size=batch_size, watcher=progress.watcher()
            )
    except KeyboardInterrupt:
        progress.say(f"stopped; go on with: workbench sweep-sampling --resume --out {shlex.quote(str(folder))}")
        raise typer.Exit(INTERRUPTED) from None
    picture = _draw(folder, done)
    if as_json:
        typer.echo(json_text({"directory": str(folder), **to_json(done)}))
        return
    console().print(sweep_report(done))
    written = [folder / JSON_NAME, folder / CSV_NAME, *([picture] if picture else [])]
    console().print(unbroken("Written: " + ", ".join(visible(str(path)) for path in written)))


def _to_resume(out: Path) -> Sweep:
    found = read_sweep(out)
    if found is None:
        raise WorkbenchError(f"{out} holds no sweep to go on with; leave --resume away to begin one")
    return found


def _last(target: Target) -> Path:
    known = sorted(path.parent for path in target.derived.glob(f"sweep-*/{JSON_NAME}"))
    if not known:
        raise WorkbenchError(f"{target.derived} holds no sweep to go on with; leave --resume away to begin one")
    return known[-1]


def _yardstick(plan: Plan, device: str, cache: Path | None) -> Yardstick:
    options, progress = plan.options, ScoreProgress()
    with progress.shown():
        return load_yardstick(
            against=options.against,
            split=options.split,
            features=options.features,
            judge=options.judge,
            k=options.k,
            seed=options.seed,
            device=device,
            cache=default_cache() if cache is None else cache,
            class_names=plan.class_names,
            image_shape=plan.image_shape,
            checkpoint_digest=plan.digest,
            working=Working(progress=progress.show, say=progress.say),
        )


def _fresh(plan: Plan, yardstick: Yardstick, device: str) -> Sweep:
    """The sweep before its first cell."""
    again = replace(plan.options, path=str(plan.target.checkpoint.absolute()), epoch="best")
    return Sweep(
        identity={**plan.identity(), **yardstick.identity()},
        options=again.to_dict(),
        facts={
            "checkpoint": str(plan.target.checkpoint),
            **yardstick.facts(),
            "device": str(find_device(device)),
            "created": now(),
            "versions": versions(),
            "git_revision": git_revision(),
        },
        results=tuple(map(Result.pending, plan.cells)),
    )


def _place(target: Target, out: Path | None, fresh: Sweep) -> tuple[Path, Sweep]:
    """The directory of a sweep, and how far it is there; without ``out`` the first of the run that is it or is free."""
    if out is not None:
        return out, _same(out, fresh)
    number = 0
    while True:
        folder = target.derived / f"sweep-{number:03d}"
        found = read_sweep(folder) if folder.exists() else None
        if not folder.exists() or (found is not None and found.identity == fresh.identity):
            return folder, found or fresh
        number += 1


def _same(out: Path, fresh: Sweep) -> Sweep:
    found = read_sweep(out)
    if found is None:
        if out.exists() and not out.is_dir():
            raise WorkbenchError(f"{out} is no directory; choose another --out")
        return fresh
    if found.identity != fresh.identity:
        keys = sorted(
            key for key in {*found.identity, *fresh.identity} if found.identity.get(key) != fresh.identity.get(key)
        )
        raise WorkbenchError(
            f"{out} holds another sweep (it differs in {', '.join(keys)}); choose another --out,"
            f" or go on with the one there: workbench sweep-sampling --resume --out {shlex.quote(str(out))}"
        )
    return found


def _announce(progress: "SweepProgress", plan: Plan, begun: Sweep, folder: Path) -> None:
    cells = "1 cell" if len(plan.cells) == 1 else f"{len(plan.cells)} cells"
    progress.say(f"{cells} of {plan.options.num:,} chains, {plan.num_chains:,} chains in all, in {folder}")
    finished = sum(result.status == "done" for result in begun.results)
    failed = sum(result.status == "failed" for result in begun.results)
    if finished:
        progress.say(f"{finished} of {cells} finished before and {'is' if finished == 1 else 'are'} not repeated")
    if failed:
        progress.say(f"{failed} failed before and {'is' if failed == 1 else 'are'} tried again")


class SweepProgress:
    """Which cell is at work, and how far its chains are: a bar on a terminal, a line for each cell in a pipe."""

    def __init__(self, num_cells: int) -> None:
        """Nothing is shown before ``bar`` is entered."""
        self._console = StderrConsole(stderr=True, highlight=False, markup=False, emoji=False)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            console=self._console,
            refresh_per_second=4,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._num_cells = num_cells
        self._task = self.bar.add_task("sweep", total=None, figures="")
        self._next = 0.0

    def watcher(self) -> Watcher:
        """What the sweep tells."""
        return Watcher(begin=self._begin, chains=self._chains, end=self._end, say=self.say, status=self._status)

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(visible(sentence), soft_wrap=True)

    def _begin(self, number: int, cell: Cell) -> None:
        description = f"cell {number + 1}/{self._num_cells} {visible(cell.name)}"
        self.bar.update(self._task, description=description, completed=0, total=None, figures="")

    def _status(self, words: str) -> None:
        self.bar.update(self._task, figures=visible(words))

    def _chains(self, report: Chains) -> None:
        if time.monotonic() < self._next and report.ended < report.total:
            return
        self._next = time.monotonic() + BAR_SECONDS
        figures = f"active {report.active}" + (f"  {report.diverged} diverged" if report.diverged else "")
        self.bar.update(self._task, completed=report.ended, total=report.total, figures=figures)

    def _end(self, number: int, result: Result) -> None:
        about = f"cell {number + 1}/{self._num_cells} {result.name}"
        if result.status == "failed":
            self.say(f"{about}  failed: {result.reason}")
            return
        shown = "  ".join(f"{name} {cell}" for name, cell in zip(_HEADINGS, _cells(result), strict=True))
        self.say(f"{about}  {shown}")


def sweep_report(sweep: Sweep) -> RenderableType:
    """The cells as a table, best FID first and failed ones last, then what must be known to read it."""
    comparable = "comparable to papers" if sweep.facts["features"]["comparable_to_papers"] else NOT_COMPARABLE
    judge, accuracy = sweep.facts["judge"]["name"], sweep.facts["judge"]["held_out_accuracy"]
    facts = {
        "reference": f"{sweep.facts['reference']['data']} ({sweep.facts['reference']['split']}), "
        f"{sweep.facts['reference']['num']:,} images",
        "features": f"{sweep.facts['features']['name']}, {comparable}",
        "judge": "none" if judge is None else f"{judge}, right on {percent(accuracy)} of held-out images",
        "same": ", ".join(f"{name} {value}" for name, value in _shared(sweep).items()),
    }
    marks = _marks(sweep)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 0))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("cell", overflow="fold")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    ranked = ranking(sweep)
    for number, i in enumerate(ranked, 1):
        result = sweep.results[i]
        if result.status == "done":
            table.add_row(str(number), marks[i], plain(result.name), *_cells(result))
    failed: list[Result] = [sweep.results[i] for i in ranked if sweep.results[i].status != "done"]
    notes = dict.fromkeys(note for result in sweep.results for note in result.notes)
    shown: list[RenderableType] = [table, Text()] if len(failed) < len(ranked) else []
    return Group(
        *(unbroken(f"{name:<10} {visible(text)}") for name, text in facts.items() if text),
        Text(),
        *shown,
        *(plain(f"{result.name}: {result.status}, {result.reason or 'not run yet'}") for result in failed),
        *map(plain, _LEGEND),
        *map(plain, notes),
    )


NOT_COMPARABLE = "not comparable to papers"
_LEGEND = (
    "c: no cell has a lower FID for no more passes, or fewer for no higher FID.",
    "d: none has more precision (quality) without less recall (diversity), nor the reverse.",
    "spread: distance within a class, 1 as of real images. passes, ms: of an image.",
)
_HEADINGS = ("FID", "IS", "prec", "rec", "spread", "agree", "passes", "ms")


def ranking(sweep: Sweep) -> list[int]:
    """Places of the cells in the grid: best FID first, those without at the end."""

    def key(i: int) -> float:
        fid = sweep.results[i].figures["fid"]
        return math.inf if fid is None else fid

    return sorted(range(len(sweep.results)), key=key)


def _marks(sweep: Sweep) -> list[str]:
    found = fronts(sweep.results)
    pairs = zip(found["fid_cost"], found["quality_diversity"], strict=True)
    return [("c" if cost else "") + ("d" if diversity else "") for cost, diversity in pairs]


def _cells(result: Result) -> list[str]:
    figures = result.figures
    seconds = figures["seconds_per_image"]
    return [
        _short(figures["fid"]),
        _short(figures["inception_score"], 2),
        _short(figures["precision"]),
        _short(figures["recall"]),
        _short(figures["spread"], 2),
        percent(figures["agreement"]),
        _short(figures["passes_per_image"], 1),
        _short(None if seconds is None else 1000 * seconds, 1),
    ]


def _short(value: float | None, decimals: int = 3) -> str:
    """A number with fewer decimals the larger it is."""
    if value is None:
        return MISSING
    before = 0 if abs(value) < 10 else math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, decimals - before)}f}"


def _shared(sweep: Sweep) -> dict[str, Any]:
    """Settings that are the same wherever they matter."""
    values = {name: [result.settings[name] for result in sweep.results] for name in sweep.results[0].settings}
    known = {name: set(found) - {None} for name, found in values.items()}
    same = {name.replace("_", "-"): next(iter(found)) for name, found in known.items() if len(found) == 1}
    return {"images": sweep.options["num"], **same, "seed": sweep.options["seed"]}


def _draw(folder: Path, sweep: Sweep) -> Path | None:
    """The plot of the cells that are done, numbered as in the table; None without any."""
    done = [sweep.results[i] for i in ranking(sweep) if sweep.results[i].status == "done"]
    if not done:
        return None
    found = fronts(done)
    nobody = [False] * len(done)
    distances = [float(result.figures["fid"] or 0) for result in done]
    wide = min(distances) > 0 and max(distances) > WIDE * min(distances)
    fid = "FID (less is better)"
    if not sweep.facts["features"]["comparable_to_papers"]:
        fid += f",\n{NOT_COMPARABLE}"
    panels = [
        Panel("recall (diversity)", fid, _points(done, "recall", "fid"), nobody, wide),
        Panel(
            "recall (diversity)",
            "precision (quality)",
            _points(done, "recall", "precision"),
            found["quality_diversity"],
        ),
        Panel("passes an image (cost)", fid, _points(done, "passes_per_image", "fid"), found["fid_cost"], wide),
    ]
    figure = tradeoff(
        [result.name for result in done],
        [str(result.settings["start"]) for result in done],
        panels,
        cost=[float(result.figures["passes_per_image"] or 0) for result in done],
        cost_label="passes an image",
    )
    save_figure(folder / PLOT_NAME, figure)
    return folder / PLOT_NAME


def _points(results: Sequence[Result], x: str, y: str) -> list[tuple[float, float] | None]:
    pairs = [(result.figures[x], result.figures[y]) for result in results]
    return [None if a is None or b is None else (float(a), float(b)) for a, b in pairs]
