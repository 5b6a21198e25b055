"""A configuration is whole, checked and survives its file; what is out of range is refused by name."""

import json
import math
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refuses

from trainers.errors import WorkbenchError
from trainers.recipes import OPTIONS, complete
from trainers.spec import AttackSpec, Ball, RolledBack, TrainConfig, check_keys, fgsm, parse_fraction, pgd, read_toml

WHOLE = {
    "method": "fgsm",
    "data": "digits",
    "model": "small-cnn",
    "width": 8,
    "eps": 0.1,
    "epochs": 2,
    "lr": 0.1,
    "schedule": "flat",
    "batch_size": 16,
}
NAN, INF = math.nan, math.inf
WHOLE_NUMBERS = ("replays", "awp_warmup")
"""Settings of some methods that count."""

REFUSED = {
    "eps": [0.0, -0.1, 1.0001, NAN, INF, -INF],
    "width": [0, -1, 16.0, "16", True],
    "epochs": [0, -1, 1.5, False],
    "batch_size": [0, 1, -3, 8.0],
    "probe_size": [0, -1, 3.0],
    "keep_last": [0, -1],
    "seed": [-1, 1.0, True],
    "train_size": [-1, 2.5],
    "train_probe_size": [-1],
    "lr": [0.0, -0.1, NAN, INF, True, "fast"],
    "momentum": [-0.1, 1.0, NAN, INF],
    "ema": [-0.1, 1.0, NAN, INF, True],
    "weight_decay": [-1e-9, NAN, INF],
    "der_beta": [-1.0, NAN, INF],
    "der_margin": [-0.5, NAN, INF],
    "clip_grad": [-1.0, NAN, INF],
    "precision": ["", "bf16", "16-mixed", 32],
    "channels_last": ["", "yes", True],
    "der_warmup": [-1.0, NAN, INF, True],
    "eps_warmup": [-1.0, NAN, INF, True],
    **{name: [-1.0, NAN, INF] for name in OPTIONS if name not in WHOLE_NUMBERS},
    **{name: [-1, 2.0, True] for name in WHOLE_NUMBERS},
    "norm": ["l1", "", "L2", 2],
    "lr_peak": [0.0, 1.0, -0.5, NAN, INF, True],
    "lr_drops": ["", "0", "1", "3/4,1/2", "1/2,1/2", "1/2,", "half", 0.5, "nan", "1/2,inf"],
    "schedule": ["linear", "", "Flat", 3],
    "der_energy": ["conditional", "", 1],
    "der_penalty": ["square", ""],
    "der_gradient": ["clean", ""],
    "record": ["", "none", "subset", "subset:", "subset:0", "subset:-1", "subset:1.5", "subset:x", "all:3", 5],
    "keep_best": [1, "yes"],
    "on_co": ["", "roll-back", "Stop", True],
    "on_ro": ["", "rollback", None],
    "on_nan": ["", "ignore", None],
    "max_rollbacks": [0, -1, 3.0, True],
    "device": [0, True],
    "devices": [0, -1, 2.0, True],
    "num_nodes": [0, -1, "2"],
    "sync_batchnorm": [1, "yes"],
    "log_mode": ["", "SWMR", "nfs", None],
    "keep_bits": [0, -1, 24, 7.0, True],
    "augment": ["", "flip", "Crop", True],
    "method": [1, ["fgsm"]],
    "data": [3],
    "model": [None],
}
"""Values outside the range or of another type, by key."""

ACCEPTED = {
    "eps": [1.0, 1 / 255, 1e-6],
    "width": [1],
    "epochs": [1, 100_000],
    "batch_size": [2],
    "probe_size": [1],
    "keep_last": [1],
    "seed": [0, 2**32],
    "train_size": [0],
    "train_probe_size": [0],
    "lr": [1e-8, 100.0],
    "momentum": [0.0, 0.999],
    "ema": [0.0, 0.9999],
    "weight_decay": [0.0],
    "der_beta": [0.0],
    "der_margin": [0.0],
    "clip_grad": [0.0, 1e-3],
    "precision": ["32-true", "bf16-mixed"],
    "channels_last": ["auto", "on", "off"],
    "der_warmup": [0.0, 2.5],
    "eps_warmup": [0.0, 2.5],
    **{name: [0.0, 1e9] for name in OPTIONS if name not in WHOLE_NUMBERS},
    **{name: [0, 1000] for name in WHOLE_NUMBERS},
    "norm": ["linf", "l2"],
    "lr_peak": [0.01, 0.99],
    "lr_drops": ["1/2", "75/76", "0.1,0.2,0.3"],
    "record": ["all", "probe", "subset:1", "subset:1000000"],
    "keep_best": [True, False],
    "on_co": ["ignore", "warn", "stop", "rollback"],
    "on_ro": ["ignore", "warn", "stop"],
    "on_nan": ["stop", "rollback"],
    "max_rollbacks": [1, 1000],
    "log_mode": ["auto", "swmr", "segments"],
    "keep_bits": [1, 23],
    "augment": ["none", "crop", "crop-flip", "reflect-crop-flip"],
}
"""Values at the ends of the ranges."""


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in REFUSED.items() for value in values])
def test_out_of_range_is_refused_by_name(key: str, value: object) -> None:
    with refuses(key):
        TrainConfig(**WHOLE | {key: value})


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in ACCEPTED.items() for value in values])
def test_the_ends_of_the_ranges_are_accepted(key: str, value: object) -> None:
    assert getattr(TrainConfig(**WHOLE | {key: value}), key) == value


