"""Checkpoints as the field saves them: each container and prefix gives the network that a plain formula gives."""

import argparse
import pathlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from plain_preact import State, forward, make_state
from safetensors.torch import save_file

from trainers.checkpoints.foreign import Foreign, Normaliser, fit_module, fit_named, read_state
from trainers.errors import WorkbenchError
from trainers.models import ModelSpec, build_model

Write = Callable[[Any], pathlib.Path]

STATE = make_state(0)
OTHER = make_state(1)
MEAN = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)
STD = torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1)
X = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(3))


def prefixed(prefix: str, state: State = STATE) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def zeros() -> State:
    return {name: torch.zeros_like(tensor) for name, tensor in STATE.items()}


CONTAINERS: dict[str, tuple[Any, str]] = {
    "bare": (STATE, ""),
    "state_dict": ({"state_dict": STATE, "epoch": 3, "best_acc": torch.tensor(0.5)}, ""),
    "list": ({"state_dict": [zeros(), STATE]}, "took the last of 2 state dicts"),
    "model": ({"model": STATE, "optimizer": {"state": {0: {"m": torch.ones(2)}}, "param_groups": []}}, ""),
    "model_state_dict": ({"model_state_dict": STATE, "train_acc": [0.1, 0.2]}, ""),
    "best and last": ({"last": zeros(), "best": STATE}, "took 'best' of last, best"),
    "best and last, deep": ({"best": {"state_dict": STATE, "acc": 1}, "last": {"state_dict": zeros()}}, "took 'best'"),
    "averaged too": ({"model": STATE, "model_ema": zeros()}, "took 'model' of model, model_ema"),
    "averaged only": ({"ema": STATE}, "took the averaged weights 'ema'"),
    "under another name": ({"robust_net": STATE, "epoch": 1}, ""),
    "argparse": ({"state_dict": STATE, "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath())}, None),
    "numpy": (
        {"state_dict": STATE, "acc": np.float64(0.5), "history": np.arange(3.0), "n": np.int32(4)},
        "set aside NumPy values",
    ),
    "module.": ({"state_dict": prefixed("module.")}, "stripped 'module.'"),
    "model.": (prefixed("model."), "stripped 'model.'"),
    "module.model.": (prefixed("module.model."), "stripped 'module.model.'"),
    "compiled": (prefixed("_orig_mod."), "stripped '_orig_mod.'"),
    "attacker only": (prefixed("module.attacker.model."), "stripped 'module.attacker.model.'"),
    "robustness": (
        {"model": prefixed("module.model.") | prefixed("module.attacker.model.", OTHER)},
        r"ignored \d+ entries \(module.attacker.model.\*\)",
    ),
    "extra keys": (
        STATE | {"sub_block1.x": torch.ones(1), "model_preact_hl1.0.y": torch.ones(1)},
        "ignored sub_block1.x, model_preact_hl1.0.y",
    ),
    "no batch counters": ({name: t for name, t in STATE.items() if "num_batches" not in name}, ""),
    "float16": ({name: t.half() if t.is_floating_point() else t for name, t in STATE.items()}, "brought to float32"),
}
CONTAINERS["argparse"][0]["args"].out = "runs/1"


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Write:
    def put(content: Any) -> pathlib.Path:
        path = tmp_path / "checkpoint.pth"
        torch.save(content, path)
        return path

    return put


def notes(foreign: Foreign) -> str:
    return "; ".join(foreign.notes)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_its_network(name: str, legacy: bool, tmp_path: pathlib.Path) -> None:
    content, said = CONTAINERS[name]
    path = tmp_path / "checkpoint.tar"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    foreign = fit_named(read_state(path), "preact-resnet18", shortcut="raw")
    rough = 0.05 if name == "float16" else 1e-4
    assert torch.allclose(foreign.model(X), forward(STATE, X, raw=True), rtol=rough, atol=rough)
    assert not foreign.model.training
    assert foreign.in_channels == 3
    assert "inferred width 4, 3 channels, 10 classes" in notes(foreign)
    assert "no normaliser" in notes(foreign)
    if said is None:
        assert "set aside argparse settings" in notes(foreign)
    else:
        assert re.search(said, notes(foreign)), notes(foreign)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("final_bn", [False, True])
def test_conventions_are_the_published_ones(raw: bool, final_bn: bool, write: Write) -> None:
    state = make_state(5, width=6, channels=1, num_classes=7, final_bn=final_bn)
    x = X[:, :1]
    shortcut = "raw" if raw else "activated"
    foreign = fit_named(read_state(write(state)), "preact-resnet18", shortcut=shortcut)
    assert torch.allclose(foreign.model(x), forward(state, x, raw=raw), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(foreign.model(x), forward(state, x, raw=not raw), rtol=1e-2, atol=1e-2)
    assert ("no last batch norm" in notes(foreign)) is not final_bn


NORMALISERS: dict[str, State] = {
    "mu and sigma": STATE | {"mu": MEAN, "sigma": STD},
    "mean and std": STATE | {"mean": MEAN.flatten(), "std": STD.flatten()},
    "normalize": STATE | {"normalize.mean": MEAN, "normalize.std": STD},
    "sequential": prefixed("1.") | {"0.mean": MEAN[0], "0.std": STD[0]},
    "parallel sequential": prefixed("module.1.") | {"module.0.mu": MEAN, "module.0.sigma": STD},
    "robustness": prefixed("module.model.") | {"module.normalizer.new_mean": MEAN, "module.normalizer.new_std": STD},
}


@pytest.mark.parametrize("name", NORMALISERS)
def test_the_normaliser_of_a_checkpoint_is_used(name: str, write: Write) -> None:
    foreign = fit_named(read_state(write({"state_dict": NORMALISERS[name]})), "preact-resnet18", shortcut="activated")
    assert torch.allclose(foreign.model(X), forward(STATE, (X - MEAN) / STD, raw=False), rtol=1e-4, atol=1e-4)
    assert "normaliser of the checkpoint (mean 0.4/0.5/0.6, std 0.2/0.25/0.3)" in notes(foreign)
    assert "ignored" not in notes(foreign)


def test_a_given_normaliser_wins_and_it_is_said(write: Write) -> None:
    own = Normaliser((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    state = read_state(write(NORMALISERS["mu and sigma"]))
    foreign = fit_named(state, "preact-resnet18", shortcut="activated", normaliser=own)
    x = (X - torch.tensor(own.mean).view(1, 3, 1, 1)) / 0.5
    assert torch.allclose(foreign.model(X), forward(STATE, x, raw=False), rtol=1e-4, atol=1e-4)
    assert "normaliser as given, not the one of the checkpoint" in notes(foreign)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"best": zeros(), "last": STATE}, "last"),
        ({"model": zeros(), "model_ema": STATE}, "model_ema"),
        ({"state_dict": [STATE, zeros()]}, "0"),
        ({"a": zeros(), "b": STATE}, "b"),
        ({"best": {"model": zeros(), "ema": STATE}}, "ema"),
    ],
)
def test_an_entry_may_be_chosen(content: Any, key: str, write: Write) -> None:
    foreign = fit_named(read_state(write(content), key), "preact-resnet18", shortcut="raw")
    assert torch.allclose(foreign.model(X), forward(STATE, X, raw=True), rtol=1e-4, atol=1e-4)


def test_safetensors_without_a_header_of_ours(tmp_path: pathlib.Path) -> None:
    save_file(STATE, tmp_path / "x.safetensors")
    foreign = fit_named(read_state(tmp_path / "x.safetensors"), "preact-resnet18", shortcut="raw")
    assert torch.allclose(foreign.model(X), forward(STATE, X, raw=True), rtol=1e-4, atol=1e-4)


def without(*names: str) -> State:
    return {name: tensor for name, tensor in STATE.items() if not name.startswith(names)}


REFUSED: dict[str, tuple[Any, str | None, str]] = {
    "nothing": ({"epoch": 3}, None, "holds no weights"),
    "not even a dict": (3, None, "holds no weights"),
    "an empty list": ([], None, "holds no weights"),
    "two": ({"generator": STATE, "critic": STATE}, None, "under generator, critic; choose with --state"),
    "no such key": ({"best": STATE, "last": STATE}, "swa", "no weights under 'swa'; it has best, last"),
    "no such number": ([STATE, STATE], "7", "no weights under '7'; it has 0, 1"),
    "a key of a bare state": (STATE, "best", "no weights under 'best'; it is one state dict"),
    "another network": ({"features.0.weight": torch.ones(3)}, None, "nothing of the model"),
    "a missing layer": (without("layer3.1.conv2"), None, "lacks layer3.1.conv2.weight of the model"),
    "a deeper network": (STATE | {"layer1.2.conv1.weight": torch.ones(1)}, None, "layer1.2.conv1.weight, for which"),
    "another width": (STATE | {"layer1.0.conv1.weight": torch.ones(5, 4, 3, 3)}, None, r"shape \(5, 4, 3, 3\), the"),
    "integers": (STATE | {"linear.bias": torch.ones(10, dtype=torch.int64)}, None, "linear.bias as torch.int64"),
    "sparse": (STATE | {"linear.bias": torch.ones(10).to_sparse()}, None, "linear.bias as a sparse"),
    "an absurd width": (
        STATE | {"conv1.weight": torch.ones(1).expand(10**6, 3, 3, 3)},
        None,
        "the model's is|of the model",
    ),
    "numbers that are not there": (
        STATE | {"linear.weight": torch.ones(1).expand(10, 32)},
        None,
        "linear.weight declares more numbers than the file holds",
    ),
    "a flat normaliser": (STATE | {"mu": MEAN, "sigma": 0 * STD}, None, "a normaliser that makes no sense"),
    "a broken normaliser": (
        STATE | {"mu": MEAN, "sigma": torch.nan * STD},
        None,
        "normaliser, sigma, with values that are not finite",
    ),
    "grey normaliser": (STATE | {"mu": MEAN[:, :2], "sigma": STD[:, :2]}, None, "its normaliser has 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name: str, write: Write) -> None:
    content, key, said = REFUSED[name]
    path = write(content)
    with pytest.raises(WorkbenchError, match=said) as refusal:
        fit_named(read_state(path, key), "preact-resnet18", shortcut="raw")
    assert str(refusal.value).startswith(f"{path} ")
    assert "\n" not in str(refusal.value)


def test_a_module_takes_its_own_names(write: Write) -> None:
    """Also names that look like prefixes, and buffers that look like a normaliser."""
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    net.register_buffer("mean", torch.tensor(2.0))
    state = {"1.weight": torch.arange(12.0).view(3, 4), "1.bias": torch.ones(3), "mean": torch.tensor(5.0)}
    foreign = fit_module(read_state(write({"model": prefixed("module.", state)})), net)
    x = torch.rand(2, 1, 2, 2)
    assert torch.allclose(foreign.model(x), x.flatten(1) @ state["1.weight"].T + 1)
    assert net.mean == 5
    assert "stripped 'module.'" in notes(foreign)


def test_a_module_is_put_behind_the_normaliser_of_the_checkpoint(write: Write) -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    state = {"1.weight": torch.arange(36.0).view(3, 12), "1.bias": torch.ones(3), "mu": MEAN, "sigma": STD}
    foreign = fit_module(read_state(write(state)), net)
    x = torch.rand(2, 3, 2, 2)
    expected = ((x - MEAN) / STD).flatten(1) @ state["1.weight"].T + 1
    assert torch.allclose(foreign.model(x), expected, rtol=1e-4)


KEYS_OF = {
    "resnet18": {"bn1.running_var", "layer1.0.bn2.weight", "layer2.0.shortcut.1.bias", "linear.bias"},
    "wide-resnet-28-10": {"block1.layer.0.convShortcut.weight", "block3.layer.3.bn2.bias", "bn1.weight", "fc.bias"},
    "wide-resnet-34-10": {"block2.layer.4.conv1.weight", "bn1.running_mean", "fc.weight"},
}
"""Some of the names that the weights have in kuangliu's ResNet and in TRADES' wide one."""


@pytest.mark.parametrize("name", KEYS_OF)
def test_published_residual_networks_are_read(name: str, tmp_path: pathlib.Path) -> None:
    torch.manual_seed(4)
    spec = ModelSpec(name=name, width=4, in_channels=3, num_classes=7, mean=(0.0,) * 3, std=(1.0,) * 3)
    model = build_model(spec).eval()
    state = {key: value for key, value in model.state_dict().items() if not key.startswith("normalize.")}
    assert set(state) >= KEYS_OF[name]
    unused = {f"sub_block1.layer.0.{key}": torch.ones(3) for key in ("conv1.weight", "bn1.weight")}
    torch.save({"state_dict": prefixed("module.", state | unused)}, tmp_path / "published.pt")
    fitted = fit_named(read_state(tmp_path / "published.pt"), name, shortcut="activated")
    assert torch.equal(fitted.model(X), model(X))
    notes = "; ".join(fitted.notes)
    assert "inferred width 4, 3 channels, 7 classes" in notes
    assert "sub_block1" in notes
    with pytest.raises(WorkbenchError, match="another architecture"):
        fit_named(read_state(tmp_path / "published.pt"), "small-cnn", shortcut="activated")
