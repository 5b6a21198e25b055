"""One training step of every method against the published formula in plain torch, in float64; and what a step costs."""

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import plain_torch
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from trainers.models import ModelSpec, build_model
from trainers.recipes import METHODS, complete, get_method
from trainers.spec import TrainConfig, pgd
from trainers.steps import StepResult, evaluation_mode, frozen_statistics, standard_step

EPS = 0.11
SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
DERS = [
    plain_torch.Der(beta=1.3, energy=energy, penalty=penalty, margin=0.02)
    for energy, penalty in itertools.product(("marginal", "joint", "both"), ("squared", "abs", "hinge"))
]
INSTANCES = [
    *((name, DERS[0]) for name in METHODS),
    *(("fgsm-der", der) for der in DERS[1:]),
    *(("rs-fgsm-der", der) for der in DERS[1:]),
]


def network() -> nn.Module:
    torch.manual_seed(8)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=2, num_classes=5, mean=(0.4, 0.5), std=(0.3, 0.2))
    return build_model(spec).double().train()


def batch(number: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(100 + number)
    x = torch.rand(6, 2, 8, 8, generator=generator, dtype=torch.float64).mul(1.2).sub(0.1).clamp(0, 1)
    return x, torch.randint(5, (6,), generator=generator)


def settings(method: str, der: plain_torch.Der = DERS[0]) -> TrainConfig:
    regularizer = {"der_beta": der.beta, "der_energy": der.energy, "der_penalty": der.penalty}
    if der.penalty == "hinge":
        regularizer["der_margin"] = der.margin
    return complete({"method": method, "eps": EPS} | (regularizer if method.endswith("-der") else {}))


@dataclass
class Run:
    """A model under training by ``standard_step``."""

    fabric: Fabric
    method: str
    der: plain_torch.Der = DERS[0]
    record: bool = True
    lr: float = SGD["lr"]
    module: nn.Module = field(default_factory=network)

    def __post_init__(self) -> None:
        sgd = torch.optim.SGD(self.module.parameters(), **(SGD | {"lr": self.lr}))
        self.model, self.optimizer = self.fabric.setup(self.module, sgd)

    def step(self, number: int = 0) -> StepResult:
        x, y = batch(number)
        return standard_step(
            self.fabric,
            self.model,
            self.optimizer,
            x,
            y,
            method=get_method(self.method),
            config=settings(self.method, self.der),
            generator=torch.Generator().manual_seed(number),
            record=self.record,
        )


def assert_close(values: Tensor, expected: Tensor, what: str) -> None:
    scale = max(float(expected.abs().max()), 1e-30)
    assert float((values - expected).abs().max()) <= 1e-9 * scale, what


@pytest.mark.parametrize(("method", "der"), INSTANCES)
def test_two_steps_equal_the_published_ones(fabric: Fabric, method: str, der: plain_torch.Der) -> None:
    """Loss, logits, gradients, weights and running statistics; the second step would show a gradient left over."""
    run = Run(fabric, method, der)
    twin, sgd = network(), plain_torch.Sgd(**SGD)
    for number in range(2):
        x, y = batch(number)
        untouched = x.clone()
        recorded = copy.deepcopy(twin)
        expected = plain_torch.step(
            twin, x, y, method, eps=EPS, der=der, generator=torch.Generator().manual_seed(number)
        )
        result = run.step(number)
        assert_close(result.loss, expected.loss.detach(), "loss")
        assert_close(result.regularizer, expected.regularizer.detach(), "regularizer")
        assert result.regularizer > 0 or not method.endswith("-der"), "an idle regularizer proves nothing"
        clean_logits = recorded(x) if expected.clean_logits is None else expected.clean_logits
        assert_close(result.clean_logits, clean_logits.detach(), "natural logits")
        assert (result.adv_logits is None) is (expected.adv_logits is None)
        if expected.adv_logits is not None:
            assert_close(result.adv_logits, expected.adv_logits.detach(), "adversarial logits")
        assert not any(value.requires_grad for value in result if value is not None)
        for name, parameter in twin.named_parameters():
            assert_close(run.module.get_parameter(name).grad, parameter.grad, f"gradient of {name}")
        sgd.step(twin)
        for name, value in twin.state_dict().items():
            if value.is_floating_point():
                assert_close(run.module.state_dict()[name], value, name)
            else:
                assert torch.equal(run.module.state_dict()[name], value), name
        assert torch.equal(x, untouched)
        assert x.grad is None
        assert all(module.training for module in run.module.modules())


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


@pytest.mark.parametrize("method", METHODS)
def test_running_statistics_see_each_training_pass_once(fabric: Fabric, method: str) -> None:
    """Train-BN: every forward pass of the attack counts, as do the loss's; the recording pass does not."""
    passes = {
        "standard": 1,
        "fgsm": 2,
        "fgsm-der": 2,
        "rs-fgsm": 2,
        "rs-fgsm-der": 3,
        "n-fgsm": 2,
        "n-fgsm-der": 3,
        "pgd": 11,
        "pgd-der": 12,
    }[method]
    run = Run(fabric, method)
    run.step()
    counters = {name: int(value) for name, value in run.module.named_buffers() if name.endswith("num_batches_tracked")}
    assert set(counters.values()) == {passes}, counters
    layers = [module for module in run.module.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(layer.track_running_stats for layer in layers)


@dataclass
class Costs:
    """Forward passes with their inputs, and how often a backward pass runs through the network."""

    inputs: list[Tensor] = field(default_factory=list)
    with_gradient: list[bool] = field(default_factory=list)
    backwards: int = 0


@contextmanager
def counted(module: nn.Module) -> Iterator[Costs]:
    costs = Costs()

    def before(_: nn.Module, arguments: tuple[Tensor]) -> None:
        costs.inputs.append(arguments[0].detach().clone())
        costs.with_gradient.append(torch.is_grad_enabled())

    def backward(*_: object) -> None:
        costs.backwards += 1

    hooks = [
        module.register_forward_pre_hook(before),
        module.get_submodule("linear").register_full_backward_hook(backward),
    ]
    yield costs
    for hook in hooks:
        hook.remove()


COSTS = {
    "standard": (1, 1, 0),
    "fgsm": (2, 2, 0),
    "fgsm-der": (2, 3, 0),
    "rs-fgsm": (2, 2, 1),
    "rs-fgsm-der": (3, 3, 0),
    "n-fgsm": (2, 2, 1),
    "n-fgsm-der": (3, 3, 0),
    "pgd": (11, 11, 1),
    "pgd-der": (12, 12, 0),
}
"""Forward passes, backward passes, and forward passes for the record alone."""


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_step_costs_what_its_row_says(fabric: Fabric, method: str, record: bool) -> None:
    run = Run(fabric, method, record=record)
    x, _ = batch(0)
    with counted(run.module) as costs:
        run.step()
    forwards, backwards, recording = COSTS[method]
    extra = recording if record else 0
    assert (len(costs.inputs), costs.backwards) == (forwards + extra, backwards)
    row = get_method(method)
    steps = row.attack.steps if row.attack else 0
    to_input, to_weights = steps, backwards - steps
    assert row.passes == forwards + to_input + 2 * to_weights
    assert row.recording_passes == recording
    of_x = sum(torch.equal(seen, x) for seen in costs.inputs)
    assert of_x == (0 if recording and not record else 1), "x is forwarded once, or never"
    assert costs.with_gradient.count(False) == extra


def test_fgsm_and_its_regularized_row_cost_what_the_benchmarks_assume() -> None:
    assert (METHODS["fgsm"].passes, METHODS["fgsm-der"].passes) == (5, 7)


def test_an_attack_in_evaluation_mode_moves_no_running_statistics(fabric: Fabric) -> None:
    """``AttackSpec.batch_norm`` is the mode in which the gradients are taken; a row that says "eval" must get it."""
    run = Run(fabric, "pgd")
    twin = network()
    x, y = batch(0)
    method = replace(get_method("pgd"), attack=pgd(3, "eval"))
    standard_step(
        fabric,
        run.model,
        run.optimizer,
        x,
        y,
        method=method,
        config=settings("pgd"),
        generator=torch.Generator().manual_seed(5),
        record=False,
    )
    recipe = plain_torch.Recipe(radius=1.0, steps=3, alpha=2.5 / 3, clip=True)
    x_adv = plain_torch.attack(twin.eval(), x, y, recipe, EPS, torch.Generator().manual_seed(5))
    twin.train()(x_adv)
    assert int(run.module.get_buffer("bn.num_batches_tracked")) == 1
    assert_close(run.module.get_buffer("bn.running_mean"), twin.get_buffer("bn.running_mean"), "running mean")
    assert all(module.training for module in run.module.modules())


@pytest.mark.parametrize(("name", "forwards"), [("fgsm", 2), ("fgsm-der", 3)])
def test_logits_of_an_attack_in_evaluation_mode_are_not_taken_for_those_of_training(
    fabric: Fabric, name: str, forwards: int
) -> None:
    """Its first pass is of x, but in the other mode: the regularizer needs a pass of its own, the record likewise."""
    run, twin = Run(fabric, name), network()
    x, y = batch(0)
    row = get_method(name)
    assert row.attack is not None
    row = replace(row, attack=replace(row.attack, batch_norm="eval"))
    with counted(run.module) as costs:
        result = standard_step(
            fabric,
            run.model,
            run.optimizer,
            x,
            y,
            method=row,
            config=settings(name),
            generator=torch.Generator(),
            record=True,
        )
    recording = 0 if name.endswith("-der") else 1
    assert len(costs.inputs) == forwards + recording
    assert row.recording_passes == recording
    assert row.passes == forwards + 1 + 2 * (costs.backwards - 1)
    assert_close(result.clean_logits, twin(x).detach(), "natural logits in training mode")
    assert int(run.module.get_buffer("bn.num_batches_tracked")) == forwards - 1


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


@pytest.mark.parametrize("method", ["fgsm-der", "rs-fgsm-der", "rs-fgsm", "pgd"])
def test_steps_run_under_mixed_precision(method: str) -> None:
    """``autograd.grad`` through Fabric's wrapper raises here; the step must go round it and stay near float32."""
    x, y = batch(0)
    losses = {}
    for precision in ("bf16-mixed", "32-true"):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        module = network().float()
        model, optimizer = fabric.setup(module, torch.optim.SGD(module.parameters(), lr=0.1))
        result = standard_step(
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
