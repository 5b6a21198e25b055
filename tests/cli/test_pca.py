"""``workbench pca`` as a process: its table, its files, its second start, and what it refuses."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.conftest import Cli, assert_refused
from tests.warm import Workbench
from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model
from workbench.pca import load_pca

DIGITS = tuple("0123456789")


def write_checkpoint(path: Path, **facts: object) -> Path:
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.5,), std=(0.25,))
    known = {"data": "digits", "class_names": DIGITS, "image_shape": (1, 8, 8), "probe_size": 300}
    save_weights(path, build_model(spec), spec, known | facts)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, workbench: Workbench) -> Path:
    """A folder with a checkpoint whose PCA was fitted by the command."""
    folder = tmp_path_factory.mktemp("fitted")
    write_checkpoint(folder / "model.safetensors")
    result = workbench("pca", "model.safetensors", cwd=folder)
    result.check_returncode()
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder


def test_the_table_is_plain_and_true(fitted: Path) -> None:
    output = (fitted / "stdout").read_text()
    assert (fitted / "stderr").read_text() == ""
    assert "\x1b" not in output
    assert "▀" not in output
    assert max(map(len, output.splitlines())) <= 80
    pca = load_pca(fitted / "model.generation" / "pca-pixels-v0.95.safetensors")
    rows = re.findall(r"^(\d) +(\d+) +(\d+) +([\d.]+)% +([\d.]+)%$", output, re.MULTILINE)
    assert [row[0] for row in rows] == list(DIGITS)
    for group, (_, count, components, explained, first) in enumerate(rows):
        share = pca.explained_variance_ratio[group]
        assert (int(count), int(components)) == (pca.count[group], len(share))
        assert float(explained) == pytest.approx(100 * share.sum(), abs=0.06)
        assert float(first) == pytest.approx(100 * share[0], abs=0.06)
    assert "model.generation/pca-pixels-v0.95.safetensors\n" in output
    means = pca.mean.reshape(10, 8, 8)
    digits = load_digits()
    for label in range(10):  # of the training split, so near the mean over all digits
        assert np.abs(means[label] - digits.images[digits.target == label].mean(0) / 16).max() < 0.1


def test_the_figures_are_pictures(fitted: Path) -> None:
    names = {path.name for path in (fitted / "model.generation").iterdir()}
    stem = "pca-pixels-v0.95"
    assert names == {f"{stem}.safetensors", *(f"{stem}-{name}.png" for name in ("scree", "means", "components"))}
    for name in ("scree", "means", "components"):
        with Image.open(fitted / "model.generation" / f"{stem}-{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 10


def test_the_second_start_reads(fitted: Path, cli: Cli) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (fitted / "model.generation").iterdir()}
    result = cli("pca", fitted / "model.safetensors", "--json")
    assert result.returncode == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["fitted_now"] is False
    assert value["facts"]["data"] == "digits"
    assert len(value["groups"]) == 10
    assert value["groups"][3]["class"] == "3"
    assert value["groups"][3]["explained_variance"] >= 0.95
    assert value["fewer_components"] == []
    assert [Path(figure).name for figure in value["figures"]] == [
        f"pca-pixels-v0.95-{name}.png" for name in ("scree", "means", "components")
    ]
    assert {path.name: path.stat().st_mtime_ns for path in (fitted / "model.generation").iterdir()} == before


def test_local_clusters_and_another_folder_with_a_damaged_file(fitted: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pca-pixels-k40-local3.safetensors").write_bytes(b"nothing")
    result = cli("pca", fitted / "model.safetensors", "--local", 3, "--components", 40, "--out", "mine")
    assert result.returncode == 0, result.stderr
    assert "mine/pca-pixels-k40-local3.safetensors" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    pca = load_pca(tmp_path / "mine" / "pca-pixels-k40-local3.safetensors")
    assert pca.num_groups == 30
    assert len(re.findall(r"^\d +[\d.]+% +\d+ +\d+ ", result.stdout, re.MULTILINE)) == 30
    few = [f"{pca.facts.class_names[pca.label[i]]} ({pca.num_components[i]})" for i in pca.fewer()]
    assert few
    assert f"Fewer than 40 components, for want of samples or dimensions: {', '.join(few)}." in " ".join(
        result.stdout.split()
    )


def test_features_have_a_scree_plot_only(fitted: Path, cli: Cli, tmp_path: Path) -> None:
    result = cli("pca", fitted / "model.safetensors", "--space", "features", "--out", tmp_path, "--json")
    assert result.returncode == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["fitted_now"] is True
    assert [Path(figure).name for figure in value["figures"]] == ["pca-features-v0.95-scree.png"]
    assert load_pca(Path(value["path"])).mean.shape == (10, 8)


HOSTILE = ("[bold]$x^2$", "b\x1b[31m", "c:smile:")


def test_names_from_files_are_shown_as_they_are(cli: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 5, 6, 1), dtype=np.uint8), np.arange(60) % 3
    np.savez(tmp_path / "data.npz", x_train=images, y_train=labels, class_names=np.array(HOSTILE))
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=3, mean=(0.5,), std=(0.25,))
    facts = {"class_names": HOSTILE, "image_shape": (1, 5, 6), "probe_size": 6}
    save_weights(tmp_path / "model.safetensors", build_model(spec), spec, facts)
    result = cli("pca", "model.safetensors", "--data", "npz:data.npz")
    assert result.returncode == 0, result.stderr
    for name in ("[bold]$x^2$", "b\\x1b[31m", "c:smile:"):
        assert name in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variance", "1.5"], ["variance must lie in (0, 1]"]),
        (["--variance", "0.9", "--components", "4"], ["--variance or --components"]),
        (["--components", "0"], ["components must be at least 1"]),
        (["--local", "500"], ["class 0 has", "500 clusters", "--local"]),
        (["--epoch", "3"], ["--epoch"]),
        (["--data", "npz:other.npz"], ["1×8×8", "1×5×6", "other.npz"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused(arguments: list[str], words: list[str], cli: Cli, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model.safetensors")
    images, labels = np.zeros((600, 5, 6, 1), dtype=np.uint8), np.arange(600) % 10
    np.savez(tmp_path / "other.npz", x_train=images, y_train=labels, class_names=np.array(DIGITS))
    assert_refused(cli("pca", "model.safetensors", *arguments), *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "other.npz"]


def test_what_is_no_checkpoint_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").mkdir()
    assert_refused(cli("pca", "text"), "text")
    assert_refused(cli("pca", "empty"), "empty", "checkpoint")
    assert_refused(cli("pca", "nowhere"), "nowhere")


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[..., str]:
    """Run the command with a pseudo-terminal for all streams; what it prints."""

    def run(*arguments: object, **environment: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "pca", *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "90", "LINES": "40", "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        except OSError:  # the end of a pseudo-terminal on Linux
            pass
        os.close(ours)
        assert process.wait(timeout=60) == 0
        return b"".join(chunks).decode()

    return run


def test_a_terminal_shows_the_class_means(fitted: Path, terminal: Callable[..., str]) -> None:
    colourful = terminal(fitted / "model.safetensors", COLORTERM="truecolor")
    assert "Class means: 0, 1, 2" in colourful
    assert "\x1b[38;2;" in colourful
    assert colourful.count("▀") > 200
    plain = terminal(fitted / "model.safetensors", NO_COLOR="1")
    assert "Class means: 0, 1, 2" in plain
    assert "▀" not in plain
    assert "@" in plain
