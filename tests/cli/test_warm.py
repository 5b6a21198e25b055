"""The command line that tests run (``tests/warm.py``) against a process of its own."""

import re
import subprocess
from pathlib import Path

import pytest
import torch

from tests.cli.test_onset_watch import open_writer
from tests.conftest import Cli, write_small_log
from tests.warm import Workbench, fresh
from trainers.checkpoints import load_weights

TINY = ("--width", 4, "--epochs", 1, "--train-size", 100, "--probe-size", 20, "--train-probe-size", 0)


def lasting(text: str) -> str:
    """What is printed, without the lines that say when, and the name that is made of it."""
    return re.sub(r'^((run|created) |  +"heartbeat_age_seconds").*\n', "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["train", "--method", "fgms", "--out", "run"], 2), (["inspect", "run", "--json"], 0)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_says_what_a_process_says(arguments: list[str], code: int, cli: Cli, fresh_cli: Cli, tmp_path: Path) -> None:
    if "inspect" in arguments:
        (tmp_path / "run").mkdir()
        write_small_log(tmp_path / "run")
    warm, own = cli(*arguments), fresh_cli(*arguments)
    assert (warm.returncode, own.returncode) == (code, code)
    assert (lasting(warm.stdout), warm.stderr) == (lasting(own.stdout), own.stderr)


def test_it_trains_what_a_process_trains(tmp_path: Path, workbench: Workbench) -> None:
    trained = []
    for run in (workbench, fresh):
        folder = tmp_path / str(len(trained))
        folder.mkdir()
        result = run("train", *TINY, "--out", "run", cwd=folder)
        assert result.returncode == 0, result.stderr
        model, _ = load_weights(folder / "run" / "checkpoints" / "epoch-000000.safetensors")
        trained.append((lasting(result.stdout), result.stderr, model.state_dict()))
    (*said, weights), (*said_fresh, weights_fresh) = trained
    assert said == said_fresh
    assert len(said[0].splitlines()) > 5
    assert weights.keys() == weights_fresh.keys()
    assert all(torch.equal(weights[name], weights_fresh[name]) for name in weights)


def test_a_command_that_does_not_end_is_killed(cli: Cli, tmp_path: Path) -> None:
    with open_writer(tmp_path / "run"), pytest.raises(subprocess.TimeoutExpired):
        cli("onset", "--watch", "run", timeout=1)
    assert cli("--version").returncode == 0, "and the next one runs"


def test_what_libraries_read_at_import_cannot_be_changed(cli: Cli) -> None:
    with pytest.raises(AssertionError, match="fresh_cli"):
        cli("--help", OMP_NUM_THREADS="7")
