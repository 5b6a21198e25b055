"""``workbench evaluate``: kept checkpoints under strong attacks, beside the run and in ``inspect``."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.cli.test_probe import FACTS, SPEC, Run, foreign, here, trained
from tests.conftest import assert_refused, write_small_log
from trainers.attacks import parse_attacks
from trainers.checkpoints import save_weights
from workbench.evaluation import find_evaluations
from workbench.tui.forms.evaluation import ATTACKS

__all__ = ["here"]

QUICK = ("--attack", "pgd-2-2,fgsm", "--num", "40")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return trained(20)


@pytest.fixture
def run(model: nn.Module, tmp_path: Path) -> Path:
    """A run of one epoch with its checkpoint."""
    folder = write_small_log(tmp_path)
    (folder / "checkpoints").mkdir()
    save_weights(folder / "checkpoints" / "epoch-000000.safetensors", model, SPEC, FACTS)
    return folder


def test_a_run_is_evaluated_and_inspected(run: Path, here: Run) -> None:
    before = here("inspect", ".", "--json")
    assert json.loads(before.stdout)["evaluations"] == []
    assert "Strong evaluations" not in here("inspect", ".").stdout
    result = here("evaluate", ".", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    lines = [line for line in result.stdout.splitlines() if str(run) not in line]
    assert max(map(len, lines)) <= 80
    for words in ("40 test images of digits", "pgd-2-2 by class", "fgsm by class", "worst of all", "95 % interval"):
        assert words in result.stdout
    (stored,) = find_evaluations(run / "evaluation").stored
    assert f"Kept in {stored.path.relative_to(run)}" in result.stdout
    assert (stored.evaluation.run_id, stored.evaluation.epoch, stored.evaluation.split) == ("r", 0, "test")
    assert stored.evaluation.eps == FACTS["eps"]
    shown = json.loads(here("inspect", ".", "--json").stdout)
    assert shown["evaluation_errors"] == []
    (value,) = shown["evaluations"]
    assert value["path"] == str(stored.path.relative_to(run))
    assert [inputs["name"] for inputs in value["inputs"]] == ["natural", "pgd-2-2", "fgsm"]
    text = here("inspect", ".").stdout
    assert "Strong evaluations" in text
    assert f"{stored.evaluation.worst[0].accuracy:.1%}" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_several_are_kept_and_listed(run: Path, here: Run) -> None:
    nothing = here("evaluate", ".", "--list")
    assert nothing.returncode == 0
    assert "None is kept" in nothing.stdout
    for more in (["--epoch", "last"], ["--epoch", "0", "--seed", "1"], ["--split", "probe"], ["--eps", "1/255"]):
        again = here("evaluate", ".", "--attack", "fgsm", "--num", "20", "--json", *more)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["asked"] == ["fgsm"]
    listed = json.loads(here("evaluate", "run.h5", "--list", "--json").stdout)
    assert len(listed["evaluations"]) == 4
    assert {value["split"] for value in listed["evaluations"]} == {"test", "probe"}
    text = here("evaluate", ".", "--list").stdout
    assert text.count("fgsm") == 4
    assert "1/255" in text
    (run / "evaluation" / "bad.json").write_text("{")
    damaged = json.loads(here("inspect", ".", "--json").stdout)
    assert len(damaged["evaluations"]) == 4
    assert "bad.json cannot be shown: it is no JSON" in damaged["evaluation_errors"][0]
    assert_refused(here("evaluate", ".", "--list", "--num", "3"), "--num: of measuring, but --list measures nothing")


def test_a_checkpoint_made_elsewhere(model: nn.Module, here: Run, tmp_path: Path) -> None:
    torch.save({"state_dict": foreign(model, "module.")}, tmp_path / "a.pt")
    command = ["evaluate", "a.pt", "--model", "small-cnn", "--data", "digits", "--mean", "0.3", "--std", "0.38", *QUICK]
    assert_refused(here(*command), "a.pt does not say its eps; give --eps, such as 8/255")
    result = here(*command, "--eps", "0.1", "--shortcut", "raw", "--json")
    assert result.returncode == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["path"].startswith("a.evaluation/a-test-pgd-2-2+fgsm-")
    assert (value["epoch"], value["run_id"], value["eps"]) == (None, None, 0.1)
    assert "stripped 'module.'" in result.stderr
    assert len(json.loads(here("evaluate", "a.pt", "--list", "--json").stdout)["evaluations"]) == 1


def test_bad_usage_is_one_line(run: Path, here: Run, tmp_path: Path) -> None:
    hostile = "pgd-5\x1b[31m\n[red]" + "x" * 9_000
    for arguments, said in (
        (["missing"], "no such run or checkpoint: missing"),
        ([".", "--attack", "square"], "unknown attack 'square'; known are fgsm, pgd-K"),
        ([".", "--attack", hostile], "unknown attack 'pgd-5"),
        ([".", "--attack", "pgd-10-0"], "must have 1 to 1000 restarts"),
        ([".", "--epoch", "3"], "no checkpoint of epoch '3'"),
        ([".", "--num", "301"], "--num 301 is more than the 300 images"),
        ([".", "--split", "all"], "--split must be one of probe, train, test"),
        ([".", "--batch-size", "0"], "--batch-size must be at least 1"),
        ([".", "--eps", "2"], "eps must lie in (0, 1]"),
        (["missing", "--list"], "no such run or checkpoint: missing"),
    ):
        result = here("evaluate", *arguments)
        assert_refused(result, said)
        assert "\x1b" not in result.stderr
        assert len(result.stderr) < 500
    (tmp_path / "empty").mkdir()
    assert_refused(here("evaluate", "empty"), "empty holds no checkpoints")
    assert_refused(here("evaluate", "empty", "--list"), "no such run or checkpoint: empty")
    assert not (run / "evaluation").exists(), "what is refused leaves nothing behind"


def test_data_without_a_test_split(model: nn.Module, here: Run, tmp_path: Path) -> None:
    for label in range(10):
        folder = tmp_path / "images" / "train" / str(label)
        folder.mkdir(parents=True)
        for number in range(2):
            from PIL import Image

            Image.new("L", (8, 8), 25 * label + number).save(folder / f"{number}.png")
    save_weights(tmp_path / "a.safetensors", model, SPEC, FACTS | {"data": "folder:images", "probe_size": 5})
    result = here("evaluate", "a.safetensors", "--attack", "fgsm")
    assert_refused(result, "test")


def test_without_the_extra_autoattack_says_how(run: Path, here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = here("evaluate", ".", "--attack", "autoattack")
    assert_refused(result, "autoattack needs the autoattack extra: pip install -c constraints.txt")


def test_an_interrupted_evaluation_keeps_the_attacks_that_are_whole(run: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "workbench", "evaluate", ".", "--attack", "fgsm,pgd-9000-9"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=run,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline()]
        process.send_signal(signal.SIGINT)
        lines += process.stderr.readlines()
        assert process.wait(60) == 130, lines
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert re.fullmatch(r"evaluate  3\d\d/600  pgd-9000-9  [\d,]+ passes/s\n", lines[0])
    assert lines[-1].startswith("stopped; kept in evaluation/epoch-000000-test-fgsm+pgd-9000-9-")
    assert lines[-1].endswith(": fgsm\n")
    (stored,) = find_evaluations(run / "evaluation").stored
    assert list((run / "evaluation").iterdir()) == [stored.path]
    assert [attack.name for attack in stored.evaluation.attacks] == ["fgsm"]
    assert stored.evaluation.asked == ("fgsm", "pgd-9000-9")


def test_interrupted_within_the_first_attack_nothing_is_kept(
    run: Path, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.evaluation.measure.measure", interrupted)
    result = here("evaluate", ".", *QUICK)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "stopped; no attack is whole, nothing is kept\n"
    assert not (run / "evaluation").exists()


def test_the_app_offers_attacks_that_there_are() -> None:
    pytest.importorskip("pyautoattack")
    assert all(parse_attacks(names) for names in ATTACKS)
