"""``workbench sample`` as users run it: in a pipe, killed, gone on with, on two processes, on bad input."""

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Cli, assert_refused
from tests.warm import Workbench
from trainers.checkpoints import load_weights, save_weights
from trainers.models import ModelSpec, build_model
from workbench.sampling.files import ended_chains, read_rows
from workbench.sampling.samples import read_samples
from workbench.sampling.tables import COLUMNS, NAME

TINY = ("--method", "fgsm", "--width", 4, "--epochs", 1, "--train-size", 300, "--probe-size", 20)
MANY = ("--class", "all", "--num", 30, "--steps", 12, "--stop", "fixed", "--noise", 0.02)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, workbench: Workbench) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    workbench("train", *TINY, "--train-probe-size", 0, "--out", "run", cwd=folder).check_returncode()
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def uninterrupted(trained: Path, workbench: Workbench) -> Path:
    workbench("sample", "run", *MANY, "--out", "whole", cwd=trained.parent).check_returncode()
    return trained.parent / "whole"


def assert_ends(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit 2 with one last line that holds the words; what took long may have been said before."""
    assert result.stdout == ""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("workbench: ")
    for word in words:
        assert word in last, last


def assert_same_samples(one: Path, other: Path) -> None:
    """The same chains with the same images, within one grey level; energies to rounding."""
    a, b = (read_rows(path / NAME, tuple(COLUMNS))[0] for path in (one, other))
    for name in ("chain", "label", "stop_step", "reason"):
        np.testing.assert_array_equal(a[name], b[name])
    assert np.abs(a["image"].astype(int) - b["image"].astype(int)).max() <= 1
    np.testing.assert_allclose(a["joint_energy"], b["joint_energy"], atol=1e-3)


def test_what_it_leaves_behind(run: Path, cli: Cli, tmp_path: Path) -> None:
    result = cli("sample", "run", "--class", 3, "--num", 5, "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "5 images in out" in result.stdout
    assert "workbench score out --against digits" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("sample  5/5")
    assert "\x1b" not in result.stdout + result.stderr
    assert len(list((tmp_path / "out" / "images" / "3").glob("*.png"))) == 5
    with Image.open(tmp_path / "out" / "grid.png") as grid:
        assert grid.size[0] > 64
    rows, facts = read_rows(tmp_path / "out" / NAME, tuple(COLUMNS))
    assert set(rows["label"].tolist()) == {3}
    for i, last in enumerate(rows["stop_step"]):
        assert np.isfinite(rows["joint_energy"][i, : last + 1]).all()
        assert np.isnan(rows["joint_energy"][i, last + 1 :]).all()
    assert facts["sampling"]["seed"] == 0
    assert facts["data"] == "digits"
    assert len(facts["checkpoint_digest"]) == 64


def test_energies_are_the_model_s_own(run: Path, cli: Cli, tmp_path: Path) -> None:
    """E(x,y) and E(x) of the last step, from the unrounded image, by numpy."""
    assert cli("sample", "run", "--num", 6, "--out", "out", "--epoch", "last").returncode == 0
    rows, facts = read_rows(tmp_path / "out" / NAME, tuple(COLUMNS))
    model, _ = load_weights(Path(facts["checkpoint"]))
    with torch.no_grad():
        logits = model(torch.from_numpy(rows["x"])).double().numpy()
    last = np.arange(6), rows["stop_step"]
    np.testing.assert_allclose(rows["joint_energy"][last], -logits[np.arange(6), rows["label"]], atol=1e-4)
    np.testing.assert_allclose(rows["marginal_energy"][last], -np.log(np.exp(logits).sum(1)), atol=1e-4)


def test_json_and_a_default_folder_each(run: Path, cli: Cli) -> None:
    first, second = (json.loads(cli("sample", "run", "--num", 2, "--json").stdout) for _ in range(2))
    assert first["chains"] == 2
    assert first["samples"] != second["samples"]
    assert first["samples"].startswith("run/generation/samples-")
    assert sum(first["ended"].values()) == 2


def test_a_checkpoint_by_itself(run: Path, cli: Cli, tmp_path: Path) -> None:
    weights = next((run / "checkpoints").glob("epoch-*.safetensors"))
    shutil.copy(weights, tmp_path / "alone.safetensors")
    result = cli("sample", "alone.safetensors", "--class", "1,7", "--num", 4)
    assert result.returncode == 0, result.stderr
    assert read_samples(tmp_path / "alone.generation" / "samples-000").labels.tolist() == [1, 7, 1, 7]


def test_more_images_and_more_steps(run: Path, cli: Cli, uninterrupted: Path, tmp_path: Path) -> None:
    few = [value if value != 30 else 11 for value in MANY]
    few[few.index("--steps") + 1] = 5
    assert cli("sample", "run", *few, "--out", "out").returncode == 0
    assert cli("sample", "--resume", "out", "--steps", 12).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    assert cli("sample", "--resume", "out", "--num", 30, "--batch-size", 4).returncode == 0
    assert_same_samples(tmp_path / "out", uninterrupted)
    pictures = {path: at for path, at in before.items() if path.name != "grid.png"}
    assert {path: path.stat().st_mtime_ns for path in pictures} == pictures, "what had ended is not made again"
    assert_refused(cli("sample", "--resume", "out", "--num", 3), "--num", "30")


def test_the_same_command_again_goes_on(run: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("sample", "run", "--num", 3, "--out", "out").returncode == 0
    before = (tmp_path / "out" / "images").stat().st_mtime_ns
    again = cli("sample", "run", "--num", 3, "--out", "out")
    assert again.returncode == 0
    assert "3 images" in again.stdout
    assert (tmp_path / "out" / "images").stat().st_mtime_ns == before
    assert_refused(cli("sample", "run", "--num", 3, "--seed", 1, "--out", "out"), "out", "--resume")


@pytest.mark.parametrize("attempt", range(int(os.environ.get("SAMPLING_KILLS", "2"))))
def test_kill_9_loses_only_chains_in_flight(
    attempt: int, run: Path, cli: Cli, uninterrupted: Path, tmp_path: Path
) -> None:
    """Killed at a random moment after chains began to end; what was on disk stays, and --resume completes it."""
    command = [sys.executable, "-m", "workbench", "sample", "run", *map(str, MANY), "--batch-size", "3", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    segments = tmp_path / "out" / f"{NAME}.d"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and not list(segments.glob("*.h5")):
        time.sleep(0.005)
    time.sleep(random.Random(attempt).uniform(0, 0.4))
    process.send_signal(signal.SIGKILL)
    process.wait()
    ended = ended_chains(tmp_path / "out")
    assert ended
    images = {path: path.read_bytes() for path in (tmp_path / "out" / "images").rglob("*.png")}
    result = cli("sample", "--resume", "out")
    assert result.returncode == 0, result.stderr
    assert_same_samples(tmp_path / "out", uninterrupted)
    assert all(path.read_bytes() == content for path, content in images.items())
    assert not list((tmp_path / "out").rglob("*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_keeps_what_has_ended(
    number: signal.Signals, run: Path, cli: Cli, uninterrupted: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "workbench", "sample", "run", *map(str, MANY), "--batch-size", "1", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and not list((tmp_path / "out").rglob("*.png")):
        time.sleep(0.005)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number, error
    assert "workbench sample --resume out" in error
    assert "Traceback" not in error
    assert cli("sample", "--resume", "out").returncode == 0
    assert_same_samples(tmp_path / "out", uninterrupted)


def test_two_processes_make_the_images_of_one(run: Path, cli: Cli, uninterrupted: Path, tmp_path: Path) -> None:
    result = cli("sample", "run", *MANY, "--out", "out", "--device", "cpu", "--devices", 2, timeout=240)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("30 images in out") == 1
    assert_same_samples(tmp_path / "out", uninterrupted)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--class", "12"], ["no class '12'", "0 to 9"]),
        (["--class", "cat"], ["no class 'cat'"]),
        (["--num", "0"], ["--num must be at least 1"]),
        (["--stop-tol", "0"], ["--stop-tol must be"]),
        (["--stop-tol=-1"], ["--stop-tol must be"]),
        (["--stop", "never"], ["--stop must be one of", "adaptive"]),
        (["--start", "pka"], ["--start must be one of", "local-pca"]),
        (["--guidance", "joy"], ["guidance", "joint+0.3*marginal"]),
        (["--step-size", "0"], ["--step-size must be"]),
        (["--step-size", "1e39"], ["--step-size must be"]),
        (["--step-size", "x"], ["not a number"]),
        (["--momentum", "1"], ["--momentum must be in [0, 1)"]),
        (["--variance", "0"], ["--variance must be in (0, 1]"]),
        (["--noise", "nan"], ["--noise must be"]),
        (["--steps", "2000000"], ["--steps must be below"]),
        (["--seed=-1"], ["--seed must be at least 0"]),
        (["--epoch", "77"], ["no checkpoint of epoch '77'", "best, last, 0"]),
        (["--device", "abacus"], ["abacus", "--device"]),
        (["--data", "npz:other.npz"], ["1×8×8", "1×9×9"]),
        (["--data", "folder:nowhere"], ["nowhere"]),
        (["--resume", "nowhere"], ["--resume", "RUN"]),
        (["--class", ""], ["no class ''"]),
        (["--start", "noise", "--variance", "0.5"], ["--variance makes no difference", "--start noise"]),
        (["--local", "9"], ["--local makes no difference"]),
        (["--stop", "fixed", "--stop-tol", "5"], ["--stop-tol makes no difference", "--stop fixed"]),
        (["--min-steps", "50", "--steps", "9"], ["--min-steps 50 leaves --stop adaptive no step of 9"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_settings_are_refused(arguments: list[str], words: list[str], run: Path, cli: Cli, tmp_path: Path) -> None:
    if "npz:other.npz" in arguments:
        labels = np.arange(400) % 10
        np.savez(tmp_path / "other.npz", x_train=np.zeros((400, 9, 9), np.uint8), y_train=labels)
    assert_ends(cli("sample", "run", *arguments, *([] if "--resume" in arguments else ["--out", "out"])), *words)
    assert not (tmp_path / "out").exists(), "the next attempt finds a free folder"


def test_nothing_to_sample_from_is_refused(cli: Cli, tmp_path: Path) -> None:
    assert_refused(cli("sample"), "run directory or a checkpoint")
    assert_refused(cli("sample", "nowhere"), "nowhere")
    assert_refused(cli("sample", "--resume", "nowhere"), "nowhere", "sampling.toml")
    assert_refused(cli("sample", "--resume", "nowhere", "--epoch", "last"), "drop --epoch")
    (tmp_path / "empty").mkdir()
    assert_refused(cli("sample", "empty"), "empty", "no checkpoints")
    (tmp_path / "junk.safetensors").write_bytes(b"\x80\x04junk")
    assert_refused(cli("sample", "junk.safetensors"), "junk.safetensors")


def test_a_model_that_is_not_finite_drops_its_chains(cli: Cli, tmp_path: Path) -> None:
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.3,), std=(0.3,))
    model = build_model(spec)
    with torch.no_grad():
        model.linear.bias.fill_(torch.nan)
    facts = {"data": "digits", "class_names": list("0123456789"), "image_shape": [1, 8, 8]}
    save_weights(tmp_path / "nan.safetensors", model, spec, facts)
    assert_ends(cli("sample", "nan.safetensors", "--num", 3, "--start", "noise"), "not finite", "nan.safetensors")
    result = cli("sample", "nan.safetensors", "--num", 3, "--start", "noise", "--stop", "fixed", "--out", "out")
    assert result.returncode == 2
    assert "all 3 chains diverged" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_model_for_other_images_is_refused(cli: Cli, tmp_path: Path) -> None:
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.3,), std=(0.3,))
    facts = {"data": "digits", "class_names": list("0123456789"), "image_shape": [1, 28, 28]}
    save_weights(tmp_path / "mnist.safetensors", build_model(spec), spec, facts)
    assert_ends(cli("sample", "mnist.safetensors", "--num", 3), "1×28×28", "1×8×8")


def test_a_checkpoint_that_changed_is_not_gone_on_with(run: Path, cli: Cli) -> None:
    assert cli("sample", "run", "--num", 2, "--out", "out").returncode == 0
    weights = next((run / "checkpoints").glob("epoch-*.safetensors"))
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert_refused(cli("sample", "--resume", "out", "--num", 4), "has changed")
    weights.unlink()
    assert_refused(cli("sample", "--resume", "out", "--num", 4), weights.name)


def test_two_commands_do_not_share_a_folder(run: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        assert_refused(cli("sample", "run", "--num", 2, "--out", "out"), "another command", "out")
    finally:
        os.close(handle)
    assert cli("sample", "run", "--num", 2, "--out", "out").returncode == 0


def test_a_run_that_was_moved_is_gone_on_with(run: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("sample", "run", "--num", 2).returncode == 0
    run.rename(tmp_path / "moved")
    assert cli("sample", "--resume", "moved/generation/samples-000", "--num", 3).returncode == 0


def test_a_run_that_cannot_be_written_is_sampled_all_the_same(run: Path, cli: Cli) -> None:
    shutil.rmtree(run / "generation", ignore_errors=True)
    (run / "generation").write_text("in the way")
    result = cli("sample", "run", "--num", 2, "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "not kept" in result.stderr
    assert_refused(cli("sample", "run", "--num", 2), "generation", "--out")


@pytest.mark.parametrize("limit", [200, 9_000, 30_000])
def test_a_full_disk_costs_nothing_that_was_written(
    limit: int, run: Path, cli: Cli, uninterrupted: Path, tmp_path: Path
) -> None:
    assert cli("pca", "run").returncode == 0
    result = cli("sample", "run", *MANY, "--out", "out", file_size=limit)
    assert result.returncode == 2, result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("workbench: ")
    assert "Traceback" not in result.stderr
    if (tmp_path / "out" / "sampling.toml").exists():
        assert cli("sample", "--resume", "out").returncode == 0
        assert_same_samples(tmp_path / "out", uninterrupted)
