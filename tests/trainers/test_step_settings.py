"""Settings of a step that are of no method: clipped gradients, precision, memory format."""

from dataclasses import replace

import pytest
import torch
from stepping import assert_close, batch, network, settings
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.fabric import Fabric
from trainers.recipes import METHODS, get_method
from trainers.spec import TrainConfig
from trainers.steps import StepResult, train_step

LR = 0.1


def stepped(fabric: Fabric, module: nn.Module, config: TrainConfig, x: Tensor, y: Tensor) -> StepResult:
    model, optimizer = fabric.setup(module, torch.optim.SGD(module.parameters(), lr=LR))
    return train_step(
        fabric,
        model,
        optimizer,
        x,
        y,
        method=get_method(config.method),
        config=config,
        generator=torch.Generator().manual_seed(0),
        record=True,
    )


@pytest.mark.parametrize("share", [0.25, 4.0])
def test_a_gradient_is_shortened_to_the_bound_and_never_lengthened(fabric: Fabric, share: float) -> None:
    """The weights after one step against plain torch; the bound is a share of the gradient's length."""
    x, y = batch(0)
    plain = network()
    gradients = torch.autograd.grad(F.cross_entropy(plain(x), y), list(plain.parameters()))
    length = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    module = network()
    stepped(fabric, module, replace(settings("standard"), clip_grad=share * length), x, y)
    for (name, after), before, gradient in zip(module.named_parameters(), plain.parameters(), gradients, strict=True):
        expected = before - LR * min(share, 1.0) * gradient
        assert_close(after.detach(), expected.detach(), name, within=1e-5)  # torch's clipping adds 1e-6 to the length


def test_a_gradient_that_is_not_finite_is_left_to_whoever_watches_the_loss(fabric: Fabric) -> None:
    x, y = batch(0)
    module = network()
    with torch.no_grad():
        module.get_parameter("conv1.weight").fill_(torch.nan)
    result = stepped(fabric, module, replace(settings("standard"), clip_grad=1.0), x, y)
    assert not result.loss.isfinite()


@pytest.fixture(scope="module")
def mixed() -> Fabric:
    return Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_in_bf16_and_stays_near_float32(fabric: Fabric, mixed: Fabric, method: str) -> None:
    """Weights, gradients and what is recorded stay in float32; values move by what eight bits of mantissa explain."""
    x, y = (part.float() if part.is_floating_point() else part for part in batch(0))
    modules, results = {}, {}
    for name, run_on in (("float32", fabric), ("bf16", mixed)):
        modules[name] = network().float()
        results[name] = stepped(run_on, modules[name], settings(method), x, y)
    assert {value.dtype for value in modules["bf16"].parameters()} == {torch.float32}
    for single, half in zip(results["float32"], results["bf16"], strict=True):
        assert (single is None) == (half is None)
        if single is not None:
            assert half.dtype == torch.float32
            assert half.isfinite().all()
    logits, other = results["float32"].clean_logits, results["bf16"].clean_logits
    assert not torch.equal(logits, other), "nothing was computed in bf16"
    assert_close(other, logits, method, within=0.3)


@pytest.mark.parametrize("method", ["pgd-der", "trades", "elle"])
def test_channels_last_gives_the_same_step(fabric: Fabric, method: str) -> None:
    """Noise included."""
    x, y = batch(0)
    modules = network(), network().to(memory_format=torch.channels_last)
    results = [
        stepped(fabric, module, settings(method), images, y)
        for module, images in zip(modules, (x, x.contiguous(memory_format=torch.channels_last)), strict=True)
    ]
    assert_close(results[1].adv_logits, results[0].adv_logits, "logits")
    for (name, value), other in zip(modules[0].named_parameters(), modules[1].parameters(), strict=True):
        assert_close(other.detach(), value.detach(), name)