def test_configurations_that_know_nothing_of_flags_mean_what_they_meant() -> None:
    config = TrainConfig.from_dict(WHOLE)
    assert (config.on_co, config.on_ro, config.max_rollbacks) == ("warn", "warn", 3)


@pytest.mark.parametrize(
    ("checkpoint", "changes", "sentence"),
    [
        (9, {"der_beta": 30.0}, "after epoch 12 back to the weights of epoch 9, on with der_beta 30"),
        (None, {"method": "fgsm-der", "der_beta": 0.5}, "the start, on with method fgsm-der, der_beta 0.5"),
        (0, {}, "the weights of epoch 0, on with the same settings"),
    ],
)
def test_a_rollback_says_where_to_and_with_what(
    checkpoint: int | None, changes: dict[str, object], sentence: str
) -> None:
    assert RolledBack(epoch=12, checkpoint=checkpoint, changes=changes).sentence.endswith(sentence)


def test_every_setting_has_its_bad_values_here() -> None:
    assert {field.name for field in fields(TrainConfig)} == REFUSED.keys()


STRAY = {
    "a digit that is no number": {"record": "subset:²"},
    "a subset of 10^5000": {"record": "subset:" + "9" * 5000},
    "a rate of 10^400": {"lr": 10**400},
    "a decay of 10^400": {"weight_decay": 10**400},
    "a yes for a number": {"eps": True},
    "a seed that no generator takes": {"seed": 2**64},
    "a list for a model": {"model": ["small-cnn"]},
    "a list for a method": {"method": ["fgsm"]},
    "a table for data": {"data": {"digits": 1}},
    "a list for eps": {"eps": [0.1]},
}
"""What a TOML file can hold and a careless check lets through, or lets end in a traceback."""


@pytest.mark.parametrize("what", STRAY)
def test_stray_values_of_a_file_are_refused_in_one_line(what: str) -> None:
    with refuses():
        complete(WHOLE | STRAY[what])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8/255", Fraction(8, 255)),
        ("0.03", Fraction(3, 100)),
        ("1e-2", Fraction(1, 100)),
        (" 1/2 ", Fraction(1, 2)),
        ("-1/4", Fraction(-1, 4)),
        ("1", Fraction(1)),
        (0.25, Fraction(1, 4)),
        (1, Fraction(1)),
    ],
)
def test_fractions_are_numbers(text: str | float, value: Fraction) -> None:
    assert parse_fraction(text) == float(value)


@pytest.mark.parametrize(
    "text", ["", "eight", "8/0", "8/255/2", "nan", "inf", "-inf", "8:255", "1e400", "0x8", "ε", NAN, INF, None]
)
def test_what_is_no_number_is_refused(text: str | float) -> None:
    with refuses("8/255"):
        parse_fraction(text)


def test_fractions_are_accepted_for_eps_and_whole_numbers_for_rates() -> None:
    config = TrainConfig.from_dict(WHOLE | {"eps": "8/255", "lr": 1, "weight_decay": 0})
    assert config.eps == 8 / 255
    assert isinstance(config.lr, float)
    assert isinstance(config.weight_decay, float)
    assert config.ball == Ball(eps=8 / 255)


@pytest.mark.parametrize("eps", [0, -0.1, 1.5, NAN, INF])
def test_a_ball_has_a_radius(eps: float) -> None:
    with refuses("eps", "8/255"):
        Ball(eps=eps)


@pytest.mark.parametrize("eps", [0, -0.1, NAN, INF])
def test_an_l2_ball_may_be_longer_than_a_pixel_is_bright(eps: float) -> None:
    assert Ball(eps=3.0, norm="l2").eps == 3.0
    with refuses("eps", "128/255"):
        Ball(eps=eps, norm="l2")


