"""``--model``: factories, programs with and without other weights, our own files, and what does not fit."""

import warnings
from pathlib import Path

import factories
import pytest
import torch
from safetensors.torch import save_file
from small_network import foreign_state
from torch import Tensor, nn

from trainers.data import Split, load_data
from trainers.errors import WorkbenchError
from workbench.probe import ModelOptions, parse_normaliser
from workbench.probe.loading import check_fits, make_loader, own_header

DIGITS = tuple("0123456789")
OWN = parse_normaliser("0.3", "0.38", None)


@pytest.fixture(scope="module")
def split() -> Split:
    return load_data("digits", probe_size=20).probe


@pytest.fixture(scope="module")
def x(split: Split) -> Tensor:
    return split.batch(torch.arange(7))[0]


def load(path: Path, **options: object) -> nn.Module:
    return make_loader(ModelOptions(**options), 10, 1)(path, "activated").model.eval()


@pytest.mark.parametrize("name", ["with_classes", "with_anything", "without_arguments", "Net"])
def test_a_factory_is_given_the_number_of_classes(name: str, tmp_path: Path, x: Tensor) -> None:
    net = factories.Net(10)
    torch.save({"state_dict": {f"module.{key}": tensor for key, tensor in net.state_dict().items()}}, tmp_path / "a.pt")
    model = load(tmp_path / "a.pt", name=f"factories:{name}")
    assert torch.equal(model(x), net(x))
    behind = load(tmp_path / "a.pt", name=f"factories:{name}", normaliser=parse_normaliser("pm1", None, None))
    assert torch.allclose(behind(x), net(2 * x - 1), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("factories:no_module", "factories:no_module gave str, not a torch.nn.Module"),
        ("factories:fails", "factories:fails failed: LookupError: no such backbone$"),
        ("factories:NOT_CALLABLE", "factories has no NOT_CALLABLE to call"),
        ("factories:absent", "factories has no absent to call"),
        ("no_such_package.models:net", "cannot import no_such_package.models for --model: ModuleNotFoundError"),
        ("resnet19", "unknown --model 'resnet19'; known are small-cnn, preact-resnet18, .*, torchscript"),
    ],
)
def test_factories_that_are_refused(name: str, said: str, tmp_path: Path) -> None:
    torch.save(factories.Net(10).state_dict(), tmp_path / "a.pt")
    with pytest.raises(WorkbenchError, match=said):
        load(tmp_path / "a.pt", name=name)


def scripted(net: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(net), path)
    return path


