"""The parts of a run follow from its configuration: weights from the seed, batches from seed and epoch."""

from typing import Any

import pytest
import torch
from refusals import refuses

from trainers.recipes import complete
from trainers.setup import Parts, epoch_batches, prepare
from trainers.spec import TrainConfig

SMALL = {"width": 4, "train_size": 50, "probe_size": 10, "batch_size": 16, "device": "cpu"}


def config(**settings: Any) -> TrainConfig:
    return complete(SMALL | settings)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return prepare(config())


def test_the_seed_decides_the_weights_and_nothing_else_does(parts: Parts) -> None:
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = prepare(config(epochs=3, method="pgd", eps=0.01))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in parts.module.state_dict().items():
        assert torch.equal(again.module.state_dict()[name], value), name
    other = prepare(config(seed=1)).module
    assert not torch.equal(other.get_parameter("conv1.weight"), parts.module.get_parameter("conv1.weight"))
    assert torch.equal(prepare(config(seed=1)).data.probe.index, parts.data.probe.index), "data are not the seed's"


def test_model_and_optimizer_are_those_of_the_configuration() -> None:
    made = prepare(config(lr=0.25, momentum=0.5, weight_decay=0.125, width=6))
    group = made.sgd.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.25, 0.5, 0.125)
    assert len(group["params"]) == len(list(made.module.parameters()))
    assert made.module.get_parameter("conv1.weight").shape == (6, 1, 3, 3)
    assert (made.model_spec.in_channels, made.model_spec.num_classes) == (1, 10)
    assert (made.model_spec.mean, made.model_spec.std) == (made.data.mean, made.data.std)
    assert made.module.get_buffer("normalize.mean").item() == pytest.approx(made.data.mean[0])


def test_every_epoch_visits_every_sample_once_in_an_order_of_its_own(parts: Parts) -> None:
    orders = [torch.cat(epoch_batches(parts, epoch)) for epoch in range(4)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(50))
    assert len({tuple(order.tolist()) for order in orders}) == 4
    assert [len(batch) for batch in epoch_batches(parts, 0)] == [16, 16, 16, 2]
    assert torch.equal(torch.cat(epoch_batches(prepare(config(method="pgd")), 2)), orders[2])
    assert not torch.equal(torch.cat(epoch_batches(prepare(config(seed=1)), 2)), orders[2])


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [(49, [50]), (50, [50]), (51, [50]), (7, [7] * 6 + [8]), (24, [24, 24, 2]), (25, [25, 25]), (10**6, [50])],
)
def test_no_batch_is_of_one_sample(batch_size: int, sizes: list[int]) -> None:
    batches = epoch_batches(prepare(config(batch_size=batch_size)), 0)
    assert [len(batch) for batch in batches] == sizes
    assert sorted(torch.cat(batches).tolist()) == list(range(50))


@pytest.mark.parametrize("device", ["", "toaster", "cuda:99", "mps" if not torch.backends.mps.is_available() else "x"])
def test_no_such_device_is_refused(device: str) -> None:
    with refuses("device", "--device auto"):
        prepare(config(device=device))


def test_unknown_names_are_refused() -> None:
    values = config().to_dict()
    for key, known in {"method": "rs-fgsm", "data": "folder:DIR", "model": "small-cnn"}.items():
        with refuses("unknown", "nonsense", known):
            prepare(TrainConfig.from_dict(values | {key: "nonsense"}))
