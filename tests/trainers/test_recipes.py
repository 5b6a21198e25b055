"""The table of methods against the papers, and its invariants."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from refusals import refuses

from trainers.losses import LOSSES
from trainers.models import MODELS
from trainers.recipes import DATA_DEFAULTS, METHODS, MODEL_WIDTHS, absolute_data, complete, get_method, stronger_der
from trainers.recipes import OPTIONS as ALL_OPTIONS
from trainers.regularizers import REGULARIZERS
from trainers.spec import AttackSpec, TrainConfig
from trainers.steps import STEPS
from trainers.weights import WEIGHTS

PUBLISHED = {
    "fgsm": AttackSpec(name="fgsm", start="zero", steps=1, step_size=1.0, clip_to_ball=True, batch_norm="train"),
    "rs-fgsm": AttackSpec(
        name="rs-fgsm",
        start="uniform",
        start_radius=1.0,
        steps=1,
        step_size=1.25,
        clip_to_ball=True,
        batch_norm="train",
    ),
    "n-fgsm": AttackSpec(
        name="n-fgsm", start="uniform", start_radius=2.0, steps=1, step_size=1.0, clip_to_ball=False, batch_norm="train"
    ),
    "pgd": AttackSpec(
        name="pgd-10",
        start="uniform",
        start_radius=1.0,
        steps=10,
        step_size=0.25,
        clip_to_ball=True,
        batch_norm="train",
    ),
    "trades": AttackSpec(
        name="trades-kl-10",
        start="normal",
        start_radius=0.001,
        steps=10,
        step_size=0.007 / 0.031,
        clip_to_ball=True,
        clip_start=False,
        batch_norm="eval",
        objective="kl",
    ),
    "mart": AttackSpec(
        name="pgd-10-near",
        start="normal",
        start_radius=0.001,
        steps=10,
        step_size=0.007 / 0.031,
        clip_to_ball=True,
        clip_start=False,
        batch_norm="eval",
    ),
}
PUBLISHED |= dict.fromkeys(("grad-align", "elle", "elle-a"), PUBLISHED["fgsm"]) | {"aaer": PUBLISHED["n-fgsm"]}
PUBLISHED["pgd-awp"] = PUBLISHED["pgd"]
PUBLISHED |= dict.fromkeys(("trades-awp", "weat-nat", "weat-adv"), replace(PUBLISHED["trades"], step_size=0.25))
PUBLISHED["free"] = AttackSpec(name="free", start="carried", steps=1, step_size=1.0, batch_norm="train")
OPTIONS = {
    "trades": {"kl_beta": 6.0},
    "mart": {"kl_beta": 5.0},
    "free": {"replays": 8},
    "grad-align": {"align_lambda": 0.2},
    "elle": {"elle_lambda": 1000.0},
    "elle-a": {"elle_lambda": 4000.0, "elle_decay": 0.99},
    "aaer": {"aaer_lambda1": 1.0, "aaer_lambda2": 4.0, "aaer_lambda3": 1.5},
    "pgd-awp": {"awp_gamma": 0.01, "awp_warmup": 0},
    "trades-awp": {"kl_beta": 6.0, "awp_gamma": 0.005, "awp_warmup": 10},
    "weat-nat": {"kl_beta": 6.0},
    "weat-adv": {"kl_beta": 6.0},
}
"""The published settings at ε = 8/255, by method."""

REGULARIZERS_OF = {"grad-align": "grad-align", "elle": "elle", "elle-a": "elle-adaptive", "aaer": "aaer"}

rows = pytest.mark.parametrize("name", METHODS)


def test_the_table_holds_the_methods_and_their_regularized_twins() -> None:
    assert set(METHODS) == {"standard", *PUBLISHED, *(f"{name}-der" for name in PUBLISHED)}


@rows
def test_every_row_is_sound(name: str) -> None:
    row = METHODS[name]
    assert row.name == name
    assert row.summary
    assert row.source
    assert row.loss in LOSSES
    assert set(row.regularizers) <= REGULARIZERS.keys()
    assert (row.attack is None) == (name == "standard")
    assert row.formula
    assert row.weight is None or row.weight in WEIGHTS
    assert row.step in STEPS
    assert row.norms
    assert row.options.keys() <= {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_attacks_are_the_published_ones_and_der_keeps_them(name: str) -> None:
    assert METHODS[name].attack == METHODS[f"{name}-der"].attack == PUBLISHED[name]
    own = (REGULARIZERS_OF[name],) if name in REGULARIZERS_OF else ()
    assert METHODS[name].regularizers == own
    assert METHODS[f"{name}-der"].regularizers == (*own, "delta-energy")
    assert METHODS[f"{name}-der"].step == METHODS[name].step
    assert METHODS[f"{name}-der"].loss == METHODS[name].loss


@rows
def test_published_settings_are_the_defaults_and_those_of_other_methods_are_refused(name: str) -> None:
    published = OPTIONS.get(name.removesuffix("-der"), {})
    assert METHODS[name].options.keys() == published.keys()
    config = complete({"method": name, "eps": 8 / 255})
    for option in ALL_OPTIONS:
        assert getattr(config, option) == pytest.approx(published.get(option, 0))
        if option in published:
            assert getattr(complete({"method": name, option: 3}), option) == 3
        else:
            with refuses(name, option.replace("_", "-"), "it is of"):
                complete({"method": name, option: 3})


@pytest.mark.parametrize(("eps", "strength"), [("8/255", 0.2), ("12/255", 0.632), ("16/255", 2.0), (0.28, 2.0)])
def test_lambda_of_grad_align_is_the_published_one_of_its_eps(eps: str | float, strength: float) -> None:
    config = complete({"method": "grad-align", "eps": eps})
    assert config.align_lambda == pytest.approx(strength, rel=1e-3)


@pytest.mark.parametrize(("eps", "strength"), [("8/255", 1000), ("10/255", 5000), ("20/255", 5000), ("22/255", 10000)])
def test_lambda_of_elle_is_that_of_the_authors_scripts(eps: str, strength: float) -> None:
    assert complete({"method": "elle", "eps": eps}).elle_lambda == strength


def test_a_method_that_replays_does_so_at_least_once() -> None:
    with refuses("--replays", "free"):
        complete({"method": "free", "replays": 0})


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_our_reading_says_so(name: str) -> None:
    assert "not verified against the paper" in METHODS[f"{name}-der"].source
    assert "2505.22486" in METHODS[f"{name}-der"].source


@rows
@pytest.mark.parametrize("data", ["digits", "folder:/somewhere", "npz:/some/file.npz"])
def test_a_method_and_its_data_are_enough_for_a_whole_configuration(name: str, data: str) -> None:
    config = complete({"method": name, "data": data})
    assert (config.method, config.data) == (name, data)
    assert config.model in MODELS
    assert config.width == MODEL_WIDTHS[config.model]
    assert (config.der_beta > 0) == name.endswith("-der")


def test_no_settings_at_all_are_enough() -> None:
    assert complete({}).data == "digits"


@pytest.mark.parametrize("kind", DATA_DEFAULTS)
def test_settings_given_win_over_defaults(kind: str) -> None:
    given = {
        "data": kind if kind == "digits" else f"{kind}:/x",
        "method": "pgd-der",
        "model": "preact-resnet18",
        "eps": "4/255",
        "epochs": 3,
        "lr": 0.5,
        "schedule": "cosine",
        "batch_size": 32,
        "weight_decay": 0.125,
        "der_beta": 0.5,
        "der_penalty": "hinge",
        "probe_size": 11,
        "train_probe_size": 12,
        "momentum": 0.25,
        "seed": 4,
    }
    config = complete(given).to_dict()
    assert {key: config[key] for key in given} == given | {"eps": 4 / 255}
    assert config["width"] == MODEL_WIDTHS["preact-resnet18"]
    assert complete(given | {"width": 8}).width == 8


@pytest.mark.parametrize("name", [name for name in METHODS if not name.endswith("-der")])
def test_beta_without_der_is_refused(name: str) -> None:
    with refuses(name, "delta-energy"):
        complete({"method": name, "der_beta": 1.0})
    assert complete({"method": name, "der_beta": 0.0}).der_beta == 0.0


@pytest.mark.parametrize(
    "settings",
    [*({"method": name} for name in METHODS), *({"der_penalty": kind} for kind in ("squared", "abs", "hinge"))],
    ids=lambda settings: "-".join(settings.values()),
)
def test_the_configuration_of_a_run_trains_it_again(settings: dict[str, str]) -> None:
    """``--config OUT/config.toml`` holds every setting, those of DER too; it must not be refused for its own values."""
    config = complete(settings)
    assert complete(config.to_dict()) == config


def test_no_der_setting_is_taken_and_then_ignored() -> None:
    chosen = {"der_energy": "joint", "der_penalty": "hinge", "der_gradient": "adversarial", "der_margin": 0.125}
    for name, value in {**chosen, "der_warmup": 2}.items():
        with refuses("pgd", name.replace("_", "-"), "pgd-der"):
            complete({"method": "pgd", name: value})
        with refuses("standard", name.replace("_", "-")):
            complete({"method": "standard", name: value})
    with refuses("--der-margin", "hinge"):
        complete({"method": "pgd-der", "der_penalty": "squared", "der_margin": 0.125})
    assert complete({"method": "pgd-der", "der_penalty": "hinge", "der_margin": 0.125}).der_margin == 0.125


def test_beta_of_a_der_row_may_be_chosen_and_may_be_zero() -> None:
    assert complete({"method": "rs-fgsm-der", "der_beta": 3}).der_beta == 3.0
    assert complete({"method": "rs-fgsm-der", "der_beta": 0}).der_beta == 0.0


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with refuses("fgms", "rs-fgsm", "pgd-der"):
        get_method("fgms")
    with refuses("fgms", "standard"):
        complete({"method": "fgms"})
    with refuses("standard-der", "standard"):
        complete({"method": "standard-der"})
    with refuses("mnist", "digits", "folder:DIR", "npz:FILE"):
        complete({"data": "mnist"})
    with refuses("vgg", *MODELS):
        complete({"model": "vgg"})


def test_a_rollback_switches_der_on_or_doubles_its_weight() -> None:
    plain = complete({"method": "fgsm", "data": "digits"})
    on = stronger_der(plain)
    assert TrainConfig.from_dict({**plain.to_dict(), **on}) == complete({"method": "fgsm-der", "data": "digits"})
    squared = complete({"method": "fgsm-der", "der_beta": 7.0, "der_penalty": "squared"})
    assert stronger_der(squared) == {"der_beta": 14.0}
    nothing = complete({"method": "pgd-der", "data": "npz:x.npz", "der_beta": 0.0})
    assert stronger_der(nothing)["der_beta"] == DATA_DEFAULTS["npz"]["der_beta"]
    assert stronger_der(nothing)["method"] == "pgd-der"


def test_rollbacks_that_could_do_nothing_are_refused() -> None:
    with refuses("--on-co"):
        complete({"method": "standard", "on_co": "rollback"})
    with refuses("--max-rollbacks"):
        complete({"method": "fgsm", "max_rollbacks": 2})
    assert complete({"method": "fgsm", "on_co": "rollback", "max_rollbacks": 2}).max_rollbacks == 2
    assert complete({"method": "fgsm", "max_rollbacks": 3}).on_co == "warn"


def test_a_data_name_means_the_same_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/of/someone")
    assert absolute_data("folder:mine") == f"folder:{tmp_path}/mine"
    assert absolute_data("npz:~/a:b.npz") == "npz:/home/of/someone/a:b.npz"
    assert [absolute_data(name) for name in ("digits", "folder:", "npz:/a/b.npz")] == [
        "digits",
        "folder:",
        "npz:/a/b.npz",
    ]
    with refuses("~nobody-of-this-name"):
        absolute_data("folder:~nobody-of-this-name/x")
