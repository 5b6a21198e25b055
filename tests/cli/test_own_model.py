"""A model of the user's, from training to images: its code is imported where it is named, never because a file asks."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Cli, assert_refused
from tests.test_loop import StopAt, assert_same_run
from trainers import factories
from trainers.checkpoints import load_weights
from trainers.data import load_data
from trainers.errors import WorkbenchError
from trainers.factories import UntrustedFactoryError, trust
from trainers.loop import Outcome, fit
from trainers.recipes import complete
from trainers.spec import TrainConfig, read_toml

CODE = """
from pathlib import Path

from torch import nn

Path("imported").touch()


class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(in_channels, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(192, num_classes)

    def forward(self, x):
        self.seen = x
        return self.head(self.body(x))


def wide(num_classes, in_channels, width=1):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, num_classes))


def fails():
    raise LookupError("no such backbone")


def pictures():
    return nn.Identity()


def sevens():
    return Net(7, 1)


NOTHING = 3
"""
SMALL: dict[str, Any] = {
    "method": "fgsm",
    "epochs": 2,
    "train_size": 96,
    "batch_size": 32,
    "probe_size": 20,
    "train_probe_size": 0,
    "device": "cpu",
}
OPTIONS = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", value)]
MODEL = "users_nets:Net"
LAST = Path("checkpoints") / "epoch-000001.safetensors"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the user's code and a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "users_nets.py").write_text(CODE)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(factories, "_trusted", {MODEL})
        assert fit(complete({**SMALL, "model": MODEL}), folder / "run") is Outcome.FINISHED
    (folder / "imported").unlink(missing_ok=True)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own process may import the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(factories, "_trusted", {MODEL})
    torch.set_num_threads(1)


def test_the_model_sees_normalised_images_and_is_in_the_configuration(run: Path, trusted: None) -> None:
    config = TrainConfig.from_dict(read_toml(run / "config.toml"))
    assert (config.model, config.width) == (MODEL, 0)
    model, facts = load_weights(run / LAST)
    data = load_data("digits", train_size=96, probe_size=20)
    x, _ = data.train.batch(torch.arange(96))
    assert model(x).shape == (96, 10)
    seen = model[1].seen  # type: ignore[index, union-attr]
    assert float(seen.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(seen.std()) == pytest.approx(1.0, abs=1e-3)
    assert facts["epoch"] == 1


def test_a_stopped_run_goes_on_where_its_model_is_named_again(run: Path, cli: Cli, trusted: None) -> None:
    stopped = run.parent / "stopped"
    assert fit(complete({**SMALL, "epochs": 2, "model": MODEL}), stopped, [StopAt(4)]) is Outcome.STOPPED
    (run.parent / "imported").unlink(missing_ok=True)
    assert_refused(cli("train", "--resume", stopped), f"made by {MODEL}", "if you trust it, give --model")
    assert_refused(cli("train", "--resume", stopped, "--model", "os:system"), f"of the model {MODEL}, not of os:system")
    assert not (run.parent / "imported").exists()
    result = cli("train", "--resume", stopped, "--model", MODEL)
    assert result.returncode == 0, result.stderr
    for one in (run, stopped):
        (one / "checkpoints" / "epoch-000002.safetensors").write_bytes((one / LAST).read_bytes())
    assert_same_run(run, stopped)


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (("evaluate", "run", "--attack", "fgsm", "--num", 20), "fgsm"),
        (("probe", LAST, "--out", "probed.h5", "--num", 20), "probe"),
        (("landscape", "run", "--samples", "@", "--grid", 3), "plane"),
        (("images", "run", "--sample", "@", "--split", "probe"), "probe split"),
        (("pca", "run"), "components"),
        (("sample", "run", "--num", 2, "--steps", 2, "--class", 3), "2 images"),
        (("sweep-sampling", "run", "--against", "digits", "--num", 10, "--steps", 1), ""),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands_on_the_run_import_its_model_only_where_it_is_named(
    run: Path, cli: Cli, command: tuple[object, ...], made: str
) -> None:
    sample = load_data("digits", train_size=96, probe_size=20).probe.index[0].item()
    words = [sample if word == "@" else run / word if word == LAST else word for word in command]
    refused = cli(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"made by {MODEL}, which is code, not data: if you trust it, give --model {MODEL}\n" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (run.parent / "imported").exists(), "a file has had code imported"
    if command[0] == "sweep-sampling":
        return
    result = cli(*words, "--model", MODEL)
    assert result.returncode == 0, result.stderr
    assert made in result.stdout
    assert (run.parent / "imported").exists()


def test_another_model_than_the_checkpoints_is_refused(run: Path, cli: Cli) -> None:
    for command in (("pca", "run"), ("evaluate", "run")):
        assert_refused(cli(*command, "--model", "users_nets:wide"), MODEL, "not", "users_nets:wide", "drop --model")
    assert not (run.parent / "imported").exists() or command[0] == "evaluate"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("users_nets:fails", ("users_nets:fails failed: LookupError: no such backbone",)),
        ("users_nets:absent", ("users_nets has no absent to call",)),
        ("users_nets:NOTHING", ("users_nets has no NOTHING to call",)),
        ("users_nets:pictures", ("users_nets:pictures: the model gives (2, 1, 8, 8) for 2 images, not logits",)),
        ("users_nets:sevens", ("users_nets:sevens tells 7 classes apart, but the data have 10",)),
        ("no_such_nets:Net", ("cannot import no_such_nets for --model: ModuleNotFoundError",)),
        ("builtins:dict", ("builtins:dict gave dict, not a torch.nn.Module",)),
        ("resnet19", ("unknown model 'resnet19'", "package.module:factory")),
    ],
)
def test_what_gives_no_classifier_is_refused(tmp_path: Path, cli: Cli, model: str, words: tuple[str, ...]) -> None:
    (tmp_path / "users_nets.py").write_text(CODE)
    assert_refused(cli("train", *OPTIONS, "--model", model, "--out", "other"), *words)
    assert not (tmp_path / "other").exists()


def test_a_width_reaches_the_factory_that_takes_one(run: Path, trusted: None) -> None:
    trust("users_nets:wide")
    fit(complete({**SMALL, "epochs": 1, "model": "users_nets:wide", "width": 5}), run.parent / "wide")
    model, _ = load_weights(run.parent / "wide" / "checkpoints" / "epoch-000000.safetensors")
    assert model.state_dict()["1.1.weight"].shape == (5, 64)
    with pytest.raises(WorkbenchError, match="users_nets:Net takes no width; drop --width"):
        fit(complete({**SMALL, "model": MODEL, "width": 5}), run.parent / "narrow")


def test_a_configuration_file_names_no_code(run: Path, cli: Cli) -> None:
    arguments = ("train", "--config", run / "config.toml", "--out", "again")
    assert_refused(cli(*arguments), f"made by {MODEL}", f"--model {MODEL}")
    assert not (run.parent / "imported").exists()


def test_a_header_that_asks_for_more_than_the_file_holds_is_refused(run: Path, trusted: None) -> None:
    content = (run / LAST).read_bytes()
    path = run.parent / "hostile.safetensors"
    path.write_bytes(content.replace(b'\\"num_classes\\": 10,', b'\\"num_classes\\":999,'))
    with pytest.raises(WorkbenchError, match="asks for more classes"):
        load_weights(path)


def test_what_is_not_trusted_is_not_loaded(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factories, "_trusted", set())
    with pytest.raises(UntrustedFactoryError, match=f"{LAST.name}: the model is made by {MODEL}"):
        load_weights(run / LAST)
