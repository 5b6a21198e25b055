"""Landscapes with what the command line adds: what to measure and what to read, progress, where things are written."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Group
from rich.text import Text

from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME
from workbench.cli.progress import REFRESH_SECONDS, StderrConsole, figures_bar
from workbench.landscape import is_stored, read_landscape, write_landscape
from workbench.landscape.spec import LandscapeSpec, landscape_path
from workbench.report import console, json_text, visible
from workbench.report.files import write_picture
from workbench.report.landscape import Shown, comparison_report, landscape_report, titles
from workbench.report.landscape_data import figures_csv, landscape_json, planes_csv
from workbench.report.landscape_map import heat_map, map_legend
from workbench.target import BEST, find_target

OF_MODEL = ("model", "mean", "std", "input_range", "shortcut", "state")
STATUS_SECONDS = 5.0
"""Least time between two lines in a pipe."""

NO_SETTINGS = ("out", "epoch", *OF_MODEL)
"""Options that are no field of ``LandscapeSpec``."""


def run_landscape(
    paths: Sequence[Path],
    given: Mapping[str, Any],
    *,
    figure: Path | None,
    csv: Path | None,
    planes: Path | None,
    as_json: bool,
) -> None:
    """Measure what is not measured yet, show all, and write what was asked for.

    Args:
        paths: runs, checkpoints, and files of landscapes.
        given: the options of measuring that were given.
        figure: where to draw.
        csv: where to write the figures.
        planes: where to write all points.
        as_json: print JSON.

    Raises:
        WorkbenchError: a path that is none of these, or an option that cannot be followed.
    """
    for path, ending in ((figure, ".png"), (csv, ".csv"), (planes, ".csv")):
        if path is not None and path.suffix.lower() != ending:
            raise WorkbenchError(f"cannot write {path}: its name must end in {ending}")
    stored = {path: is_stored(path) for path in paths}
    fresh = [path for path in paths if not stored[path]]
    if given and not fresh:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise WorkbenchError(f"{names}: of measuring, but {paths[0]} is measured already; name its checkpoint instead")
    if "out" in given and len(fresh) != 1:
        raise WorkbenchError(f"--out is one file, but {len(fresh)} landscapes are measured; leave it out")
    all_shown = [Shown(read_landscape(path), path) if stored[path] else _measure(path, given) for path in paths]
    if figure is not None:
        _draw(all_shown, figure)
    if csv is not None:
        write_picture(csv, figures_csv(all_shown))
    if planes is not None:
        write_picture(planes, planes_csv(all_shown))
    if as_json:
        values = [landscape_json(shown) for shown in all_shown]
        typer.echo(json_text(values[0] if len(values) == 1 else {"landscapes": values}))
        return
    screen = console()
    if len(all_shown) > 1:
        screen.print(comparison_report(all_shown))
        return
    landscape, colour = all_shown[0].landscape, bool(screen.color_system) and not screen.no_color
    parts = (heat_map(landscape, screen.width, colour=colour), map_legend(landscape, colour=colour))
    screen.print(Group(landscape_report(all_shown[0]), Text(), *parts))


def _measure(path: Path, given: Mapping[str, Any]) -> Shown:
    """Measure a checkpoint and keep what was measured."""
    settings = {name: value for name, value in given.items() if name not in NO_SETTINGS}
    spec = LandscapeSpec(**settings)
    target = find_target(path, given.get("epoch", BEST))
    out = given.get("out", landscape_path(target))
    _check_place(out)

    from workbench.landscape.measure import measure_landscape
    from workbench.probe import ModelOptions, parse_normaliser

    options = ModelOptions(
        name=given.get("model"),
        normaliser=parse_normaliser(*(given.get(name) for name in ("mean", "std", "input_range"))),
        **{name: given[name] for name in ("shortcut", "state") if name in given},
    )
    progress = _Progress(path)
    with progress.bar:
        measured = measure_landscape(target, spec, options, say=progress.say, watch=progress.points)
    write_landscape(out, measured)
    return Shown(measured, out)


def _check_place(out: Path) -> None:
    """Refuse to replace anything but a landscape, before anything is measured."""
    if out.name == LOG_NAME or out.is_dir():
        raise WorkbenchError(f"{out} is the name of a run; --out is the file of a landscape, such as landscape.h5")
    if out.exists():
        try:
            read_landscape(out)
        except WorkbenchError as error:
            raise WorkbenchError(f"{out} is there and no whole landscape; remove it or give another --out") from error
    elif out.parent.is_dir() and not os.access(out.parent, os.W_OK):
        raise WorkbenchError(f"nothing can be written to {out.parent}; give --out")


def _draw(all_shown: Sequence[Shown], figure: Path) -> None:
    from workbench.report.figures import save_figure
    from workbench.report.landscape_figure import draw_landscapes

    save_figure(figure, draw_landscapes([shown.landscape for shown in all_shown], titles(all_shown)))


class _Progress:
    """A bar over the points of the planes on a terminal; in a pipe a line once it takes long."""

    def __init__(self, path: Path) -> None:
        self._console = StderrConsole(stderr=True, highlight=False, markup=False, emoji=False)
        self.bar = figures_bar(self._console)
        self._title = visible(f"landscape {path}")
        self._task = self.bar.add_task(self._title, total=None, figures="")
        self._next = time.monotonic() + STATUS_SECONDS if self.bar.disable else 0.0  # what is quick is not worth a line

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(visible(sentence), soft_wrap=True)

    def points(self, done: int, total: int) -> None:
        """So many points of all are measured."""
        now = time.monotonic()
        if now < self._next and (self.bar.disable or done < total):
            return
        self._next = now + (STATUS_SECONDS if self.bar.disable else REFRESH_SECONDS)
        if self.bar.disable:
            self.say(f"{self._title}  attacking" if not done else f"{self._title}  {done}/{total} points")
        else:
            self.bar.update(self._task, completed=done, total=total)
