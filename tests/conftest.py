"""What every test needs: one thread (so that sums do not depend on the machine) and the command line as a process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WORKBENCH_CONFIG"] = f"{__file__}.none"  # nobody's settings, and a place where no state can be kept
os.environ["WORKBENCH_STATE"] = f"{__file__}/state.json"

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run ``workbench`` in a process of its own, in ``tmp_path``, with pipes for streams."""

    def run(*arguments: object, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workbench", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80", **environment},
            check=False,
        )

    return run


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit 2, nothing on stdout, one line on stderr that holds the words."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("workbench: ")
    for word in words:
        assert word in lines[0], lines[0]


def write_small_log(folder: Path) -> Path:
    """A finished run of one epoch and four samples in ``folder``."""
    keys = SampleKeys(index=np.arange(4), label=np.zeros(4, dtype=np.int32))
    meta = RunMeta(
        run_id="r",
        method="fgsm",
        dataset="digits",
        class_names=("0",),
        config={"eps": 0.1},
        seed=0,
        planned_epochs=1,
        train_attack="fgsm",
        probe_attack="pgd-10",
        versions={},
        git_revision=None,
        created="2026-01-01T00:00:00+00:00",
    )
    table = SampleTable.empty(4)
    table.energy[:], table.energy_adv[:] = 1.0, [0.5, 0.6, 0.7, 0.8]
    with LogWriter.create(folder / "run.h5", meta, train=keys, probe=keys) as log:
        log.append_epoch({"epoch": 0, "pgd_accuracy": 0.5}, table, table)
    return folder
