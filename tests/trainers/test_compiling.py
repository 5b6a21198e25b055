"""Compiled models: the same logits where there is a compiler, one line where there is none."""

import warnings
from pathlib import Path

import pytest
import torch
from refusals import refuses
from torch.nn import functional as F

from tests.conftest import Cli
from trainers.errors import WorkbenchWarning
from trainers.models.average import WeightAverage
from trainers.models.compiling import compile_in_place
from trainers.recipes import complete
from trainers.setup import prepare

SMALL = {"width": 2, "train_size": 40, "probe_size": 10, "train_probe_size": 0, "device": "cpu", "epochs": 1}


def test_a_compiled_model_gives_the_same_logits_and_gradients() -> None:
    """As fgsm-der goes through it: a gradient to the input, and the same graph once more to the weights."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compiled = prepare(complete(SMALL | {"compile": True, "ema": 0.9}))
    if any(issubclass(warning.category, WorkbenchWarning) for warning in said):
        pytest.skip("no compiler here")
    plain = prepare(complete(SMALL)).module
    assert compiled.module._compiled_call_impl is not None
    assert list(compiled.module.state_dict()) == list(plain.state_dict())
    assert isinstance(compiled.average, WeightAverage)
    assert compiled.average.module._compiled_call_impl is None, "it would compute with the raw weights"
    x, y = compiled.data.train.batch(torch.arange(8))
    found = []
    for module in (compiled.module, plain):
        leaf = x.clone().requires_grad_(True)
        torch._dynamo.maybe_mark_dynamic(leaf, 0)  # as batches of two sizes make it
        logits = module.train()(leaf)
        loss = F.cross_entropy(logits, y)
        to_input = torch.autograd.grad(loss, leaf, retain_graph=True)
        found.append((logits, *to_input, *torch.autograd.grad(2 * loss, list(module.parameters()))))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


def test_without_a_compiler_the_model_stays_as_it_is_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise RuntimeError("backend='inductor' raised:\nInvalidCxxCompiler: No working C++ compiler found\n\nmore")

    monkeypatch.setattr(torch, "compile", missing)
    model = torch.nn.Linear(2, 2)
    with pytest.warns(WorkbenchWarning) as said:
        assert not compile_in_place(model, torch.device("cpu"))
    assert [str(warning.message) for warning in said] == [
        "--compile has no effect: InvalidCxxCompiler: No working C++ compiler found"
    ]
    assert model._compiled_call_impl is None


def test_a_run_without_a_compiler_goes_on(cli: Cli, tmp_path: Path) -> None:
    small = ["--train-size", 40, "--probe-size", 10, "--train-probe-size", 0, "--width", 2, "--epochs", 1]
    result = cli("train", "--compile", "--device", "cpu", *small, "--out", "run", CXX=str(tmp_path / "no-compiler"))
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "--compile" in line]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("--compile has no effect: InvalidCxxCompiler")
    assert "Warning" not in result.stderr


def test_the_gradient_of_a_gradient_is_refused() -> None:
    with refuses("grad-align-der", "--compile"):
        complete({"method": "grad-align-der", "compile": True})
