"""Ctrl-C and kill -9 against the real command: what is committed stays, --resume ends where an unbroken run ends."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.test_loop import assert_same_run
from trainers.energylog import EnergyLog

SETTINGS = (
    "--method",
    "fgsm-der",
    "--width",
    "4",
    "--epochs",
    "3",
    "--train-size",
    "400",
    "--probe-size",
    "60",
    "--lr",
    "0.05",
)


def start(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", "train", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_log(run: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not (run / "run.h5").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder, *SETTINGS, "--out", "run")
    assert process.wait(timeout=120) == 0
    return folder / "run"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_and_it_can_be_resumed(number: signal.Signals, whole: Path, tmp_path: Path) -> None:
    process = start(tmp_path, *SETTINGS, "--out", "run")
    wait_for_log(tmp_path / "run", process)
    time.sleep(0.1)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert "continue with: workbench train --resume run" in stderr
    with EnergyLog.open(tmp_path / "run") as log:
        assert log.status == "stopped"
    resumed = start(tmp_path, "--resume", "run")
    assert resumed.wait(timeout=120) == 0
    assert_same_run(whole, tmp_path / "run")


def test_kill_at_any_moment_loses_no_committed_epoch(whole: Path, tmp_path: Path, cli: Cli) -> None:
    """Five kills at random moments of one run, each followed by a look and a resume."""
    moments = random.Random(0)
    arguments: tuple[str, ...] = (*SETTINGS, "--out", "run")
    run = tmp_path / "run"
    committed = 0
    for _ in range(5):
        process = start(tmp_path, *arguments)
        if not run.exists():
            wait_for_log(run, process)
        time.sleep(moments.uniform(0.0, 3.0))
        process.kill()
        process.communicate()
        if (run / "run.h5").exists():
            with EnergyLog.open(run) as log:
                assert log.committed >= committed
                committed = log.committed
                for epoch in range(committed):
                    log.samples("train", "energy", epoch)
            arguments = ("--resume", "run")
    last = start(tmp_path, "--resume", "run")
    assert last.wait(timeout=120) == 0, last.communicate()
    assert_same_run(whole, run)
    report = json.loads(cli("inspect", "run", "--json").stdout)
    assert report["run"]["status"] == "finished"
    assert len(report["epochs"]) == 3
