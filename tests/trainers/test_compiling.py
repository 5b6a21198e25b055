"""Compiled models: the same logits where there is a compiler, one line where there is none."""

import pytest
import torch
from refusals import refuses

from trainers.errors import WorkbenchWarning
from trainers.models.compiling import compile_in_place
from trainers.recipes import complete

SMALL = {"width": 2, "train_size": 40, "probe_size": 10, "train_probe_size": 0, "device": "cpu", "epochs": 1}


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


def test_training_refuses_it() -> None:
    """Weight gradients of a compiled model were found to differ from those of the same model uncompiled."""
    with refuses("--compile", "switched off"):
        complete({"compile": True})
