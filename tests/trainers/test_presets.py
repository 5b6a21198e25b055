"""Presets: published settings as data, against the publications' own words, and as the command line takes them."""

import pytest
from refusals import refuses

from tests.conftest import Cli, assert_refused
from trainers.presets import PRESETS, get_preset
from trainers.recipes import complete
from trainers.rows import ROWS
from trainers.schedules import Shape, learning_rate

KNOWN = {
    "rs-fgsm": (15, 0.2, "triangular", 5e-4, 8 / 255),
    "free": (11, 0.04, "triangular", 5e-4, 8 / 255),
    "n-fgsm": (30, 0.2, "triangular", 5e-4, 8 / 255),
    "grad-align": (30, 0.3, "triangular", 5e-4, 8 / 255),
    "pgd": (200, 0.1, "stepped", 5e-4, 8 / 255),
    "trades": (76, 0.1, "stepped", 2e-4, 0.031),
    "mart": (120, 0.01, "stepped", 3.5e-3, 0.031),
    "weat-nat": (100, 0.1, "one-cycle", 5e-4, 8 / 255),
}
"""Epochs, peak rate, schedule, weight decay, ε."""

AUGMENTED = {"n-fgsm-svhn": "crop", "pgd-cifar10": "reflect-crop-flip", "pgd-awp-cifar10": "reflect-crop-flip"}
"""Where it is not crop-flip: digits have no mirror images, and some loops reflect."""


def test_every_published_method_has_one() -> None:
    assert {preset.settings["method"] for preset in PRESETS.values()} == {row.name for row in ROWS} - {"standard"}
    own = {name: preset.settings["method"] for name, preset in PRESETS.items()}
    assert all(name in (f"{method}-cifar10", f"{method}-svhn") for name, method in own.items())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_and_data_are_a_whole_configuration(name: str) -> None:
    preset = get_preset(name)
    config = complete({**preset.settings, "data": "npz:/x.npz"}).to_dict()
    assert {key: config[key] for key in preset.settings} == dict(preset.settings)
    assert preset.source
    assert (config["batch_size"], config["momentum"]) == (128, 0.9)
    assert config["augment"] == AUGMENTED.get(name, "crop-flip")


@pytest.mark.parametrize("method", KNOWN)
def test_settings_are_the_published_ones(method: str) -> None:
    config = complete({**get_preset(f"{method}-cifar10").settings, "data": "npz:/x.npz"})
    assert (config.epochs, config.lr, config.schedule, config.weight_decay, config.eps) == KNOWN[method]


@pytest.mark.parametrize(
    ("method", "rates"),
    [
        ("grad-align", {0: 0.3 / 24, 11: 0.3 * 23 / 24, 12: 0.3 * 35 / 36, 29: 0.3 / 36}),
        ("pgd", {99: 0.1, 100: 0.01, 149: 0.01, 150: 0.001}),
        ("trades", {74: 0.1, 75: 0.01}),
        ("mart", {74: 0.01, 75: 1e-3, 89: 1e-3, 90: 1e-4, 100: 1e-5}),
    ],
)
def test_rates_fall_in_the_published_epochs(method: str, rates: dict[int, float]) -> None:
    """At the middle of each epoch, as if it were one step."""
    config = complete({**get_preset(f"{method}-cifar10").settings, "data": "npz:/x.npz"})
    shape = Shape(config.lr_peak, config.drops)
    for epoch, rate in rates.items():
        assert learning_rate(config.schedule, config.lr, epoch, config.epochs, shape) == pytest.approx(rate), epoch


def test_svhn_has_its_own_rates_and_a_warm_up_of_eps() -> None:
    config = complete({**get_preset("n-fgsm-svhn").settings, "data": "npz:/x.npz"})
    assert (config.epochs, config.lr, config.eps, config.eps_warmup, config.lr_peak) == (30, 0.05, 8 / 255, 5.0, 0.4)


def test_turns_of_another_schedule_are_refused() -> None:
    with refuses("--lr-peak", "triangular"):
        complete({"schedule": "cosine", "lr_peak": 0.4})
    with refuses("--lr-drops", "stepped"):
        complete({"lr_drops": "1/2"})


def test_the_command_line_says_what_a_preset_sets_and_lets_options_win(cli: Cli) -> None:
    small = ["--train-size", 60, "--probe-size", 20, "--train-probe-size", 0, "--model", "small-cnn", "--width", 4]
    result = cli("train", "--preset", "grad-align-cifar10", "--data", "digits", "--epochs", 1, *small, "--out", "run")
    assert result.returncode == 0, result.stderr
    line = next(line for line in result.stderr.splitlines() if line.startswith("preset grad-align-cifar10"))
    for words in ("lr_peak 0.4", "lr 0.3", "align_lambda 0.2", "eps 8/255", "augment crop-flip"):
        assert words in line
    assert "epochs" not in line
    assert "not in it" not in line, "nothing is left out"
    assert "model" not in line


def test_a_preset_needs_data_and_a_known_name(cli: Cli) -> None:
    assert_refused(cli("train", "--preset", "pgd-cifar10"), "--data")
    assert_refused(cli("train", "--preset", "pgd-mnist", "--data", "digits"), "pgd-cifar10")
    assert_refused(cli("train", "--resume", "run", "--preset", "pgd-cifar10"), "--preset")
