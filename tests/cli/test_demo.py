"""The demo as a newcomer runs it: really trained, really overfitted, and said so."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.svm import SVC

from tests.conftest import Cli
from tests.warm import fresh
from trainers.data import load_data
from trainers.energylog import EnergyLog
from workbench.onset import catastrophic_label
from workbench.sampling.samples import read_samples

pytestmark = pytest.mark.first


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    result = fresh("demo", "--out", "runs", cwd=folder, timeout=900)
    assert result.returncode == 0, result.stderr
    return folder / "runs", result.stdout


def test_fgsm_is_overfitted_and_flagged_the_others_are_not(demo: tuple[Path, str], cli: Cli) -> None:
    runs, _ = demo
    for method, overfitted in (("fgsm", True), ("fgsm-der", False), ("pgd", False)):
        with EnergyLog.open(runs / method) as log:
            table = log.epochs()
            events = [event["kind"] for event in log.events()]
        label = catastrophic_label(table["fgsm_accuracy"], table["pgd_accuracy"])
        assert (label.epoch is not None) == overfitted, method
        report = json.loads(cli("inspect", runs / method, "--json").stdout)
        onsets = [onset for onset in report["onsets"] if onset["kind"] == "catastrophic"]
        assert bool(onsets) == overfitted, method
        assert (b"catastrophic" in events) == overfitted, "the flag is in the log from the moment it was raised"
        if overfitted:
            assert onsets[0]["epoch"] == label.epoch
            assert onsets[0]["detected_epoch"] - label.epoch <= 2
        result = cli("onset", runs / method, "--fail-on", "co")
        assert result.returncode == (3 if overfitted else 0)


def test_it_prints_one_table_and_the_next_commands(demo: tuple[Path, str]) -> None:
    _, text = demo
    for method in ("fgsm", "fgsm-der", "pgd"):
        assert sum(line.split()[:1] == [method] for line in text.splitlines()) == 1
    assert "workbench inspect runs/fgsm" in text
    assert "workbench onset runs/fgsm" in text


def test_a_second_call_shows_the_same_runs(demo: tuple[Path, str], cli: Cli) -> None:
    runs, text = demo
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*.safetensors")}
    result = cli("demo", "--out", runs)
    assert result.returncode == 0
    assert result.stderr.count("already finished") == 3
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*.safetensors")} == before
    assert text.splitlines()[0] == result.stdout.splitlines()[0]


def test_its_robust_model_generates_digits_and_a_standard_one_speckles(
    demo: tuple[Path, str], cli: Cli, tmp_path: Path
) -> None:
    """Judged by a support vector machine and by the distance to the nearest real digit, neither of which guided."""
    runs, _ = demo
    assert cli("train", "--method", "standard", "--epochs", 10, "--lr", 0.2, "--out", "standard").returncode == 0
    train = load_data("digits").train
    real = (train.images.float() * train.scale).flatten(1).numpy()
    judge = SVC(C=10).fit(real, train.labels.numpy())
    agreement, distance = {}, {}
    # The "best" epoch of a model that is never robust is chance: here its last, which has learned most.
    for name, run, epoch in (("pgd", runs / "pgd", "best"), ("standard", "standard", "last")):
        result = cli("sample", run, "--epoch", epoch, "--class", "all", "--num", 100, "--out", name + "-samples")
        assert result.returncode == 0, result.stderr
        samples = read_samples(tmp_path / f"{name}-samples")
        images = samples.images.reshape(100, -1).astype(np.float32) / 255
        agreement[name] = float((judge.predict(images) == samples.labels).mean())
        distance[name] = float(cdist(images, real).min(1).mean())
    assert agreement["pgd"] >= 0.9
    assert distance["standard"] > 1.3 * distance["pgd"]