def test_unknown_settings_are_refused_with_the_known_ones() -> None:
    for build in (TrainConfig.from_dict, check_keys, complete):
        with refuses("learning_rate", "zeal", "weight_decay"):
            build(WHOLE | {"learning_rate": 0.1, "zeal": 1})


@pytest.mark.parametrize("key", WHOLE)
def test_a_missing_setting_is_named(key: str) -> None:
    with refuses(key):
        TrainConfig.from_dict({name: value for name, value in WHOLE.items() if name != key})


def test_a_configuration_cannot_be_changed() -> None:
    config = TrainConfig(**WHOLE)
    with pytest.raises(AttributeError):
        config.eps = 0.2


@pytest.mark.parametrize(
    ("record", "num_train", "expected"),
    [("all", 50, 50), ("probe", 50, 0), ("subset:20", 50, 20), ("subset:80", 50, 50), ("subset:50", 50, 50)],
)
def test_how_many_samples_are_recorded(record: str, num_train: int, expected: int) -> None:
    assert TrainConfig(**WHOLE | {"record": record}).num_recorded(num_train) == expected


positive = st.floats(1e-9, 1e6, allow_nan=False)
counts = st.integers(1, 10**9)
# A name may hold anything that TOML can: quotes, backslashes, brackets, other alphabets.
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "method": names,
            "data": names,
            "model": names,
            "width": counts,
            "eps": st.floats(1e-9, 1),
            "epochs": counts,
            "lr": positive,
            "schedule": st.sampled_from(["flat", "stepped", "triangular", "cosine", "one-cycle"]),
            "batch_size": st.integers(2, 10**6),
            "momentum": st.floats(0, 0.999),
            "weight_decay": st.just(0.0) | positive,
            "seed": st.integers(0, 2**63 - 1),
            "der_beta": st.just(0.0) | positive,
            "der_energy": st.sampled_from(["marginal", "joint", "both"]),
            "der_penalty": st.sampled_from(["squared", "abs", "hinge"]),
            "der_gradient": st.sampled_from(["both", "adversarial"]),
            "der_margin": st.just(0.0) | positive,
            "der_warmup": st.just(0.0) | positive,
            **{name: st.integers(0, 10**6) for name in WHOLE_NUMBERS},
            **{name: st.just(0.0) | positive for name in OPTIONS if name not in WHOLE_NUMBERS},
            "lr_peak": st.floats(0.01, 0.99),
            "lr_drops": st.sampled_from(["1/2", "1/2,3/4", "0.1,0.2,0.3"]),
            "norm": st.sampled_from(["linf", "l2"]),
            "train_size": st.just(0) | counts,
            "probe_size": counts,
            "train_probe_size": st.just(0) | counts,
            "record": st.sampled_from(["all", "probe", "subset:7"]),
            "keep_last": counts,
            "keep_best": st.booleans(),
            "device": names,
            "log_mode": st.sampled_from(["auto", "swmr", "segments"]),
            "keep_bits": st.integers(1, 23),
        }
    )
)
def test_a_configuration_survives_its_file_and_json(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]
) -> None:
    config = TrainConfig(**values)
    path = tmp_path_factory.getbasetemp() / "config.toml"
    path.write_text(tomli_w.dumps(config.to_dict()), encoding="utf-8")
    assert TrainConfig.from_dict(read_toml(path)) == config
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "content",
    [b"eps = ", b"\xff\xfe\x00", b"eps = 0.1\neps = 0.2", b"[", b"seed = " + b"9" * 5000],
    ids=["no value", "no text", "twice", "no end", "more digits than Python reads"],
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with refuses("run.toml"):
        read_toml(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with refuses("nowhere.toml"):
        read_toml(tmp_path / "nowhere.toml")
    with refuses(tmp_path.name):
        read_toml(tmp_path)


def test_attacks_are_what_their_names_say() -> None:
    assert fgsm() == AttackSpec(name="fgsm", start="zero", steps=1, step_size=1.0, batch_norm="eval")
    assert fgsm("train").batch_norm == "train"
    for steps in (1, 10, 20):
        attack = pgd(steps)
        assert (attack.name, attack.start, attack.steps) == (f"pgd-{steps}", "uniform", steps)
        assert attack.step_size * steps == pytest.approx(2.5)
        assert attack.clip_to_ball


def test_the_error_is_a_value_error() -> None:
    assert issubclass(WorkbenchError, ValueError)
