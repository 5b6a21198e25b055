"""One training step of every method against the published formula in plain torch, in float64."""

import copy
import itertools

import plain_methods
import plain_torch
import pytest
import torch
from stepping import DER, EPS, SGD, Run, assert_close, batch, network, settings
from torch import nn

from trainers.fabric import Fabric
from trainers.recipes import METHODS, get_method
from trainers.steps import train_step

DERS = [
    plain_torch.Der(beta=1.3, energy=energy, penalty=penalty, margin=0.02)
    for energy, penalty in itertools.product(("marginal", "joint", "both"), ("squared", "abs", "hinge"))
]
INSTANCES = [
    *((name, DER) for name in METHODS),
    *(("fgsm-der", der) for der in DERS[1:]),
    *(("rs-fgsm-der", der) for der in DERS[1:]),
]
IDLE = {
    "elle-a": "λ begins at 0: test_lambda_of_elle_a_jumps_and_decays",
    "aaer": "needs abnormal examples: test_aaer_acts_where_the_attack_lowered_the_loss",
}
"""Regularizers that two steps of a fresh network need not wake, and the tests that do."""


@pytest.mark.parametrize(("method", "der"), INSTANCES)
def test_two_steps_equal_the_published_ones(fabric: Fabric, method: str, der: plain_torch.Der) -> None:
    """Loss, logits, gradients, weights and running statistics; the second step would show a gradient left over."""
    run = Run(fabric, method, der)
    twin, sgd = network(), plain_torch.Sgd(**SGD)
    past = plain_methods.Past(sgd)
    for number in range(2):
        x, y = batch(number)
        untouched = x.clone()
        recorded = copy.deepcopy(twin)
        expected = plain_methods.step(
            twin, x, y, method, eps=EPS, der=der, generator=torch.Generator().manual_seed(number), run=past
        )
        result = run.step(number)
        assert_close(result.loss, expected.loss.detach(), "loss")
        assert_close(result.regularizer, expected.regularizer.detach(), "regularizer")
        assert result.regularizer > 0 or not METHODS[method].regularizers or method in IDLE, (
            "an idle part proves nothing"
        )
        clean_logits = recorded(x) if expected.clean_logits is None else expected.clean_logits
        assert_close(result.clean_logits, clean_logits.detach(), "natural logits")
        assert (result.adv_logits is None) is (expected.adv_logits is None)
        if expected.adv_logits is not None:
            assert_close(result.adv_logits, expected.adv_logits.detach(), "adversarial logits")
        assert not any(value.requires_grad for value in result if value is not None)
        for name, parameter in twin.named_parameters():
            assert_close(run.module.get_parameter(name).grad, parameter.grad, f"gradient of {name}")
        sgd.step(twin)
        past.restore()
        for name, value in twin.state_dict().items():
            if value.is_floating_point():
                assert_close(run.module.state_dict()[name], value, name)
            else:
                assert torch.equal(run.module.state_dict()[name], value), name
        assert torch.equal(x, untouched)
        assert x.grad is None
        assert all(module.training for module in run.module.modules())


def test_one_natural_pass_has_the_gradient_of_the_two_that_trades_was_published_with() -> None:
    """CE and KL from two forward passes of x, as in the authors' code; only running statistics differ."""
    (x, y), one, two = batch(0), network(), network()
    generator = torch.Generator().manual_seed(0)
    past = plain_methods.Past(plain_torch.Sgd(**SGD))
    expected = plain_methods.step(one, x, y, "trades", eps=EPS, der=DER, generator=generator, run=past)
    x_adv = plain_methods.kl_attack(two, x, EPS, 0.007 * EPS / 0.031, torch.Generator().manual_seed(0))
    natural = torch.nn.functional.cross_entropy(two(x), y)
    robust = torch.nn.functional.kl_div(two(x_adv).log_softmax(1), two(x).softmax(1), reduction="batchmean")
    (natural + 6.0 * robust).backward()
    assert_close(expected.loss.detach(), (natural + 6.0 * robust).detach(), "loss")
    for name, parameter in two.named_parameters():
        assert_close(one.get_parameter(name).grad, parameter.grad, name)


