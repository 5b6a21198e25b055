"""kill -9 at twenty moments of training: every run goes on to the weights and the log of the one that nobody killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from tests.killed_training import PLAN
from trainers.checkpoints import load_resume
from trainers.energylog import SAMPLE_COLUMNS, SPLITS, EnergyLog

SEED = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def killed(folder: Path) -> list[dict[str, Any]]:
    program = Path(__file__).with_name("killed_training.py")
    result = subprocess.run(
        [sys.executable, program, folder, str(SEED)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(program.parents[1])},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def checkpoints(run: Path) -> dict[str, Any]:
    """Every tensor and every word of the header of every file, by its name and the file's."""
    found: dict[str, Any] = {}
    for path in sorted((run / "checkpoints").iterdir()):
        with safe_open(path, framework="np") as file:
            found |= {f"{path.name}: {key}": file.get_tensor(key).tobytes() for key in file.keys()}  # noqa: SIM118
            found |= {f"{path.name}: {key}": value for key, value in file.metadata().items()}
    return found


def log_of(run: Path) -> dict[str, Any]:
    """Every column of a log but the clock's, and every event but those of going on."""
    with EnergyLog.open(run) as log:
        rows, steps = log.epochs(), log.steps()
        found: dict[str, Any] = {"status": log.status}
        for name in (name for name in rows.dtype.names or () if not name.endswith("seconds")):
            found[f"epoch {name}"] = rows[name]
        for name in steps.dtype.names or ():
            found[f"step {name}"] = steps[name]
        for split in SPLITS:
            found |= {f"{split} {name}": getattr(log.keys(split), name) for name in ("index", "label")}
            found[f"{split} histogram"] = log.histogram(split)
            for column in SAMPLE_COLUMNS:
                for epoch in range(log.committed):
                    found[f"{split} {column.name} {epoch}"] = log.samples(split, column.name, epoch)
        events = log.events()
        for name in ("epoch", "step", "kind", "message"):
            found[f"event {name}"] = events[name][events["kind"] != b"restart"]
    return found


def test_twenty_processes_were_killed_where_it_was_meant(killed: list[dict[str, Any]]) -> None:
    assert len(killed) == 20
    assert {one["signal"] for one in killed} == {signal.SIGKILL}
    planned = {(name, moment): number for name, moments in PLAN.items() for moment, number in moments.items()}
    assert Counter((one["run"], one["moment"]) for one in killed) == planned
    for one in killed:
        if one["moment"] in ("checkpoint", "log file"):
            assert one["unfinished"] == 1, one
    assert [one for one in killed if one["code"]] == []


@pytest.mark.parametrize("name", PLAN)
def test_every_killed_run_ends_as_the_one_that_was_left_alone(
    folder: Path, killed: list[dict[str, Any]], name: str
) -> None:
    alone = folder / f"{name}-whole"
    weights, log = checkpoints(alone), log_of(alone)
    state = load_resume(alone / "checkpoints" / "resume.safetensors")
    assert state.optimizer, "momentum is compared"
    assert bool(state.average) == bool(state.rollbacks) == (name == "swmr")
    assert bool(state.memory) == (name == "segments")
    assert log["status"] == "finished"
    assert len(log["epoch epoch"]) == 3
    assert list(log["step step"]) == list(range(9))
    assert (b"rollback" in log["event kind"]) == (name == "swmr")
    for one in (one for one in killed if one["run"] == name):
        run, what = Path(one["folder"]), f"{one['moment']}, {one['detail']}"
        found = checkpoints(run)
        assert [key for key in weights.keys() | found.keys() if weights.get(key) != found.get(key)] == [], what
        other = log_of(run)
        assert log.keys() == other.keys()
        for column, values in log.items():
            np.testing.assert_array_equal(other[column], values, err_msg=f"{what}: {column}")
        assert not list(run.rglob(".*.tmp")), what
