"""Chains: determined by seed and number alone, whatever runs beside them and however often they are interrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.sampling.conftest import NUM_CLASSES, Run, chains
from workbench.sampling import noise
from workbench.sampling.chain import Chain, Reason
from workbench.sampling.spec import SamplingSpec

SPEC = SamplingSpec(labels=(0, 1, 2), num=13, steps=25, step_size=0.5, noise=0.05, stop="fixed", seed=5)
LEVEL = 1 / 255


def assert_same(one: list[Chain], other: list[Chain]) -> None:
    assert [chain.number for chain in one] == [chain.number for chain in other]
    for a, b in zip(one, other, strict=True):
        assert (a.step, a.reason, a.label) == (b.step, b.reason, b.label)
        np.testing.assert_allclose(a.x, b.x, atol=LEVEL)
        np.testing.assert_allclose(a.joint, b.joint, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(a.start, b.start)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 13])
def test_the_batch_changes_nothing(batch_size: int, run: Run) -> None:
    assert_same(run(SPEC), run(SPEC, batch_size=batch_size))


def test_other_chains_change_nothing(run: Run) -> None:
    some = [2, 7, 11]
    assert_same([run(SPEC)[number] for number in some], run(SPEC, chains(SPEC, some)))


@pytest.mark.parametrize("halt", [1, 8, 24], ids=lambda step: f"at-{step}")
def test_a_chain_goes_on_as_if_never_interrupted(halt: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped inside a block of noise, at its end, and at the last step."""
    monkeypatch.setattr(noise, "MAX_BLOCK_STEPS", 8)
    halted = run(replace(SPEC, steps=halt))
    assert [chain.step for chain in halted] == [halt] * SPEC.num
    assert_same(run(SPEC), run(SPEC, iter(halted), batch_size=4))


def test_another_seed_is_another_chain(run: Run) -> None:
    assert not np.allclose(run(SPEC)[0].x, run(replace(SPEC, seed=6))[0].x, atol=LEVEL)


def test_a_start_without_steps_is_the_image(run: Run) -> None:
    for chain in run(replace(SPEC, steps=0)):
        np.testing.assert_array_equal(chain.x, chain.start)
        assert (chain.step, len(chain.joint)) == (0, 1)


class Flat(nn.Module):
    """Logits that do not depend on the image: nothing guides."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3))[:, None] * 0 + torch.arange(NUM_CLASSES)


def test_without_guidance_steps_are_normal_noise_of_the_stated_size(run: Run) -> None:
    spec = replace(SPEC, num=40, steps=1, step_size=0.02, momentum=0.0, noise=0.1)
    steps = np.stack([chain.x - chain.start for chain in run(spec, net=Flat())])
    inside = np.stack([(chain.x > 0) & (chain.x < 1) for chain in run(spec, net=Flat())])
    expected = (2 * 0.02) ** 0.5 * 0.1
    assert steps[inside].std() == pytest.approx(expected, rel=0.05)
    assert abs(steps[inside].mean()) < 4 * expected / inside.sum() ** 0.5
    flat = steps.reshape(len(steps), -1)
    correlation = np.corrcoef(flat)[~np.eye(len(flat), dtype=bool)]
    assert np.abs(correlation).mean() < 2 / flat.shape[1] ** 0.5, "chains share no noise"


def test_what_has_ended_is_not_computed_again(run: Run, model: nn.Module) -> None:
    rows = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal rows
        rows += len(inputs[0])

    hook = model.register_forward_pre_hook(count)
    try:
        done = run(replace(SPEC, stop="adaptive", stop_tol=1e-4), means=(-0.6, -0.38, -0.15), batch_size=5)
    finally:
        hook.remove()
    assert len({chain.step for chain in done}) > 2, "the test needs chains that stop at different steps"
    assert rows == sum(chain.step + 1 for chain in done)


class NaNFor(nn.Module):
    """A network whose logits are not finite for dark images."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        dark = x.mean((1, 2, 3)) < 0.45
        return torch.where(dark[:, None], torch.nan, self.net(x))


def test_a_chain_that_diverges_is_dropped_alone(run: Run, model: nn.Module) -> None:
    spec = replace(SPEC, step_size=0.01)
    done = run(spec, net=NaNFor(model))
    reasons = {chain.reason for chain in done}
    assert reasons == {Reason.DIVERGED, Reason.STEPS}
    assert len(done) == spec.num
    healthy = [chain for chain in done if chain.reason is Reason.STEPS]
    alone = {chain.number: chain for chain in run(spec)}
    assert_same(healthy, [alone[chain.number] for chain in healthy])
    assert all(np.isfinite(chain.x).all() for chain in healthy)


class Small(nn.Module):
    """A network on a device with memory for three images."""

    def __init__(self, net: nn.Module, room: int) -> None:
        super().__init__()
        self.net, self.room = net, room

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.net(x)


def test_out_of_memory_halves_the_passes_and_loses_nothing(run: Run, model: nn.Module) -> None:
    said: list[str] = []
    assert_same(run(SPEC), run(SPEC, net=Small(model, 3), say=said.append))
    assert len(said) == 2, "13 → 6 → 3"
    assert "3 images at a time" in said[-1]


def test_not_even_one_image(run: Run, model: nn.Module) -> None:
    with pytest.raises(ValueError, match="not even one image"):
        run(SPEC, net=Small(model, 0))


def test_other_errors_are_not_taken_for_memory(run: Run) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run(SPEC, net=Broken())