def test_lambda_of_elle_a_jumps_and_decays(fabric: Fabric) -> None:
    """Enough steps for a jump: the loss of every step against the published rule over the whole list of errors."""
    run = Run(fabric, "elle-a", lr=1e-3)
    twin, sgd = network(), plain_torch.Sgd(**(SGD | {"lr": 1e-3}))
    past, strengths = plain_methods.Past(sgd), []
    for number in range(40):
        x, y = batch(number)
        generator = torch.Generator().manual_seed(number)
        expected = plain_methods.step(twin, x, y, "elle-a", eps=EPS, der=DER, generator=generator, run=past)
        sgd.step(twin)
        result = run.step(number)
        assert_close(result.loss, expected.loss.detach(), f"loss of step {number}", within=1e-6)
        assert_close(result.regularizer, expected.regularizer.detach(), f"regularizer of step {number}", within=1e-6)
        strengths.append(past.strength)
    assert 4000.0 in strengths, "λ never jumped"
    assert any(0 < later < earlier for earlier, later in itertools.pairwise(strengths)), "λ never decayed"


def test_aaer_acts_where_the_attack_lowered_the_loss(fabric: Fabric) -> None:
    """A batch and weights with both groups, found by looking: the term and its gradients are those of the formula."""
    acted = 0
    for number in range(12):
        run, twin = Run(fabric, "aaer"), network()
        run.module.load_state_dict(overfitted().state_dict())
        twin.load_state_dict(overfitted().state_dict())
        x, y = batch(number)
        generator = torch.Generator().manual_seed(number)
        past = plain_methods.Past(plain_torch.Sgd(**SGD))
        expected = plain_methods.step(twin, x, y, "aaer", eps=EPS, der=DER, generator=generator, run=past)
        result = run.step(number)
        assert_close(result.regularizer, expected.regularizer.detach(), "regularizer")
        for name, parameter in twin.named_parameters():
            assert_close(run.module.get_parameter(name).grad, parameter.grad, f"gradient of {name}")
        acted += int(result.regularizer > 0)
    assert acted > 0


def overfitted() -> nn.Module:
    """Large weights in the first layer: one step of ε overshoots, on some samples downhill."""
    model = network()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "conv" in name:
                weight.mul_(3.0)
    return model


def test_hinges_of_the_instances_are_partly_open() -> None:
    """The margin above separates the samples of the instances, else the hinge would pass as |ΔE| − m or as nothing."""
    (x, y), model = batch(0), network()
    x_adv = plain_torch.attack(copy.deepcopy(model), x, y, plain_torch.RECIPES["fgsm"], EPS, torch.Generator())
    clean, adv = model(x), model(x_adv)
    joint = (plain_torch.joint_energy(clean, y) - plain_torch.joint_energy(adv, y)).abs()
    marginal = (plain_torch.energy(clean) - plain_torch.energy(adv)).abs()
    for delta in (joint, marginal):
        assert (delta > DERS[0].margin).any()
    assert (torch.cat([joint, marginal]) < DERS[0].margin).any()


@pytest.mark.parametrize("method", METHODS)
def test_recording_changes_nothing_but_what_is_recorded(fabric: Fabric, method: str) -> None:
    runs = {record: Run(fabric, method, record=record) for record in (True, False)}
    for number in range(2):
        results = {record: run.step(number) for record, run in runs.items()}
        assert torch.equal(results[True].loss, results[False].loss)
        free = get_method(method).recording_passes == 0
        assert (results[False].clean_logits is not None) is free
        assert results[True].clean_logits is not None
    with_record, without = (runs[record].module.state_dict() for record in (True, False))
    for name, value in without.items():
        assert torch.equal(with_record[name], value), name


@pytest.mark.parametrize(
    "method",
    [
        "fgsm-der",
        "rs-fgsm-der",
        "rs-fgsm",
        "pgd",
        "trades",
        "mart",
        "grad-align-der",
        "elle-a",
        "aaer",
        "free-der",
        "pgd-awp",
        "trades-awp",
        "weat-nat",
        "weat-adv",
    ],
)
def test_steps_run_under_mixed_precision(method: str) -> None:
    """``autograd.grad`` through Fabric's wrapper raises here; the step must go round it and stay near float32."""
    x, y = batch(0)
    losses = {}
    for precision in ("bf16-mixed", "32-true"):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        module = network().float()
        model, optimizer = fabric.setup(module, torch.optim.SGD(module.parameters(), lr=0.1))
        result = train_step(
            fabric,
            model,
            optimizer,
            x.float(),
            y,
            method=get_method(method),
            config=settings(method),
            generator=torch.Generator().manual_seed(0),
            record=True,
        )
        losses[precision] = float(result.loss)
        assert module.get_parameter("conv1.weight").dtype == torch.float32
    assert losses["bf16-mixed"] == pytest.approx(losses["32-true"], rel=0.1)
