"""What every test needs: one thread (so that sums do not depend on the machine) and the command line."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.warm import Warm, Workbench, fresh
from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WORKBENCH_CONFIG"] = f"{__file__}.none"  # nobody's settings, and a place where no state can be kept
os.environ["WORKBENCH_STATE"] = f"{__file__}/state.json"
for _name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"):  # of the terminal, if any, on which the tests run
    os.environ.pop(_name, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background, and in all processes started there
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "first: takes minutes, so it begins before all that does not")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def workbench() -> Iterator[Workbench]:
    """Run ``workbench`` in a folder (``cwd``), in a fork of a process that has loaded the libraries already."""
    if sys.platform == "linux":
        with Warm() as warm:
            yield warm
    else:
        yield fresh


@pytest.fixture
def cli(tmp_path: Path, workbench: Workbench) -> Cli:
    """Run ``workbench`` in ``tmp_path``, with pipes for streams: what almost every test of a command wants."""
    return partial(workbench, cwd=tmp_path)


@pytest.fixture
def fresh_cli(tmp_path: Path) -> Cli:
    """Run ``workbench`` in a process of its own, in ``tmp_path``: for what happens while it starts or ends."""
    return partial(fresh, cwd=tmp_path)


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
