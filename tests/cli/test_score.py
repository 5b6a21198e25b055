"""``workbench score``: tables, JSON, the file beside the samples, and refusals of one line."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from tests.conftest import Cli, assert_refused
from trainers.checkpoints import save_weights
from trainers.data import load_test
from trainers.models import ModelSpec, build_model
from workbench.cli.main import main

Score = Callable[..., tuple[int, str, str]]


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """The first 40 test digits as PNG files by class."""
    test = load_test("digits")
    folder = tmp_path / "samples"
    for i in range(40):
        path = folder / str(int(test.labels[i])) / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((test.images[i, 0].numpy() * (255 / 16)).round().astype(np.uint8)).save(path)
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An untrained network for digits."""
    return network(tmp_path / "network.safetensors")


def network(path: Path, scale: float = 1.0) -> Path:
    torch.manual_seed(0)
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.3,), std=(0.3,))
    model = build_model(spec)
    with torch.no_grad():
        model.linear.weight *= scale
    save_weights(path, model, spec, {"class_names": list("0123456789"), "image_shape": [1, 8, 8]})
    return path


@pytest.fixture
def score(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Score:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(import_module("workbench.quality.score"), "git_revision", lambda: "0123abc")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["score", "--device", "cpu", "--cache", str(tmp_path / "cache"), *map(str, arguments)])
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return run


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, ""), err
    *_, last = err.strip().splitlines()  # progress may come before
    assert last.startswith("workbench: ")
    for word in words:
        assert word in last, last