def exported(net: nn.Module, path: Path, batch: int | None) -> Path:
    shapes = None if batch else ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net.eval(), (torch.rand(batch or 4, 1, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("kind", ["torchscript", "export", "export-of-3"])
def test_programs_run_and_take_other_weights(kind: str, tmp_path: Path, x: Tensor) -> None:
    net, other = factories.Net(10), factories.Net(10)
    path = tmp_path / "net.pt2"
    if kind == "torchscript":
        scripted(net, path)
    else:
        exported(net, path, 3 if kind == "export-of-3" else None)
    word = kind.partition("-")[0]
    torch.save(other.state_dict(), tmp_path / "other.pt")
    for model, expected in (
        (load(path, name=word), net),
        (load(tmp_path / "other.pt", name=str(path)), other),
        (load(path, name=word, normaliser=parse_normaliser("pm1", None, None)), lambda x: net(2 * x - 1)),
    ):
        for size in (1, 2, 7):
            assert torch.allclose(model(x[:size]), expected(x[:size]), atol=1e-5), size
        leaf, twin = x.clone().requires_grad_(True), x.clone().requires_grad_(True)
        model(leaf).square().sum().backward()
        expected(twin).square().sum().backward()
        assert torch.allclose(leaf.grad, twin.grad, rtol=1e-4, atol=1e-5), "attacks need the gradient in x"


def test_weights_and_programs_are_not_mixed_up(tmp_path: Path) -> None:
    net = factories.Net(10)
    script, program, weights = tmp_path / "s.pt", tmp_path / "e.pt2", tmp_path / "w.pt"
    scripted(net, script)
    exported(net, program, None)
    torch.save(net.state_dict(), weights)
    for path, name, said in (
        (weights, "torchscript", "is a file of torch.save, which --model torchscript cannot run"),
        (program, "torchscript", "is a program of torch.export, which --model torchscript cannot run"),
        (script, "export", "is a TorchScript program, which --model export cannot run"),
        (script, "factories:Net", "--model torchscript runs it, if you trust"),
        (program, "preact-resnet18", "--model export runs it, if you trust"),
        (weights, str(weights), "is a file of torch.save, no program"),
    ):
        with pytest.raises(WorkbenchError, match=said):
            load(path, name=name)


def test_our_own_checkpoints_say_it_all(checkpoints: list[Path], model: nn.Module, x: Tensor, tmp_path: Path) -> None:
    for name in (None, "small-cnn"):
        assert torch.equal(load(checkpoints[2], name=name)(x), model(x))
    assert own_header(checkpoints[0])["facts"]["probe_size"] == 120
    for options, said in (
        ({"name": "preact-resnet18"}, "is a small-cnn, not a preact-resnet18; drop --model"),
        ({"name": "small-cnn", "shortcut": "raw"}, "says all of its model itself"),
        ({"normaliser": OWN}, "says all of its model itself"),
    ):
        with pytest.raises(WorkbenchError, match=said):
            load(checkpoints[2], **options)
    plain = tmp_path / "plain.safetensors"
    save_file(foreign_state(model), plain)
    assert own_header(plain) is None
    with pytest.raises(WorkbenchError, match="does not say what model it is of; give --model"):
        load(plain)
    assert torch.allclose(load(plain, name="small-cnn", normaliser=OWN)(x), model(x), atol=1e-5)


def test_what_does_not_fit_the_images(tmp_path: Path, split: Split, model: nn.Module) -> None:
    torch.save(foreign_state(model), tmp_path / "a.pt")
    grey = make_loader(ModelOptions(name="small-cnn"), 10, 3)(tmp_path / "a.pt", "activated")
    check_fits(grey, tmp_path / "a.pt", split, DIGITS)
    colour = Split(images=split.images.expand(-1, 3, -1, -1), scale=1 / 16, labels=split.labels, index=split.index)
    with pytest.raises(WorkbenchError, match="of 1 channels, but the data have 3; --image-mode grey converts them"):
        check_fits(grey, tmp_path / "a.pt", colour, DIGITS)
    torch.save(factories.Net(10).state_dict(), tmp_path / "b.pt")
    own = make_loader(ModelOptions(name="factories:Net"), 10, 3)(tmp_path / "b.pt", "activated")
    with pytest.raises(WorkbenchError, match="--image-mode grey converts them"):
        check_fits(own, tmp_path / "b.pt", colour, DIGITS)
    large = Split(images=torch.zeros(4, 1, 16, 16), scale=1.0, labels=split.labels[:4], index=split.index[:4])
    with pytest.raises(WorkbenchError, match="cannot take images of 1x16x16: mat1 and mat2"):
        check_fits(own, tmp_path / "b.pt", large, DIGITS)
    with pytest.raises(WorkbenchError, match="tells 10 classes apart, but the data have 2"):
        check_fits(grey, tmp_path / "a.pt", split, ("no", "yes"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shortcut": "relu"}, "--shortcut must be one of auto, activated, raw"),
        ({"shortcut": "raw"}, "--shortcut is of --model small-cnn or preact-resnet18; drop it"),
        ({"shortcut": "raw", "name": "a:b"}, "--shortcut is of --model"),
        ({"state": "best", "name": "torchscript"}, "hold one program each; drop --state"),
    ],
)
def test_options_that_would_be_ignored_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        ModelOptions(**options)
