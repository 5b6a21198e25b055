"""Bad input: exit 2, one line that names the thing and the way out, nothing written, nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli, assert_refused

QUICK = ("--width", 2, "--epochs", 1, "--train-size", 20, "--probe-size", 10, "--train-probe-size", 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "fgms"], ["unknown method 'fgms'", "fgsm-der"]),
        (["--data", "cifar"], ["unknown data 'cifar'", "digits", "folder:DIR"]),
        (["--data", "folder:nowhere"], ["nowhere/train", "expected DIR/train/CLASS"]),
        (["--data", "npz:nowhere.npz"], ["nowhere.npz"]),
        (["--model", "resnet-1000"], ["unknown model 'resnet-1000'", "preact-resnet18"]),
        (["--eps", "0"], ["eps must lie in (0, 1]"]),
        (["--eps=-8/255"], ["eps must lie in (0, 1]"]),
        (["--eps", "8/0"], ["not a number", "8/255"]),
        (["--eps", "nan"], ["not a number"]),
        (["--eps", "eight"], ["not a number", "8/255"]),
        (["--epochs", "0"], ["epochs must be at least 1"]),
        (["--epochs", "many"], ["--epochs"]),
        (["--lr", "-1"], ["lr must be"]),
        (["--schedule", "zigzag"], ["schedule must be one of", "triangular"]),
        (["--batch-size", "1"], ["batch_size must be at least 2"]),
        (["--method", "fgsm", "--der-beta", "1"], ["fgsm-der"]),
        (["--device", "abacus"], ["abacus", "--device"]),
        (["--record", "some"], ["record must be all, probe or subset:N"]),
        (["--nonsense"], ["--nonsense"]),
        (["--config", "nowhere.toml"], ["nowhere.toml"]),
        (["--resume", "nowhere"], ["nowhere holds no run to resume"]),
        (["--resume", "nowhere", "--lr", "1"], ["drop --lr"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_train_refuses(arguments: list[str], words: list[str], cli: Cli, tmp_path: Path) -> None:
    assert_refused(
        cli("train", *arguments, "--out", "run") if "--resume" not in arguments else cli("train", *arguments), *words
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 2\nepohcs = 3\n", ["unknown setting epohcs", "epochs"]),
        ("eps = 'x'\n", ["not a number"]),
        ("epochs = 'two'\n", ["epochs must be of type int"]),
        ("epochs = true\n", ["epochs must be of type int"]),
        ("epochs 2\n", ["cannot read the configuration", "run.toml"]),
        ("method = 3\n", ["unknown method"]),
    ],
)
def test_train_refuses_a_bad_configuration(text: str, words: list[str], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(text)
    assert_refused(cli("train", "--config", "run.toml", "--out", "run"), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


def test_a_taken_directory_is_refused_and_left_alone(cli: Cli, tmp_path: Path) -> None:
    assert cli("train", *QUICK, "--out", "run").returncode == 0
    before = (tmp_path / "run" / "run.h5").read_bytes()
    assert_refused(cli("train", *QUICK, "--out", "run"), "already holds a run", "--resume")
    assert (tmp_path / "run" / "run.h5").read_bytes() == before
    again = cli("train", "--resume", "run")
    assert again.returncode == 0
    assert "already finished" in again.stderr


def _save_image(path: Path, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), dtype=np.uint8)).save(path)


def test_bad_image_folders_are_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty" / "train" / "cat").mkdir(parents=True)
    assert_refused(cli("train", "--data", "folder:empty", "--out", "run"), "no .jpg or .png images", "empty/train")
    for number in range(30):
        _save_image(tmp_path / "broken" / "train" / "cat" / f"{number:02}.png", (8, 8))
    (tmp_path / "broken" / "train" / "cat" / "07.png").write_bytes(b"\x89PNG\r\n\x1a\n, cut off")
    assert_refused(cli("train", *QUICK, "--data", "folder:broken", "--out", "run"), "cat/07.png")
    _save_image(tmp_path / "broken" / "train" / "cat" / "07.png", (9, 8))
    assert_refused(cli("train", *QUICK, "--data", "folder:broken", "--out", "run"), "8x9", "resize")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def bad_logs(tmp_path: Path, cli: Cli) -> dict[str, Path]:
    assert cli("train", *QUICK, "--out", "good").returncode == 0
    (tmp_path / "text.h5").write_text("not HDF5 at all")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["data"] = np.arange(3)
    whole = (tmp_path / "good" / "run.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing").mkdir()
    return {name: tmp_path / name for name in ("text.h5", "foreign.h5", "cut.h5", "nothing", "missing.h5")}


@pytest.mark.parametrize("command", [["inspect"], ["inspect", "--json"], ["onset"]], ids=" ".join)
def test_bad_logs_are_refused(command: list[str], bad_logs: dict[str, Path], cli: Cli) -> None:
    for name, path in bad_logs.items():
        assert_refused(cli(*command, path), name)


def test_an_error_line_cannot_carry_escapes(cli: Cli) -> None:
    result = cli("inspect", "evil\x1b[31m\nname.h5")
    assert_refused(result, "evil\\x1b[31m")


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m workbench methods | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert result.stderr == ""


@pytest.mark.parametrize("limit", [100, 20_000, 70_000])
def test_a_full_disk_costs_nothing_that_was_committed(limit: int, tmp_path: Path, cli: Cli) -> None:
    """The log or a checkpoint no longer fits: one line, exit 2, and --resume finishes the run when there is room."""
    settings = ("--width", 2, "--epochs", 12, "--train-size", 300, "--probe-size", 50, "--train-probe-size", 0)
    result = cli("train", *settings, "--out", "run", file_size=limit)
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("workbench: "), result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.rglob("*.tmp*"))
    if (tmp_path / "run" / "config.toml").exists():
        done = cli("train", "--resume", "run")
        assert done.returncode == 0, done.stderr
        assert cli("inspect", "run", "--json").returncode == 0


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="needs a read-only file system")
def test_a_read_only_place_is_refused(cli: Cli) -> None:
    result = cli("train", *QUICK, "--out", "/proc/sys/run")
    assert_refused(result, "/proc/sys/run")
