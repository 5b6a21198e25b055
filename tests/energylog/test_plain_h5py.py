"""The reader of docs/energy-log.md, which knows h5py only, reads what EnergyLog reads, also after a kill."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import EnergyLog, LogWriter

DOCUMENT = (runs.ROOT / "docs" / "energy-log.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```python\n(import h5py\n+def read.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, Any]]:
    with runs.create(tmp_path / "run.h5") as writer:  # the log that the example prints
        runs.append(writer, 1)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(EXAMPLE, "docs/energy-log.md", "exec"), names)
    return names["read"]  # type: ignore[no-any-return]


def finished(path: Path) -> None:
    with runs.create(path) as writer:
        runs.append(writer, 3)
        writer.append_event(kind="note", epoch=1, step=70, message="über\x1b")


def without_epochs(path: Path) -> None:
    runs.create(path, seed=None, git_revision=None, train_attack=None).close("stopped")


def without_energies(path: Path) -> None:
    keys = {split: runs.keys(split) for split in ("train", "probe")}
    with LogWriter.create(path, runs.meta(keep_bits=8), **keys) as writer:
        writer.append_epoch({"epoch": 0}, None, runs.table(0, "probe"))


def killed(path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.energylog import runs\n"
        "writer = runs.create(Path(sys.argv[1])); runs.append(writer, 2)\n"
        "[writer.append_step(runs.step(2, number)) for number in range(60)]; os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", program, str(path)], cwd=runs.ROOT, check=False, env=os.environ)
    assert result.returncode == -signal.SIGKILL


@pytest.mark.parametrize("write", [finished, without_epochs, without_energies, killed])
def test_it_reads_what_the_package_reads(
    write: Callable[[Path], None], read: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    write(tmp_path / "it.h5")
    run = read(tmp_path / "it.h5")
    with EnergyLog.open(tmp_path / "it.h5") as log:
        meta, steps = log.meta, log.steps()
        assert run["status"] == log.status  # a killed run is "running" for a minute
        for name, rows in (("epochs", log.epochs()), ("events", log.events())):
            assert run[name].dtype == rows.dtype
            assert run[name].tobytes() == rows.tobytes()
        assert set(run["steps"]) == set(steps.dtype.names or ())
        for name, column in run["steps"].items():
            np.testing.assert_array_equal(column, steps[name])
        np.testing.assert_array_equal(run["histogram"], log.histogram("train"))
        np.testing.assert_array_equal(run["index"], log.keys("train").index)
        np.testing.assert_array_equal(run["label"], log.keys("train").label)
    for name in ("run_id", "method", "dataset", "created"):
        assert run[name] == getattr(meta, name)
    for name in ("seed", "planned_epochs", "git_revision"):
        assert run.get(name) == getattr(meta, name)
    assert run.get("keep_bits", 23) == meta.keep_bits
    assert json.loads(run["config"]) == meta.config
    assert tuple(json.loads(run["class_names"])) == meta.class_names
    for number, (low, high) in enumerate(zip(run["edges"], run["edges"][1:], strict=False)):
        assert low < high, number


def test_it_is_short_and_knows_nothing_of_the_package() -> None:
    body = EXAMPLE[EXAMPLE.index("def read") : EXAMPLE.index("print(")]
    assert len(body.strip().splitlines()) <= 15
    assert re.findall(r"^(?:import|from) (\S+)", EXAMPLE, re.MULTILINE) == ["h5py"]