def test_a_process_of_its_own_prints_scores_and_leaves_a_file(cli: Cli, samples: Path, checkpoint: Path) -> None:
    arguments = ("score", samples, "--against", "digits", "--features", f"classifier:{checkpoint}", "--judge", "svm")
    result = cli(*arguments, XDG_CACHE_HOME=str(samples.parent / "cache"))
    assert result.returncode == 0, result.stderr
    for words in ("FID", "KID", "coverage", "not comparable to papers", "1,497 images", "judge      svm, right on 98"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    (file,) = samples.glob("score-classifier-*.json")
    value = json.loads(file.read_text())
    assert value["samples"]["num"] == 40
    assert value["scores"]["agreement"]["value"] >= 0.9
    assert list((samples.parent / "cache" / "workbench" / "references").glob("*.safetensors"))
    assert f"Written to {file}" in result.stderr
    assert "digits (train): 1,497" in result.stderr


def test_json_is_all_that_is_printed_and_the_same_again(score: Score, samples: Path, checkpoint: Path) -> None:
    arguments = (samples, "--against", "digits", "--features", f"classifier:{checkpoint}", "--json", "--num", 30)
    code, out, err = score(*arguments)
    assert code == 0, err
    value: dict[str, Any] = json.loads(out)
    assert value["samples"]["num"] == 30
    assert value["judge"]["name"] == f"classifier:{checkpoint}"
    (file,) = samples.glob("score-*.json")
    assert json.loads(file.read_text()) == value
    again = json.loads(score(*arguments)[1])
    assert again.pop("created") >= value.pop("created")
    assert again == value
    assert list(samples.glob("score-*.json")) == [file]
    _, seeded, _ = score(*arguments, "--seed", 5)
    assert json.loads(seeded)["scores"]["kid"] != value["scores"]["kid"]
    assert json.loads(seeded)["scores"]["fid"] == value["scores"]["fid"]


def test_scores_of_another_question_do_not_replace_the_first(score: Score, samples: Path, checkpoint: Path) -> None:
    arguments = (samples, "--against", "digits", "--features", f"classifier:{checkpoint}")
    settings: tuple[tuple[object, ...], ...] = (
        (),
        ("--split", "test"),
        ("--num", 30),
        ("--k", 3),
        ("--seed", 1),
        ("--judge", "svm"),
    )
    for more in settings:
        assert score(*arguments, *more)[0] == 0
    files = sorted(samples.glob("score-*.json"))
    assert sum("-digits-train-" in file.name for file in files) == 5
    values = [json.loads(file.read_text()) for file in files]
    asked = [
        (value["reference"]["split"], value["samples"]["num"], *map(value["settings"].get, ("k", "seed")))
        for value in values
        if value["judge"]["name"] != "svm"
    ]
    assert len(files) == len(set(asked)) + 1 == 6
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    for value in values:
        assert abs(datetime.now(UTC) - datetime.fromisoformat(value["created"])) < timedelta(minutes=5)
        assert value["git_revision"] == "0123abc"
        assert value["judge"]["digest"] == (None if value["judge"]["name"] == "svm" else digest)


def test_the_reference_is_computed_once(score: Score, samples: Path, checkpoint: Path) -> None:
    arguments = (samples, "--against", "digits", "--features", f"classifier:{checkpoint}")
    assert "digits (train): 1,497" in score(*arguments)[2]
    assert "digits (train)" not in score(*arguments)[2]
    assert "digits (test): 300" in score(*arguments, "--split", "test")[2]


def test_test_digits_are_found_among_the_test_digits(score: Score, samples: Path, checkpoint: Path) -> None:
    arguments = ("--against", "digits", "--features", f"classifier:{checkpoint}", "--split", "test", "--json")
    value = json.loads(score(samples, *arguments)[1])
    assert value["reference"] == {"data": "digits", "split": "test", "num": 300}
    assert value["scores"]["precision"]["value"] == 1.0


def test_a_bar_is_drawn_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    from workbench.cli.scoring import ScoreProgress

    progress = ScoreProgress(Console(stderr=True, force_terminal=True, width=80))
    with progress.shown():
        progress.show("samples \x1b[31m", 3, 10)
    err = capsys.readouterr().err
    assert "3/10" in err
    assert "samples \\x1b[31m" in err


def test_a_reader_of_stderr_that_goes_away_ends_nothing(samples: Path, checkpoint: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = ("score", samples, "--against", "digits", "--features", f"classifier:{checkpoint}", "--json")
    result = subprocess.run(
        [sys.executable, "-m", "workbench", *map(str, command), "--cache", str(samples.parent / "cache")],
        stdout=subprocess.PIPE,
        stderr=write,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(write)
    assert result.returncode == 0
    assert json.loads(result.stdout)["samples"]["num"] == 40
    assert list(samples.glob("score-*.json"))


def test_inception_without_its_extra_is_one_clear_line(
    score: Score, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    result = score(samples, "--against", "digits")
    refused(result, "Inception scores were not run", "pip install 'workbench[fid]'", "classifier:CHECKPOINT")
    assert len(result[2].splitlines()) == 1


BAD_OPTIONS = {
    "no neighbours": (("--k", 0), "--k must be at least 1; got 0"),
    "one sample": (("--num", 1), "--num must be at least 2; got 1"),
    "no batch": (("--batch-size", 0), "--batch-size must be at least 1"),
    "a negative seed": (("--seed", -1), "--seed must be at least 0"),
    "too many samples": (("--num", 41), "holds 40 images, fewer than --num 41"),
    "another split": (("--split", "probe"), "unknown split 'probe'; known are train, test"),
    "another judge": (("--judge", "me"), "unknown judge 'me'"),
    "other features": (("--features", "dino"), "unknown features 'dino'"),
    "other data": (("--against", "mnist"), "unknown data 'mnist'"),
    "no device": (("--device", "abacus"), "cannot use the device 'abacus'"),
}


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_options_are_refused(
    score: Score, samples: Path, checkpoint: Path, options: tuple[object, ...], message: str
) -> None:
    refused(score(samples, "--against", "digits", "--features", f"classifier:{checkpoint}", *options), message)
    assert not list(samples.glob("score-*"))


def test_samples_that_do_not_fit_are_refused(score: Score, samples: Path, checkpoint: Path, tmp_path: Path) -> None:
    options = ("--against", "digits", "--features", f"classifier:{checkpoint}")
    refused(score(tmp_path / "none", *options), "none")
    (samples / "3").rename(samples / "three")
    refused(score(samples, *options), "has a class 'three', which digits has not")
    lonely = tmp_path / "lonely" / "3"
    lonely.mkdir(parents=True)
    Image.new("L", (8, 8)).save(lonely / "1.png")
    refused(score(lonely.parent, *options), "fewer than 2 images")
    for name in ("1.png", "2.png"):
        Image.new("RGB", (8, 8)).save(lonely / name)
    refused(score(lonely.parent, *options), "3×8×8, but those of digits are 1×8×8")


def test_a_network_gone_wrong_is_refused(score: Score, samples: Path, tmp_path: Path) -> None:
    broken = network(tmp_path / "broken.safetensors", scale=float("nan"))
    result = score(samples, "--against", "digits", "--features", f"classifier:{broken}")
    refused(result, "features that are not finite")
    assert not list(samples.glob("score-*"))


def test_names_of_files_are_shown_without_effect(score: Score, samples: Path, checkpoint: Path) -> None:
    hostile = samples.rename(samples.with_name("[red]\x1b[2Jsamples[blue]"))
    code, out, err = score(hostile, "--against", "digits", "--features", f"classifier:{checkpoint}")
    assert code == 0
    assert "[red]\\x1b[2Jsamples[blue] against digits" in out
    assert "\x1b" not in out + err


def test_help_has_an_example(cli: Cli) -> None:
    assert "workbench score samples/threes --against digits" in cli("score", "--help").stdout
    assert_refused(cli("score", "samples"), "--against")
