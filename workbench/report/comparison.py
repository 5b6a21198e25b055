"""Several runs side by side, as text for 80 columns, as JSON values and as a table of aligned curves."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.analysis.alignment import common_grid, on_grid
from workbench.compare import ALIGNMENTS, MEASURES, Comparison, Track, first_onset
from workbench.onset import Onset
from workbench.report.tables import run_names
from workbench.report.text import MISSING, epsilon, mean_and_std, nats, percent, plain, sparkline, unbroken, visible
from workbench.report.words import KIND_SHORT, KIND_STYLES, where
from workbench.summary import EpochSummary, onset_json, to_json

_NAME_WIDTH = 18
_WIDTH = 42


def comparison_report(comparison: Comparison) -> RenderableType:
    """Facts, accuracies, who collapsed when, curves on one axis, checkpoints to keep."""
    names = run_names([track.summary for track in comparison.tracks])
    parts = [
        _facts(comparison, names),
        _accuracies(comparison),
        _onsets(comparison, names),
        *_curves(comparison, names),
        _checkpoints(comparison, names),
    ]
    lines = [line for part in parts for line in (part, Text())]
    return Group(*lines[:-1])


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The same as JSON values; missing values are None. Curves have one value per epoch, at ``position``."""
    names = run_names([track.summary for track in comparison.tracks])
    return {
        "align": comparison.align,
        "runs": [_track_json(name, track) for name, track in zip(names, comparison.tracks, strict=True)],
    }


def comparison_table(comparison: Comparison) -> bytes:
    """The aligned curves as CSV in UTF-8: a row per run and epoch, runs that have no place on the axis left out."""
    names = run_names([track.summary for track in comparison.tracks])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "position", "epoch", "step", *MEASURES])
    for name, track in zip(names, comparison.tracks, strict=True):
        if track.positions is None:
            continue
        curves = [_known(track.curve(measure)) for measure in MEASURES]
        for i, position in enumerate(track.positions):
            step = "" if track.steps is None else int(track.steps[i])
            values = ["" if curve[i] is None else curve[i] for curve in curves]
            writer.writerow([visible(name), int(position), track.summary.epochs[i].epoch, step, *values])
    return text.getvalue().encode()


def _track_json(name: str, track: Track) -> dict[str, Any]:
    summary = track.summary
    return {
        "name": name,
        "run": to_json(summary)["run"],
        "onsets": [onset_json(onset, summary.weights) | {"step": track.onset_step(onset)} for onset in summary.onsets],
        "left_out": track.left_out,
        "epoch": [epoch.epoch for epoch in summary.epochs],
        "step": None if track.steps is None else [int(step) for step in track.steps],
        "position": None if track.positions is None else [int(position) for position in track.positions],
        **{measure: _known(track.curve(measure)) for measure in MEASURES},
        "last_delta_energy_std": None if summary.last is None else summary.last.delta_energy.std,
    }


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))


