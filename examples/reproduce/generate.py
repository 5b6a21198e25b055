"""Images out of trained runs: a sweep of the sampler over each, kept beside the run as ``sweep-sampling`` keeps it."""

import json
import shutil
from pathlib import Path

import typer

from reproduce.grid import Run, Sampler
from reproduce.records import SCHEMA_VERSION, save
from reproduce.runs import Interrupted, data_word
from trainers.rundir import CHECKPOINTS
from workbench.cli.sweeping import sweep
from workbench.sweep.results import JSON_NAME
from workbench.target import LAST, find_target

FORMAT = "workbench-reproduction-sweep"
GRID = "grid.png"
PREFIX = "samples-"
"""Of the names of records of sweeps."""

FACTS = ("reference", "features", "judge", "device", "created", "versions", "git_revision")


def sample(out: Path, features: Path, sampler: Sampler, *, data: str, device: str) -> None:
    """Sample every cell from the best weights of the run in ``out``, and score it; what is done is not done again.

    Raises:
        Interrupted: Ctrl-C; the sweep can be gone on with.
        WorkbenchError: a run has no weights, or the data cannot be read.
    """
    given = {
        "path": str(out),
        "against": data,
        "features": f"classifier:{find_target(features, LAST).checkpoint}",
        "judge": sampler.judge,
        "num": sampler.num,
    }
    try:
        sweep(
            given,
            sampler.lists,
            out=folder(out),
            resume=False,
            model=None,
            device=device,
            batch_size=None,
            cache=None,
            as_json=False,
        )
    except typer.Exit as stopped:
        raise Interrupted(stopped.exit_code - 128) from None


def folder(out: Path) -> Path:
    """Where the sweep of a run lies."""
    return out / "generation" / "sweep"


def is_sampled(out: Path) -> bool:
    """Whether every cell has been tried."""
    path = folder(out) / JSON_NAME
    return path.exists() and all(cell["status"] != "pending" for cell in json.loads(path.read_text())["cells"])


def keep(run: Run, features: Run, out: Path, record: Path, sampler: Sampler) -> None:
    """The record of a sweep, and the pictures of its cells beside it."""
    found = json.loads((folder(out) / JSON_NAME).read_text())
    pictures = record.with_suffix("")
    for cell in found["cells"]:
        picture = folder(out) / "cells" / cell["name"] / GRID
        if picture.exists():
            pictures.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, pictures / f"{cell['name']}.png")
    facts = {name: found[name] for name in FACTS}
    facts["reference"] = {**facts["reference"], "data": data_word(run)}
    facts["features"] = {**facts["features"], "name": f"classifier of {features.name}"}
    save(
        {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "model": run.name,
            **facts,
            "command": command(run, features, sampler),
            "cells": found["cells"],
        },
        record,
    )


def command(run: Run, features: Run, sampler: Sampler) -> str:
    """The line that does the same; LAST is the number of the last epoch that the run of the features kept."""
    lists = " ".join(
        f"--{name.replace('_', '-')} {','.join(map(str, values))}" for name, values in sampler.lists.items()
    )
    return (
        f"workbench sweep-sampling runs/{run.name} --against {data_word(run)} "
        f"--features classifier:runs/{features.name}/{CHECKPOINTS}/epoch-LAST.safetensors "
        f"--judge {sampler.judge} --num {sampler.num} {lists}"
    )
