"""``workbench onset --watch``: flags as they rise in a live run, and how the watch ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import Cli, assert_refused
from trainers.energylog import LogWriter, RunMeta, SampleKeys
from workbench.cli import watching
from workbench.cli.main import main

# Epoch 3 collapses: a third of the best PGD accuracy is left, FGSM accuracy stays.
FGSM = [0.5, 0.6, 0.6, 0.7, 0.8]
PGD = [0.4, 0.5, 0.5, 0.15, 0.05]


def open_writer(folder: Path) -> LogWriter:
    folder.mkdir(parents=True, exist_ok=True)
    keys = SampleKeys(index=np.arange(2), label=np.zeros(2, dtype=np.int32))
    meta = RunMeta(
        run_id="r1",
        method="fgsm",
        dataset="digits",
        class_names=("0",),
        config={"eps": 0.1},
        seed=0,
        planned_epochs=5,
        train_attack="fgsm",
        probe_attack="pgd-10",
        versions={},
        git_revision=None,
        created="2026-01-01T00:00:00+00:00",
    )
    return LogWriter.create(folder / "run.h5", meta, train=keys, probe=keys)


def append(writer: LogWriter, *epochs: int) -> None:
    for epoch in epochs:
        writer.append_epoch({"epoch": epoch, "fgsm_accuracy": FGSM[epoch], "pgd_accuracy": PGD[epoch]}, None, None)


@pytest.fixture
def watching_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``workbench onset --watch`` as a process that is killed at the latest when the test ends."""
    processes = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "onset", "--watch", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80"},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_flag_is_printed_while_the_run_goes_on(tmp_path, watching_process) -> None:
    writer = open_writer(tmp_path / "run")
    process = watching_process("run", "--json")
    time.sleep(1.0)  # it watches a run without an epoch
    assert process.poll() is None
    append(writer, 0, 1, 2, 3)
    flag = json.loads(process.stdout.readline())  # arrives before the run ends, or this waits for ever
    assert (flag["run"], flag["kind"], flag["epoch"], flag["detected_epoch"]) == ("r1", "catastrophic", 3, 3)
    assert process.poll() is None
    append(writer, 4)
    writer.close("finished")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert err == "run has finished after 5 epochs.\n"


def test_fail_on_ends_the_watch_at_once(tmp_path, watching_process) -> None:
    with open_writer(tmp_path / "run") as writer:
        append(writer, 0, 1, 2)
        process = watching_process("run", "--fail-on", "co")
        time.sleep(1.0)
        assert process.poll() is None
        append(writer, 3)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (3, "")
    assert "Catastrophic overfitting (CO) since epoch 3" in out
    assert "finished" not in out


def test_other_kinds_do_not_fail(tmp_path, cli: Cli) -> None:
    with open_writer(tmp_path / "run") as writer:
        append(writer, *range(5))
    result = cli("onset", "--watch", "run", "--fail-on", "ro")
    assert result.returncode == 0
    assert "since epoch 3" in result.stdout


def test_ctrl_c_is_130(tmp_path, watching_process) -> None:
    with open_writer(tmp_path / "run") as writer:
        append(writer, 0, 1, 2, 3)
        process = watching_process("run")
        assert "since epoch 3" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_run_that_is_not_there_yet_is_waited_for(tmp_path, watching_process) -> None:
    process = watching_process("run", "--json")
    assert process.stderr.readline() == "Waiting up to 60 s for a log at run.\n"
    with open_writer(tmp_path / "run") as writer:
        append(writer, 0, 1, 2, 3)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [json.loads(line)["epoch"] for line in out.splitlines()] == [3]
    assert err == "run has finished after 4 epochs.\n"


def run_command(capsys, *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_info.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    ("status", "words"), [("finished", "has finished"), ("stopped", "was stopped"), ("failed", "has failed")]
)
def test_the_end_is_named(tmp_path, capsys, status, words) -> None:
    writer = open_writer(tmp_path / "run")
    append(writer, 0)
    writer.close(status)
    code, out, err = run_command(capsys, "onset", "--watch", tmp_path / "run")
    text = " ".join(out.split())
    assert (code, err) == (0, "")
    assert f"{words} after 1 epoch." in text
    assert "Robust overfitting (RO): cannot tell, because" in text


def test_a_run_without_a_pulse_has_crashed(tmp_path, capsys) -> None:
    with open_writer(tmp_path / "run") as writer:
        append(writer, 0, 1, 2, 3)
    with h5py.File(tmp_path / "run" / "run.h5", "r+") as file:
        file["/state/status"][0] = 0
        file["/state/heartbeat"][0] = time.time() - 100
    code, out, err = run_command(capsys, "onset", "--watch", tmp_path / "run", "--json")
    assert code == 0
    assert len(out.splitlines()) == 1
    assert "has crashed (no sign of life) after 4 epochs." in err


def test_a_pulse_that_ends_is_noticed_during_the_watch(tmp_path, capsys, monkeypatch) -> None:
    """A killed writer: the log says running, and its pulse grows older than 60 s while it is watched."""
    with open_writer(tmp_path / "run") as writer:
        append(writer, 0)
    with h5py.File(tmp_path / "run" / "run.h5", "r+") as file:
        file["/state/status"][0] = 0
        file["/state/heartbeat"][0] = time.time() - 59.5
    pauses: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: (pauses.append(seconds), sleep(seconds)))
    code, out, _ = run_command(capsys, "onset", "--watch", tmp_path / "run")
    assert code == 0
    assert "has crashed" in out
    assert 1 <= len(pauses) <= 4
    assert min(pauses) >= watching.POLL_SECONDS


def test_what_cannot_be_watched_is_refused(tmp_path, capsys, monkeypatch, cli: Cli) -> None:
    assert_refused(cli("onset", "--watch", "one", "two"), "one run, not 2")
    monkeypatch.setattr(watching, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    code, out, err = run_command(capsys, "onset", "--watch", tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "still no log at" in err.splitlines()[-1]
    (tmp_path / "text.h5").write_text("nothing")
    code, _, err = run_command(capsys, "onset", "--watch", tmp_path / "text.h5")
    assert code == 2
    assert err.count("\n") == 1
    assert "not an HDF5 file" in err
