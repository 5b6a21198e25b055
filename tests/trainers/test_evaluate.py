"""Evaluation against a plain second computation; and that it leaves the model as it was."""

import copy

import numpy as np
import plain_torch
import pytest
import torch
from torch import Tensor, nn

from trainers.data import Split
from trainers.evaluate import Evaluation, evaluate
from trainers.models import ModelSpec, build_model
from trainers.seeding import seeded_generator
from trainers.spec import Ball

EPS, SEED, NUM = 0.1, 5, 50


def split() -> Split:
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (NUM, 1, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 3, (NUM,), generator=generator)
    images[:, :, :3, :3] = (images[:, :, :3, :3] // 4) + labels.to(torch.uint8)[:, None, None, None] * 64
    return Split(images=images, scale=1 / 255, labels=labels, index=torch.arange(NUM) * 7)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A net that has learned a little, so that the three accuracies differ."""
    torch.manual_seed(2)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=3, mean=(0.5,), std=(0.3,))
    net = build_model(spec)
    x, y = split().batch(torch.arange(NUM))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(25):
        optimizer.zero_grad()
        plain_torch.cross_entropy(net(x), y).mean().backward()
        optimizer.step()
    return net.train()


def run(model: nn.Module, **settings: int) -> Evaluation:
    return evaluate(model, split(), ball=Ball(eps=EPS), seed=SEED, **settings)


@pytest.mark.parametrize("batch_size", [512, 16, 50])
def test_accuracies_and_energies_are_those_of_a_plain_computation(model: nn.Module, batch_size: int) -> None:
    net = copy.deepcopy(model).eval()
    results: dict[str, list[Tensor]] = {"clean": [], "fgsm": [], "pgd": []}
    x_all, y_all = split().batch(torch.arange(NUM))
    for number, start in enumerate(range(0, NUM, batch_size)):
        x, y = x_all[start : start + batch_size], y_all[start : start + batch_size]
        noise = seeded_generator(torch.device("cpu"), SEED, "probe", number)
        x_fgsm = plain_torch.attack(net, x, y, plain_torch.RECIPES["fgsm"], EPS, noise)
        x_pgd = plain_torch.attack(net, x, y, plain_torch.RECIPES["pgd"], EPS, noise)
        for name, images in (("clean", x), ("fgsm", x_fgsm), ("pgd", x_pgd)):
            results[name].append(net(images).detach())
    logits = {name: torch.cat(parts) for name, parts in results.items()}
    accuracy = {name: (values.argmax(1) == y_all).double().mean().item() for name, values in logits.items()}
    assert accuracy["clean"] > accuracy["fgsm"] >= accuracy["pgd"] > 0, accuracy

    evaluation = run(model, batch_size=batch_size)
    assert evaluation.clean_accuracy == pytest.approx(accuracy["clean"])
    assert evaluation.fgsm_accuracy == pytest.approx(accuracy["fgsm"])
    assert evaluation.pgd_accuracy == pytest.approx(accuracy["pgd"])
    table, close = evaluation.table, {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(table.energy, plain_torch.energy(logits["clean"]).numpy(), **close)
    np.testing.assert_allclose(table.energy_adv, plain_torch.energy(logits["pgd"]).numpy(), **close)
    np.testing.assert_allclose(table.joint_energy, plain_torch.joint_energy(logits["clean"], y_all).numpy(), **close)
    np.testing.assert_allclose(table.joint_energy_adv, plain_torch.joint_energy(logits["pgd"], y_all).numpy(), **close)
    np.testing.assert_array_equal(table.correct, (logits["clean"].argmax(1) == y_all).numpy())
    np.testing.assert_array_equal(table.correct_adv, (logits["pgd"].argmax(1) == y_all).numpy())


def test_the_same_model_gets_the_same_numbers_whatever_was_drawn_before(model: nn.Module) -> None:
    first = run(model)
    torch.rand(7)
    state = torch.get_rng_state()
    again = run(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.pgd_accuracy == again.pgd_accuracy
    assert np.array_equal(first.table.energy_adv, again.table.energy_adv)
    other = evaluate(model, split(), ball=Ball(eps=EPS), seed=SEED + 1)
    assert not np.array_equal(first.table.energy_adv, other.table.energy_adv), "the start is the seed's"
    assert np.array_equal(first.table.energy, other.table.energy)


@pytest.mark.parametrize("frozen", [(), ("layer1",), ("",)])
def test_modes_statistics_weights_and_gradients_stay(model: nn.Module, frozen: tuple[str, ...]) -> None:
    net = copy.deepcopy(model)
    for name in frozen:
        net.get_submodule(name).eval()
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    modes = [module.training for module in net.modules()]
    before = copy.deepcopy(net.state_dict())
    run(net)
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(bool((parameter.grad == 2.0).all()) for parameter in net.parameters())


def test_the_mode_comes_back_after_an_error(model: nn.Module) -> None:
    net = copy.deepcopy(model)
    broken = Split(images=torch.zeros(4, 2, 8, 8), scale=1.0, labels=torch.zeros(4).long(), index=torch.arange(4))
    with pytest.raises(RuntimeError):
        evaluate(net, broken, ball=Ball(eps=EPS), seed=0)
    assert all(module.training for module in net.modules())


def test_evaluation_works_inside_no_grad(model: nn.Module) -> None:
    with torch.no_grad():
        assert run(model).pgd_accuracy == run(model).pgd_accuracy
