"""What a sweep has found so far: ``sweep.json``, which it goes on from, and the same as ``sweep.csv``."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from workbench.sweep.grid import AXES, Cell
from workbench.sweep.pareto import pareto_front

FORMAT = "workbench-sweep-1"
JSON_NAME, CSV_NAME, CELLS = "sweep.json", "sweep.csv", "cells"

Status = Literal["pending", "done", "failed"]

FIGURES: Mapping[str, str] = {
    "images": "images scored, those of chains that diverged left out",
    "diverged": "chains that diverged",
    "median_stop_step": "median of the steps that chains made",
    "passes_per_image": "forward and backward passes of all chains, by images",
    "seconds_per_image": "wall time of the steps by chains; preparation is left out",
    "fid": "Fréchet distance, lower is better",
    "inception_score": "inception score, higher is better",
    "kid": "kernel distance, lower is better",
    "precision": "share of samples among the reference (fidelity)",
    "recall": "share of the reference among the samples (diversity)",
    "density": "how densely the samples lie among the reference",
    "coverage": "share of reference images with a sample nearby",
    "agreement": "share of samples that the judge takes for their class",
    "spread": "mean distance of samples of a class in feature space, by that of the reference's images",
}
"""Every figure of a cell, in the order of the files."""

FRONTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "fid_cost": (("fid", 1), ("passes_per_image", 1)),
    "quality_diversity": (("precision", -1), ("recall", -1)),
}
"""The two trade-offs by name: figures and whether less (1) or more (−1) of them is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What is known of a cell.

    Attributes:
        name: of the cell.
        settings: values by axis, None where an axis makes no difference.
        status: pending, done or failed.
        reason: why it failed.
        figures: by the names of ``FIGURES``, None where unknown.
        notes: what a reader must know to read the figures rightly.
    """

    name: str
    settings: Mapping[str, Any]
    status: Status
    reason: str | None = None
    figures: Mapping[str, float | int | None]
    notes: tuple[str, ...] = ()

    @classmethod
    def pending(cls, cell: Cell) -> Self:
        """Before the cell is run."""
        return cls(name=cell.name, settings=cell.settings(), status="pending", figures=dict.fromkeys(FIGURES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """A sweep so far.

    Attributes:
        identity: what makes it this sweep and no other: plain values, equal for equal sweeps.
        options: what it was asked for, from which the same can be asked for again.
        facts: reference, features, judge and provenance, for readers.
        results: one for each cell, in the order of the grid.
    """

    identity: Mapping[str, Any]
    options: Mapping[str, Any]
    facts: Mapping[str, Any]
    results: tuple[Result, ...]

    def updated(self, result: Result) -> "Sweep":
        """The sweep with one more result."""
        return replace(self, results=tuple(result if old.name == result.name else old for old in self.results))


def fronts(results: Sequence[Result]) -> dict[str, list[bool]]:
    """Whether each cell is Pareto-optimal, for each of ``FRONTS``."""
    return {
        name: pareto_front([[_signed(result.figures[figure], sign) for figure, sign in axes] for result in results])
        for name, axes in FRONTS.items()
    }


def _signed(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def to_json(sweep: Sweep) -> dict[str, Any]:
    """The sweep as JSON values."""
    marks = fronts(sweep.results)
    return {
        "format": FORMAT,
        **sweep.facts,
        "options": dict(sweep.options),
        "identity": dict(sweep.identity),
        "figures": dict(FIGURES),
        "cells": [
            {
                "name": result.name,
                "status": result.status,
                "reason": result.reason,
                "settings": dict(result.settings),
                **result.figures,
                "pareto": {name: mark[i] for name, mark in marks.items()},
                "notes": list(result.notes),
            }
            for i, result in enumerate(sweep.results)
        ],
    }


def to_csv(sweep: Sweep) -> str:
    """The sweep as a table: name, status, settings, figures, Pareto marks (0 or 1), reason; unknown is empty."""
    marks = fronts(sweep.results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "status", *AXES, *FIGURES, *(f"pareto_{name}" for name in FRONTS), "reason"])
    for i, result in enumerate(sweep.results):
        settings = [result.settings[name] for name in AXES]
        figures = [result.figures[name] for name in FIGURES]
        front = [int(mark[i]) for mark in marks.values()]
        writer.writerow([result.name, result.status, *settings, *figures, *front, result.reason])
    return text.getvalue()


def save_sweep(out: Path, sweep: Sweep) -> None:
    """Write both files, each whole or not at all.

    Raises:
        WorkbenchError: the folder cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot make {out} ({error.strerror or error}); choose another --out") from None
    write_atomically(out / CSV_NAME, to_csv(sweep).encode())
    write_atomically(out / JSON_NAME, json.dumps(to_json(sweep), indent=2, allow_nan=False).encode() + b"\n")


def read_sweep(out: Path) -> Sweep | None:
    """The sweep of a directory; None if it holds none.

    Raises:
        WorkbenchError: ``sweep.json`` is damaged.
    """
    path = out / JSON_NAME
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            raise ValueError
        results = tuple(_result(cell) for cell in content["cells"])
        facts = {name: value for name, value in content.items() if name not in _OWN}
        return Sweep(identity=dict(content["identity"]), options=dict(content["options"]), facts=facts, results=results)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WorkbenchError(
            f"{path} is damaged; remove it and give the same command again: images are kept, scores are made anew"
        ) from None


_OWN = ("format", "options", "identity", "figures", "cells")


def _result(cell: Mapping[str, Any]) -> Result:
    if cell["status"] not in get_args(Status) or not isinstance(cell["name"], str):
        raise ValueError
    figures = {name: cell[name] for name in FIGURES}
    if any(not isinstance(value, int | float | None) for value in figures.values()):
        raise ValueError
    return Result(
        name=cell["name"],
        settings={name: cell["settings"][name] for name in AXES},
        status=cell["status"],
        reason=cell["reason"],
        figures=figures,
        notes=tuple(map(str, cell["notes"])),
    )
