"""What a step of each method costs in passes, and which of its passes move the running statistics."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import plain_torch
import pytest
import torch
from stepping import EPS, Run, assert_close, batch, network, settings
from torch import Tensor, nn

from benchmarks.bare_passes import bare_passes
from trainers.fabric import Fabric
from trainers.recipes import METHODS, get_method
from trainers.spec import pgd
from trainers.steps import train_step

TRAINING_PASSES = {
    "standard": 1,
    "fgsm": 2,
    "fgsm-der": 2,
    "rs-fgsm": 2,
    "rs-fgsm-der": 3,
    "n-fgsm": 2,
    "n-fgsm-der": 3,
    "pgd": 11,
    "pgd-der": 12,
    "trades": 2,
    "trades-der": 2,
    "mart": 2,
    "mart-der": 2,
    "free": 8,
    "free-der": 16,
    "grad-align": 3,
    "grad-align-der": 3,
    "elle": 3,
    "elle-der": 3,
    "elle-a": 3,
    "elle-a-der": 3,
    "aaer": 2,
    "aaer-der": 3,
    "pgd-awp": 11,
    "pgd-awp-der": 12,
    "trades-awp": 2,
    "trades-awp-der": 2,
    "weat-nat": 2,
    "weat-nat-der": 2,
    "weat-adv": 2,
    "weat-adv-der": 2,
}
"""Forward passes in training mode that running statistics see, the recording pass aside."""


@pytest.mark.parametrize("method", METHODS)
def test_running_statistics_see_each_training_pass_once(fabric: Fabric, method: str) -> None:
    """A pass of a train-BN attack counts, as do the loss's; one of an eval-BN attack and the recording one do not."""
    run = Run(fabric, method)
    run.step()
    assert seen_by_statistics(run.module) == {TRAINING_PASSES[method]}
    layers = [module for module in run.module.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(layer.track_running_stats for layer in layers)


def seen_by_statistics(module: nn.Module) -> set[int]:
    """How many batches the layers of batch norm have seen."""
    return {int(value) for name, value in module.named_buffers() if name.endswith("num_batches_tracked")}


@dataclass
class Costs:
    """Forward passes with their inputs, and how many samples each backward pass through the network had."""

    inputs: list[Tensor] = field(default_factory=list)
    with_gradient: list[bool] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    second_order: int = 0

    def forwards(self, size: int) -> float:
        return sum(map(len, self.inputs)) / size

    def backwards(self, size: int) -> float:
        """A gradient with a graph of its own is passed through once more, which no hook of a module sees."""
        return sum(self.returned) / size + self.second_order


@contextmanager
def counted(module: nn.Module) -> Iterator[Costs]:
    costs = Costs()

    def before(_: nn.Module, arguments: tuple[Tensor]) -> None:
        costs.inputs.append(arguments[0].detach().clone())
        costs.with_gradient.append(torch.is_grad_enabled())

    def backward(_: nn.Module, __: object, gradients: tuple[Tensor]) -> None:
        costs.returned.append(len(gradients[0]))

    plain_grad = torch.autograd.grad

    def grad(*arguments: Any, **options: Any) -> Any:
        costs.second_order += bool(options.get("create_graph"))
        return plain_grad(*arguments, **options)

    hooks = [
        module.register_forward_pre_hook(before),
        module.get_submodule("linear").register_full_backward_hook(backward),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.autograd, "grad", grad)
        yield costs
    for hook in hooks:
        hook.remove()


COSTS = {
    "standard": (1, 0, 1, 0),
    "fgsm": (2, 1, 1, 0),
    "fgsm-der": (2, 1, 2, 0),
    "rs-fgsm": (2, 1, 1, 1),
    "rs-fgsm-der": (3, 1, 2, 0),
    "n-fgsm": (2, 1, 1, 1),
    "n-fgsm-der": (3, 1, 2, 0),
    "pgd": (11, 10, 1, 1),
    "pgd-der": (12, 10, 2, 0),
    "free": (8, 0, 8, 1),
    "free-der": (16, 0, 16, 0),
    "grad-align": (3, 2, 3, 0),
    "grad-align-der": (3, 2, 4, 0),
    "elle": (5, 1, 4, 0),
    "elle-der": (5, 1, 5, 0),
    "elle-a": (5, 1, 4, 0),
    "elle-a-der": (5, 1, 5, 0),
    "aaer": (2, 1, 1, 1),
    "aaer-der": (3, 1, 2, 0),
    "trades": (13, 10, 2, 0),
    "trades-der": (13, 10, 2, 0),
    "mart": (12, 10, 2, 0),
    "mart-der": (12, 10, 2, 0),
    "pgd-awp": (12, 10, 2, 1),
    "pgd-awp-der": (13, 10, 3, 0),
    "trades-awp": (15, 10, 4, 0),
    "trades-awp-der": (15, 10, 4, 0),
    "weat-nat": (13, 10, 2, 0),
    "weat-nat-der": (13, 10, 2, 0),
    "weat-adv": (13, 10, 2, 0),
    "weat-adv-der": (13, 10, 2, 0),
}
"""Forward passes, backward passes to the input and to the weights, and forward passes for the record alone."""


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_step_costs_what_its_row_says(fabric: Fabric, method: str, record: bool) -> None:
    """Passes are counted at the network, in batches: one of three times the batch is three.

    x is forwarded once or never, but for the target of a KL, for the first replay of a run, whose δ is 0, and for the
    direction in which weights are moved.
    """
    run = Run(fabric, method, record=record)
    x, _ = batch(0)
    with counted(run.module) as costs:
        run.step()
    forwards, to_input, to_weights, recording = COSTS[method]
    extra = recording if record else 0
    assert (costs.forwards(len(x)), costs.backwards(len(x))) == (forwards + extra, to_input + to_weights)
    row = get_method(method)
    assert row.cost == (forwards, to_input, to_weights)
    assert row.passes == forwards + to_input + 2 * to_weights
    assert row.recording_passes == recording
    for_target = int(row.attack is not None and row.attack.objective == "kl")
    of_x = sum(torch.equal(seen, x) for seen in costs.inputs) - for_target
    of_x -= row.step == "replay" or (row.step == "perturb-weights" and row.loss == "trades")
    once = row.options.get("replays", 1) if recording == 0 else 1
    assert of_x == (0 if recording and not record else once), "x is forwarded once, or never"
    assert costs.with_gradient.count(False) == extra + for_target


@pytest.mark.parametrize("method", METHODS)
def test_what_benchmarks_take_for_bare_passes_are_those_of_the_row(fabric: Fabric, method: str) -> None:
    run = Run(fabric, method)
    x, y = batch(0)
    with counted(run.module) as costs:
        bare_passes(run.module, x, y, get_method(method), settings(method))
    forwards, to_input, to_weights, _ = COSTS[method]
    assert (costs.forwards(len(x)), costs.backwards(len(x))) == (forwards, to_input + to_weights)
    of_the_proxy = {"pgd-awp": 1, "trades-awp": 2}.get(method.removesuffix("-der"), 0)
    assert seen_by_statistics(run.module) == {TRAINING_PASSES[method] + of_the_proxy}


def test_fgsm_and_its_regularized_row_cost_what_the_benchmarks_assume() -> None:
    assert (METHODS["fgsm"].passes, METHODS["fgsm-der"].passes) == (5, 7)


def test_an_attack_in_evaluation_mode_moves_no_running_statistics(fabric: Fabric) -> None:
    """``AttackSpec.batch_norm`` is the mode in which the gradients are taken; a row that says "eval" must get it."""
    run = Run(fabric, "pgd")
    twin = network()
    x, y = batch(0)
    method = replace(get_method("pgd"), attack=pgd(3, "eval"))
    train_step(
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
        result = train_step(
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
    assert row.passes == forwards + 1 + 2 * (len(costs.returned) - 1)
    assert_close(result.clean_logits, twin(x).detach(), "natural logits in training mode")
    assert int(run.module.get_buffer("bn.num_batches_tracked")) == forwards - 1
