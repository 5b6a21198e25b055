"""The corpus of short runs: its table of runs, its data, and the arithmetic of its judge."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binomtest, spearmanr
from sklearn.metrics import roc_auc_score

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "onset"


@pytest.fixture
def script(monkeypatch):
    """Import a script as it is when run: its folder comes first, and nothing of it stays behind."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(SCRIPTS)
        for other in SCRIPTS.glob("*.py"):
            monkeypatch.delitem(sys.modules, other.stem, raising=False)
        module = importlib.import_module(name)
        for other in SCRIPTS.glob("*.py"):
            if other.stem in sys.modules:
                monkeypatch.setitem(sys.modules, other.stem, sys.modules[other.stem])
        return module

    return load


def test_every_kind_of_run_has_a_name_of_its_own_a_valid_configuration_and_runs_in_both_splits(script) -> None:
    from trainers.recipes import complete

    build = script("build")
    scenarios = build.DIGITS + build.ROBUST + build.FOLDER
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)
    for scenario in scenarios:
        config = complete({**build.SMALL, "method": scenario.method, **scenario.settings})
        assert config.record == "all"
        assert {build.split_of(seed) for seed in range(scenario.seeds)} == {"development", "held-out"}


def test_wrong_labels_are_the_share_asked_for_and_the_probe_keeps_its_own(script, tmp_path) -> None:
    from trainers.data import load_data

    build = script("build")
    settings = {"probe_size": 500, "train_size": 240, "seed": 3}
    with np.load(build._noisy_digits(tmp_path / "data" / "noisy.npz", 0.4, settings)) as noisy:
        truth = load_data("digits", probe_size=500)
        pixels = truth.train.images.numpy() * np.float32(truth.train.scale)
        right = {image.tobytes(): int(label) for image, label in zip(pixels, truth.train.labels, strict=True)}
        wrong = [
            right[image.tobytes()] != label for image, label in zip(noisy["x_train"], noisy["y_train"], strict=True)
        ]
        assert len(wrong) == 240
        assert np.mean(wrong) == pytest.approx(0.4 * 0.9, abs=4 * np.sqrt(0.36 * 0.64 / 240))
        assert noisy["y_probe"].tolist() == truth.probe.labels.tolist()


@pytest.mark.parametrize(("progress", "restarted", "warmed"), [(0.0, 1.0, 0.0), (1 / 6, 0.5, 0.5), (0.9, 0.206, 1.0)])
def test_schedules(script, progress, restarted, warmed) -> None:
    build = script("build")
    assert build.restarts(progress) == pytest.approx(restarted, abs=1e-3)
    assert build.warm_up(progress) == pytest.approx(warmed)


@pytest.mark.parametrize(("hits", "trials"), [(0, 8), (8, 8), (1, 30), (15, 16)])
def test_intervals_are_wilsons(script, hits, trials) -> None:
    expected = binomtest(hits, trials).proportion_ci(method="wilson")
    assert script("runs").wilson(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_areas_and_rank_correlations_are_those_of_scikit_learn_and_scipy(script) -> None:
    runs = script("runs")
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 9, 40).astype(float), rng.integers(0, 7, 60).astype(float)
    expected = roc_auc_score([1] * 40 + [0] * 60, np.concatenate([positive, negative]))
    assert runs.area(np.append(positive, np.nan), negative) == pytest.approx(expected)
    first, second = rng.normal(size=(3, 50)), rng.normal(size=(3, 50))
    found = runs.correlation(runs.ranks(first), runs.ranks(second))
    assert found == pytest.approx([spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)])


def test_a_gain_over_the_first_epochs_knows_only_the_past(script) -> None:
    roc = script("roc")
    values = np.array([9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5])
    assert np.isnan(roc.relative(values)[:6]).all()
    assert roc.relative(values)[6:].tolist() == [2.5, 4.0]
    assert roc.relative(values[:7])[6] == 2.5