def _facts(comparison: Comparison, names: Sequence[str]) -> Table:
    table = _table()
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("run", overflow="fold")
    table.add_column("method", overflow="fold")
    for column in ("ε", "seed", "epochs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("onset")
    for number, (name, track) in enumerate(zip(names, comparison.tracks, strict=True)):
        summary = track.summary
        eps = MISSING if summary.eps is None else epsilon(summary.eps)
        seed = MISSING if summary.seed is None else str(summary.seed)
        epochs = str(summary.committed) + ("" if summary.status == "finished" else f"\n{summary.status}")
        cells = [Text(cell) for cell in (eps, seed, epochs)]
        table.add_row(str(number + 1), plain(name), plain(summary.method), *cells, _first_onset(track))
    return table


def _first_onset(track: Track) -> Text:
    onset = first_onset(track.summary)
    if onset is not None:
        step = track.onset_step(onset)
        return Text(where(onset) + (f", step {step}" if step is not None else ""), style=KIND_STYLES[onset.kind])
    told = [short for kind, short in KIND_SHORT.items() if kind not in track.summary.cannot_tell]
    return Text("none" if len(told) == len(KIND_SHORT) else f"no {told[0]}" if told else "cannot tell")


def _accuracies(comparison: Comparison) -> Table:
    table = _table()
    for column in ("", "best", "clean", "FGSM", "PGD", "last", "clean", "FGSM", "PGD", "ΔE last"):
        table.add_column(column, justify="right", no_wrap=True)
    for number, track in enumerate(comparison.tracks):
        best, last = track.summary.best, track.summary.last
        table.add_row(str(number + 1), *_epoch(best), *_epoch(last), Text(_last_delta(last)))
    words = "Best and last epoch, probe set; ΔE: mean±std in nats, training set (* probe set)"
    table.caption = Text(words, style="dim", justify="left")
    return table


def _epoch(epoch: EpochSummary | None) -> list[Text]:
    if epoch is None:
        return [Text(MISSING)] * 4
    values = (epoch.clean_accuracy, epoch.fgsm_accuracy, epoch.pgd_accuracy)
    return [Text(str(epoch.epoch)), *(Text(percent(value)) for value in values)]


def _last_delta(last: EpochSummary | None) -> str:
    if last is None or last.delta_energy.mean is None:
        return MISSING
    return mean_and_std(last.delta_energy) + ("*" if last.delta_energy.split == "probe" else "")


def _onsets(comparison: Comparison, names: Sequence[str]) -> RenderableType:
    """Who collapsed when, the earliest first; who did not; what cannot be told."""
    runs = [(f"{i + 1} {name}", track) for i, (name, track) in enumerate(zip(names, comparison.tracks, strict=True))]
    found = sorted(((onset, who, track) for who, track in runs for onset in track.summary.onsets), key=_when)
    lines = [plain(f"  {_told(onset, who, track)}", KIND_STYLES[onset.kind]) for onset, who, track in found]
    healthy = [who for who, track in runs if not track.summary.onsets and not track.summary.cannot_tell]
    lines += [plain(f"  None in {', '.join(healthy)}.")] if healthy else []
    for who, track in runs:
        lines += [
            plain(f"  {who}: {KIND_SHORT[kind]} cannot be told, because {why}.")
            for kind, why in track.summary.cannot_tell.items()
        ]
    return Group(Text("Onsets, earliest first" if found else "Onsets", style="bold"), *lines)


def _when(found: tuple[Onset, str, Track]) -> int:
    return found[0].epoch


def _told(onset: Onset, who: str, track: Track) -> str:
    step = track.onset_step(onset)
    words = f"{KIND_SHORT[onset.kind]} in {who} since epoch {onset.epoch}"
    words += f" (step {step})" if step is not None else ""
    words += "" if onset.rolled_back is None else f", rolled back after epoch {onset.rolled_back}"
    return f"{words}, seen at epoch {onset.detected_epoch}, confidence {onset.confidence:.0%}."


def _curves(comparison: Comparison, names: Sequence[str]) -> list[RenderableType]:
    """PGD accuracy and mean ΔE of every run on one axis, each with one scale for all; who is left out, and why."""
    left_out = [
        plain(f"Not on this axis: {number + 1} {names[number]}, because {track.left_out}.")
        for number, track in enumerate(comparison.tracks)
        if track.left_out is not None
    ]
    all_edges = [track.edges for track in comparison.tracks if track.edges is not None]
    if not all_edges:
        hint = "; --align epoch shows the curves" if any(track.summary.epochs for track in comparison.tracks) else ""
        return [Group(*left_out, plain(f"No curves: no run has a place on the axis of {_axis(comparison)}{hint}."))]
    grid = common_grid(all_edges, _WIDTH)
    places = f"{_axis(comparison)}, {grid[0]:.0f} to {grid[-1]:.0f}"
    if comparison.align != "step":
        places = f"{_axis(comparison)}, {grid[0]:.0f} to {grid[-1] - 1:.0f}"
    accuracy = _measure(comparison, names, grid, "pgd_accuracy", percent, marks=True)
    energy = _measure(comparison, names, grid, "delta_energy_mean", nats, marks=False)
    return [
        Group(_heading("PGD accuracy", places), *accuracy),
        Group(_heading("ΔE mean in nats", places), *energy),
        *([Group(*left_out)] if left_out else []),
    ]


def _axis(comparison: Comparison) -> str:
    return ALIGNMENTS[comparison.align]


def _heading(what: str, places: str) -> Text:
    return Text.assemble((what, "bold"), f" by {places}")


def _measure(
    comparison: Comparison,
    names: Sequence[str],
    grid: NDArray[np.float64],
    measure: str,
    words: Callable[[float | None], str],
    *,
    marks: bool,
) -> list[RenderableType]:
    tracks = [(number, track) for number, track in enumerate(comparison.tracks) if track.edges is not None]
    curves = {number: track.curve(measure) for number, track in tracks}
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves.values()])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low = 0.0 if measure.endswith("accuracy") else low
    lines: list[RenderableType] = []
    for number, track in tracks:
        assert track.edges is not None
        values, curve = _known(on_grid(track.edges, curves[number], grid)), curves[number]
        finite = curve[np.isfinite(curve)]
        extent = f"{words(float(finite.min()))} … {words(float(finite.max()))}" if finite.size else MISSING
        lines.append(unbroken((_short(number, names), "dim"), sparkline(values, len(values), low, high), f"  {extent}"))
        lines += [_mark(onset, track, grid) for onset in track.summary.onsets] if marks else []
    return lines


def _mark(onset: Onset, track: Track, grid: NDArray[np.float64]) -> Text:
    """An arrow under the cell in which the onset's epoch lies; on the left of it what it is, if it is far right."""
    assert track.edges is not None
    epoch = min(onset.epoch, len(track.edges) - 2)
    middle = (track.edges[epoch] + track.edges[epoch + 1]) / 2
    cell = int(np.clip(np.searchsorted(grid, middle, side="right") - 1, 0, len(grid) - 2))
    words = where(onset)
    if cell > _WIDTH // 2:
        place, mark = cell - len(words) - 1, f"{words} ▲"
    else:
        place, mark = cell, f"▲ {words}"
    return unbroken(" " * (_NAME_WIDTH + place), (mark, KIND_STYLES[onset.kind]))


def _short(number: int, names: Sequence[str]) -> str:
    """Number and name in a column of fixed width."""
    text, most = visible(f"{number + 1} {names[number]}"), _NAME_WIDTH - 1
    return f"{text if len(text) <= most else text[: most - 1] + '…':<{_NAME_WIDTH}}"


def _checkpoints(comparison: Comparison, names: Sequence[str]) -> RenderableType:
    lines: list[RenderableType] = [Text("Checkpoints to keep", style="bold")]
    for number, track in enumerate(comparison.tracks):
        checkpoint = track.summary.checkpoint
        path = "none" if checkpoint.path is None else visible(str(checkpoint.path))
        lines += [unbroken(f"  {number + 1} {path}"), Padding(plain(checkpoint.why), (0, 0, 0, 4))]
    return Group(*lines)


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
