"""``workbench check``: what it prints, its exit codes, what it refuses, and that looking writes nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import Cli, assert_refused
from tests.energylog import spoiled
from tests.energylog.spoiled import spoil_chunk
from tests.test_import_hygiene import loaded_by


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoiled.write_log(tmp_path_factory.mktemp("finished") / "run.h5")


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    shutil.copy(finished, tmp_path / "run" / "run.h5")
    return tmp_path / "run"


def test_an_intact_log(run: Path, cli: Cli) -> None:
    result = cli("check", "run")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "run/run.h5: intact",
        f"  finished, 5 epochs, 340 steps, 2 events, {(run / 'run.h5').stat().st_size / 1e6:.1f} MB",
    ]


def test_a_damaged_log_is_told_apart_and_repaired(run: Path, cli: Cli) -> None:
    spoil_chunk(run / "run.h5", "train/energy", 3)
    spoil_chunk(run / "run.h5", "train/correct", 3)
    result = cli("check", "run")
    assert (result.returncode, result.stderr) == (2, "")
    assert "damaged" in result.stdout.splitlines()[0]
    text = " ".join(result.stdout.split())
    assert "epoch 3, /train/energy, /train/correct: the checksum does not match" in text
    assert "Whole epochs: 0-2, 4." in text
    repaired = cli("check", "run", "--repair")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert "kept: 5 epochs, 340 steps, 2 events" in repaired.stdout
    (kept,) = run.glob("run.h5.damaged-*")
    assert kept.name in repaired.stdout
    assert cli("check", "run").returncode == 0
    assert cli("check", kept).returncode == 2
    again = cli("check", "run", "--repair")
    assert (again.returncode, again.stdout) == (0, "run: intact, there is nothing to repair\n")


def test_no_repair_is_promised_that_cannot_be_made(run: Path, cli: Cli) -> None:
    os.truncate(run / "run.h5", 4_000)
    result = cli("check", "run")
    assert result.returncode == 2
    assert "It cannot be repaired" in result.stdout
    assert "--repair" not in result.stdout
    assert_refused(cli("check", "run", "--repair"), "restore it from a copy")


def test_json(run: Path, cli: Cli) -> None:
    intact = json.loads(cli("check", "run", "--json").stdout)
    assert (intact["damaged"], intact["live"], intact["status"]) == (False, False, "finished")
    assert (intact["epochs"], intact["steps"], intact["events"], intact["whole"]) == (5, 340, 2, [[0, 4]])
    spoil_chunk(run / "run.h5", "epoch", 1)
    result = cli("check", "run", "run", "--json")
    assert result.returncode == 2
    (first, second) = json.loads(result.stdout)["runs"]
    assert first["repairable"]
    assert first == second
    assert first["findings"] == [
        {"where": "/epoch", "what": "the checksum does not match", "epochs": [1], "damage": True}
    ]
    repaired = json.loads(cli("check", "run", "--repair", "--json", "--out", "new.h5").stdout)
    assert (repaired["repaired"], repaired["path"], repaired["epochs"]) == (True, "new.h5", 5)
    assert "epoch 1, /epoch: measures are not recorded" in repaired["lost"]
    nothing = json.loads(cli("check", "new.h5", "--repair", "--json").stdout)
    assert nothing == {"path": "new.h5", "repaired": False}


def test_what_is_refused(run: Path, cli: Cli, tmp_path: Path) -> None:
    assert_refused(cli("check", "nowhere"), "nowhere does not exist")
    assert_refused(cli("check", tmp_path), "holds no run.h5")
    (tmp_path / "text.h5").write_text("no log")
    assert_refused(cli("check", "text.h5"), "not an HDF5 file")
    assert_refused(cli("check", "run", "--out", "x.h5"), "--out goes with --repair")
    assert_refused(cli("check", "run", "run", "--repair", "--out", "x.h5"), "one file for 2 runs")
    assert_refused(cli("check", "evil\x1b[31m.h5"), "evil\\x1b[31m")


def test_one_bad_path_costs_the_others_nothing(run: Path, cli: Cli, tmp_path: Path) -> None:
    bad = shutil.copytree(run, tmp_path / "bad")
    spoil_chunk(bad / "run.h5", "epoch", 1)
    (tmp_path / "text.h5").write_text("no log")
    result = cli("check", "run", "text.h5", "bad")
    assert result.returncode == 2
    assert "run/run.h5: intact" in result.stdout
    assert "bad/run.h5: damaged" in result.stdout
    assert result.stderr.splitlines() == [
        "workbench: text.h5 is not an HDF5 file; give the directory of a run or its run.h5"
    ]
    repaired = cli("check", "text.h5", "run", "bad", "--repair", "--json")
    assert (repaired.returncode, repaired.stderr.count("\n")) == (2, 1)
    values = json.loads(repaired.stdout)
    assert [(entry["path"], entry.get("repaired")) for entry in values["runs"]] == [
        ("run", False),
        ("bad/run.h5", True),
    ]
    assert [entry["path"] for entry in values["refused"]] == ["text.h5"]


def test_hostile_texts_are_shown_as_they_are(run: Path, cli: Cli, tmp_path: Path) -> None:
    evil = tmp_path / "[red]\x1b[31m"
    run.rename(evil)
    with h5py.File(evil / "run.h5", "r+") as file:
        file.attrs["method"] = np.bytes_(b"\x1b[2J[bold]")
    result = cli("check", evil)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    assert "[red]\\x1b[31m" in result.stdout


def test_help_has_an_example(cli: Cli) -> None:
    assert "Example:  workbench check" in cli("check", "--help").stdout


@pytest.mark.parametrize("command", [["check"], ["inspect", "--json"], ["inspect"], ["onset"]], ids=" ".join)
def test_looking_writes_nothing_and_needs_no_permission_to(command: list[str], run: Path, cli: Cli) -> None:
    """A test that runs as root can still see what would have been written, and the modes and times of what is there."""
    (run / "run.h5").chmod(0o444)
    run.chmod(0o555)
    before = [(path.name, path.stat().st_mtime_ns, path.stat().st_mode) for path in (run, *run.iterdir())]
    assert cli(*command, "run").returncode == 0
    assert [(path.name, path.stat().st_mtime_ns, path.stat().st_mode) for path in (run, *run.iterdir())] == before


AS_NOBODY = """
import os, sys
from contextlib import suppress
from workbench.cli.main import main
with suppress(SystemExit):  # once as root, to load what lies where nobody may look
    main(sys.argv[1:])
os.setuid(65534)
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_of_another_user_can_be_looked_at(run: Path) -> None:
    for path in (run, *(parent for parent in run.parents if "pytest" in str(parent))):
        path.chmod(0o755)
    (run / "run.h5").chmod(0o444)
    for command in (["check"], ["inspect", "--json"], ["onset"]):
        result = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, *command, str(run)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr


def test_checking_loads_nothing_heavy(run: Path) -> None:
    assert loaded_by("check", run) == []
