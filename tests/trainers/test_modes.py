"""Modes of a model are borrowed and given back."""

import copy

import pytest
import torch
from stepping import batch, network
from torch import nn

from trainers.steps import evaluation_mode, frozen_statistics


def partly_frozen() -> nn.Module:
    model = network()
    model.get_submodule("layer1").eval()
    return model


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def test_evaluation_mode_gives_every_module_its_mode_back() -> None:
    model = partly_frozen()
    before = modes(model)
    with evaluation_mode(model):
        assert not any(modes(model))
    assert modes(model) == before
    with pytest.raises(RuntimeError), evaluation_mode(model):
        raise RuntimeError
    assert modes(model) == before


def test_frozen_statistics_normalise_by_the_batch_and_remember_nothing() -> None:
    model, twin = network(), network()
    x, _ = batch(0)
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad(), frozen_statistics(model):
        logits = model(x)
    assert torch.equal(logits, twin(x))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(RuntimeError), frozen_statistics(model):
        raise RuntimeError
    model(x)
    assert int(model.get_buffer("bn.num_batches_tracked")) == 1
