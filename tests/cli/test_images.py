"""``workbench images`` as a process: its lines, its JSON, its picture, and what it refuses."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli, assert_refused
from tests.warm import Workbench
from trainers.energylog import EnergyLog
from workbench.pictured.store import load_pictures

TINY = ("--method", "fgsm", "--width", 4, "--epochs", 2, "--train-size", 300, "--probe-size", 20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, workbench: Workbench) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    workbench("train", *TINY, "--train-probe-size", 0, "--out", "run", cwd=folder).check_returncode()
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def test_a_line_for_each_sample_and_a_picture(run: Path, cli: Cli) -> None:
    with EnergyLog.open(run) as log:
        keys = log.keys("train")
    index, label = keys.index[:3].tolist(), keys.label[:3].tolist()
    asked = ",".join(map(str, index))
    result = cli("images", "run", "--sample", asked, "--epoch", 1, "--out", "grid.png")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()[2:5]]
    assert [(int(row[0]), int(row[1])) for row in rows] == list(zip(index, label, strict=True))
    for row in rows:
        assert float(row[4]) - float(row[5]) == pytest.approx(float(row[6]), abs=0.011)
    assert "fgsm at ε = 0.28, evaluation mode, checkpoint of epoch 1, train split" in result.stdout
    assert "images  3/3  attacking" in result.stderr
    with Image.open(run.parent / "grid.png") as picture:
        assert picture.size == (3 * 96 + 8, 3 * 96 + 8)
        assert np.asarray(picture.convert("L")).std() > 10
    again = cli("images", "run", "--sample", asked, "--epoch", 1, "--json")
    answer = json.loads(again.stdout)
    assert (answer["made_now"], answer["picture"]) == (0, None)
    assert [row["index"] for row in answer["samples"]] == index
    kept = load_pictures(run.parent / answer["path"])
    assert kept.index.tolist() == index
    assert answer["facts"]["epoch"] == 1
    assert answer["facts"]["checkpoint"].endswith("epoch-000001.safetensors")


def test_data_with_another_class_than_the_log_are_refused(run: Path, cli: Cli) -> None:
    with EnergyLog.open(run) as log:
        sample = int(log.keys("probe").index[0])
    with h5py.File(run / "run.h5", "r+") as file:
        file["probe/label"][0] = (file["probe/label"][0] + 1) % 10
    result = cli("images", "run", "--split", "probe", "--sample", sample)
    assert result.returncode == 2
    assert "other data" in result.stderr.splitlines()[-1]
    assert not (run / "generation").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere", "--sample", 1), ("no such run",)),
        (("run", "--sample", "x"), ("3,14", "'x'")),
        (("run", "--sample", "1,1"), ("named twice",)),
        (("run", "--sample", "-1"), ("3,14",)),
        (("run", "--sample", 1, "--out", "a.jpg"), (".png",)),
        (("run", "--sample", 1, "--epoch", 7), ("no checkpoint of epoch '7'", "0, 1")),
    ],
)
def test_one_line_for_what_is_refused(
    run: Path, cli: Cli, arguments: tuple[object, ...], words: tuple[str, ...]
) -> None:
    assert_refused(cli("images", *arguments), *words)
