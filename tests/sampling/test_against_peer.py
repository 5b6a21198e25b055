"""The sampler against a second one, written from the published code's description without a look at ours (`peer`)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.sampling import peer
from trainers.models import ModelSpec, build_model
from workbench.sampling.chain import Chain, Reason, begin
from workbench.sampling.guidance import ENERGIES, guidance_energy
from workbench.sampling.langevin import Pulse, run_chains
from workbench.sampling.noise import MAX_BLOCK_STEPS, ChainNoise
from workbench.sampling.spec import GUIDANCE_NAMES, SamplingSpec

NUM, CLASSES, SHAPE = 9, 4, (1, 8, 8)
LABELS = [i % CLASSES for i in range(NUM)]
MEANS = (-3.4, -0.7, -1.9, 1.7)
TAU = 0.02
TIE = 1e-3
"""A chain whose stopping rule comes this near its threshold, in nats, may stop a step earlier or later."""
NATS, PIXELS = 5e-5, 5e-6
"""Agreement asked of energies and images: float32 rounding (batched against single images), grown over 24 steps."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A network of four classes whose energies differ by nats between and along chains."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_model(
            ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=CLASSES, mean=(0.3,), std=(0.3,))
        )
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.3, 1)
        network.linear.weight.data.mul_(20)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def starts() -> Tensor:
    return torch.rand((NUM, *SHAPE), generator=torch.Generator().manual_seed(1))


def a_spec(**changes: Any) -> SamplingSpec:
    settings = {
        "steps": 24,
        "step_size": 0.02,
        "momentum": 0.0,
        "noise": 0.0,
        "stop": "fixed",
        "min_steps": 0,
        "stop_tol": TAU,
    }
    return SamplingSpec(**{"labels": tuple(range(CLASSES)), "num": NUM, **settings, **changes})


def pulses(
    model: nn.Module,
    starts: Tensor | Sequence[Chain],
    spec: SamplingSpec,
    batch_size: int = 64,
    numbers: Sequence[int] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Pulse]:
    chains = (
        [begin(i, LABELS[i % NUM], starts[i].numpy()) for i in (numbers or range(len(starts)))]
        if isinstance(starts, Tensor)
        else starts
    )
    return run_chains(model, iter(chains), spec=spec, class_means=torch.tensor(MEANS), batch_size=batch_size, say=say)


def run(*arguments: Any, **options: Any) -> dict[int, Chain]:
    ended = [chain for pulse in pulses(*arguments, **options) for chain in pulse.ended]
    assert len({chain.number for chain in ended}) == len(ended)
    return {chain.number: chain for chain in ended}


def rows_of(model: nn.Module, seen: list[Tensor]) -> torch.utils.hooks.RemovableHandle:
    """Remember the images of every forward pass."""
    return model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].detach().clone()))


def assert_same(ours: Chain, other: Chain, *, nats: float = NATS, pixels: float = PIXELS) -> None:
    """Same path, unless the stopping rule was within rounding of its threshold."""
    assert min(ours.margin, other.margin) > TIE, "choose other settings: this chain cannot tell"
    assert (ours.step, ours.reason, ours.label) == (other.step, other.reason, other.label)
    np.testing.assert_allclose(ours.joint, other.joint, rtol=0, atol=nats)
    np.testing.assert_allclose(ours.marginal, other.marginal, rtol=0, atol=nats)
    np.testing.assert_allclose(ours.x, other.x, rtol=0, atol=pixels)


# --- the same mathematics


def never(joint: Sequence[float]) -> bool:
    return False


def plateau(joint: Sequence[float]) -> bool:
    """The last 10 updates brought at most the share 0.3 of the descent so far."""
    return len(joint) > 10 and joint[-11] - joint[-1] <= 0.3 * max(joint[0] - joint[-1], 0)


def published_rule(label: int) -> peer.Stop:
    return lambda joint: (joint[-1] - MEANS[label]) ** 2 < TAU


RULES: dict[str, tuple[dict[str, Any], Callable[[int], peer.Stop]]] = {
    "fixed": ({}, lambda i: never),
    "adaptive": ({"stop_tol": TAU}, lambda i: published_rule(LABELS[i])),
    "plateau": ({"stop_tol": 0.3}, lambda i: plateau),
}
GUIDANCES = [
    {"joint": 1.0},
    {"marginal": 1.0},
    {"conditional": 1.0},
    {"ce": 1.0},
    {"class-mean": 0.5},
    {"joint": 1.0, "marginal": 0.3},
    {"ce": 0.5, "class-mean": 0.2, "marginal": -0.1},
]


def text_of(guidance: dict[str, float]) -> str:
    return "+".join(f"{weight}*{name}" for name, weight in guidance.items())


@pytest.mark.parametrize("stop", RULES)
@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("guidance", GUIDANCES, ids=text_of)
def test_paths_stops_and_images_are_the_peers(
    model: nn.Module, starts: Tensor, guidance: dict[str, float], momentum: float, stop: str
) -> None:
    settings, rule = RULES[stop]
    spec = a_spec(guidance=text_of(guidance), momentum=momentum, stop=stop, **settings)
    theirs = peer.traced(model, starts, LABELS, MEANS, peer.Step(0.02, momentum, 0.0, guidance), spec.steps, rule)
    ours = run(model, starts, spec, batch_size=5)
    assert sorted(ours) == list(range(NUM))
    compared = 0
    for number, trace in enumerate(theirs):
        chain = ours[number]
        if chain.margin < TIE:
            continue
        compared += 1
        assert len(chain.joint) == len(chain.marginal) == chain.step + 1
        known = slice(chain.step + 1)
        np.testing.assert_allclose(chain.joint, trace.joint[known], rtol=0, atol=NATS)
        np.testing.assert_allclose(chain.marginal, trace.marginal[known], rtol=0, atol=NATS)
        if chain.reason is Reason.PASSED:
            assert stop == "adaptive"
            assert "class-mean" not in guidance
            assert trace.steps > chain.step
            assert chain.joint[-1] < MEANS[chain.label] - math.sqrt(TAU)
            continue
        assert chain.step == trace.steps
        expected = {"fixed": Reason.STEPS, "adaptive": Reason.ENERGY, "plateau": Reason.PLATEAU}[stop]
        froze = trace.steps < spec.steps or rule(number)(trace.joint)
        assert chain.reason is (expected if froze else Reason.STEPS)
        np.testing.assert_allclose(chain.x, trace.image.numpy(), rtol=0, atol=PIXELS)
    assert compared >= NUM - 2


def test_settings_above_reach_every_way_to_end(model: nn.Module, starts: Tensor) -> None:
    both = [run(model, starts, a_spec(stop="adaptive", momentum=momentum)).values() for momentum in (0.0, 0.8)]
    adaptive = [chain for chains in both for chain in chains]
    assert {chain.reason for chain in adaptive} == {Reason.ENERGY, Reason.PASSED, Reason.STEPS}
    assert len({chain.step for chain in adaptive}) >= 6
    flat = run(model, starts, a_spec(stop="plateau", stop_tol=0.3, momentum=0.8))
    assert {chain.reason for chain in flat.values()} == {Reason.PLATEAU, Reason.STEPS}


def test_the_published_loop_ends_where_ours_does(model: nn.Module, starts: Tensor) -> None:
    """It looks at the energy after a step, never at the start: our ``min_steps`` 1."""
    images, taken = peer.published(model, starts, LABELS, MEANS, peer.Step(0.02, 0.8, 0.0, {"joint": 1.0}), 24, TAU)
    ours = run(model, starts, a_spec(stop="adaptive", momentum=0.8, min_steps=1))
    compared = [chain for chain in ours.values() if chain.margin > TIE and chain.reason is not Reason.PASSED]
    assert len(compared) >= NUM // 2
    assert any(0 < chain.step < 24 for chain in compared)
    for chain in compared:
        assert chain.step == taken[chain.number]
        np.testing.assert_allclose(chain.x, images[chain.number].numpy(), rtol=0, atol=PIXELS)


def test_noise_enters_as_the_peer_adds_it(model: nn.Module, starts: Tensor) -> None:
    spec = a_spec(noise=0.05, momentum=0.8, seed=3)
    source = ChainNoise(spec.seed, SHAPE, torch.device("cpu"), 1)
    step = peer.Step(0.02, 0.8, 0.05, {"joint": 1.0})
    theirs = peer.traced(
        model, starts, LABELS, MEANS, step, spec.steps, lambda i: never, lambda i, t, x: source.draw([i], [t])
    )
    for number, chain in run(model, starts, spec).items():
        np.testing.assert_allclose(chain.joint, theirs[number].joint, rtol=0, atol=NATS)
        np.testing.assert_allclose(chain.x, theirs[number].image.numpy(), rtol=0, atol=PIXELS)


# --- guidance


def plain_energies(logits: np.ndarray, y: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    joint = -logits[np.arange(len(y)), y]
    top = logits.max(1)
    marginal = -(np.log(np.exp(logits - top[:, None]).sum(1)) + top)
    return {
        "joint": joint,
        "marginal": marginal,
        "conditional": joint - marginal,
        "ce": -np.log(np.exp(logits - top[:, None])[np.arange(len(y)), y] / np.exp(logits - top[:, None]).sum(1)),
        "class-mean": (joint - mean) ** 2,
    }


def test_guidance_energies_are_the_plain_formulas() -> None:
    rng = np.random.default_rng(0)
    logits, y, mean = rng.normal(0, 5, (40, 7)), rng.integers(0, 7, 40), rng.normal(-5, 2, 40)
    tensors = (torch.from_numpy(logits), torch.from_numpy(y), torch.from_numpy(mean))
    plain = plain_energies(logits, y, mean)
    assert set(ENERGIES) == set(plain) == set(GUIDANCE_NAMES)
    for name, expected in plain.items():
        np.testing.assert_allclose(ENERGIES[name](*tensors).numpy(), expected, rtol=1e-12, atol=1e-12)
    terms = ((0.5, "ce"), (-2.0, "class-mean"), (0.25, "marginal"))
    expected = sum(weight * plain[name] for weight, name in terms)
    np.testing.assert_allclose(guidance_energy(terms, *tensors).numpy(), expected, rtol=1e-12, atol=1e-12)
    logits_grad = tensors[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: guidance_energy(terms, z, *tensors[1:]), (logits_grad,))


@pytest.mark.parametrize("name", GUIDANCE_NAMES)
def test_guidance_energies_stay_finite_at_huge_logits(name: str) -> None:
    logits = torch.tensor([[2e4, -2e4, 0.0], [-2e4, -2e4, -2e4]], requires_grad=True)
    energy = ENERGIES[name](logits, torch.tensor([1, 2]), torch.tensor([0.0, 0.0]))
    (gradient,) = torch.autograd.grad(energy.sum(), logits)
    assert torch.isfinite(energy).all()
    assert torch.isfinite(gradient).all()


# --- noise


class Flat(nn.Module):
    """The same logits for every image: chains move by noise alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).sum(1, keepdim=True) * 0 + torch.arange(float(CLASSES))


def grey(num: int) -> Tensor:
    return torch.full((num, *SHAPE), 0.5)


def test_increments_have_the_stated_deviation_and_are_independent() -> None:
    model, seen, num, steps = Flat(), [], 24, 40
    spec = a_spec(noise=0.01, step_size=0.3, steps=steps, seed=5)
    rows_of(model, seen)
    chains = [begin(i, 0, grey(1)[0].numpy()) for i in range(num)]
    ended = run(model, chains, spec)
    path = torch.stack(seen).double().numpy()
    increments = np.diff(path, axis=0) / (math.sqrt(2 * 0.3) * 0.01)  # steps, chains, 1, 8, 8
    np.testing.assert_array_equal(path[-1, 7], ended[7].x)
    assert increments.shape == (steps, num, *SHAPE)
    size = increments.size
    assert increments.std() == pytest.approx(1, abs=5 / math.sqrt(2 * size))
    assert abs(increments.mean()) < 5 / math.sqrt(size)
    assert (increments**4).mean() == pytest.approx(3, abs=5 * math.sqrt(96 / size))
    for axis in (0, 1):
        series = np.moveaxis(increments, axis, 0).reshape(increments.shape[axis], -1)
        others = np.corrcoef(series)[np.triu_indices(len(series), 1)]
        assert np.abs(others).max() < 5.5 / math.sqrt(series.shape[1])
    draws = increments.reshape(steps * num, -1)
    assert np.abs(np.corrcoef(draws)[np.triu_indices(len(draws), 1)]).max() < 0.9, "a draw is used twice"
    elsewhere = run(Flat(), chains, replace(spec, seed=6))
    pairs = [np.corrcoef((ended[i].x - 0.5).ravel(), (elsewhere[i].x - 0.5).ravel())[0, 1] for i in range(num)]
    assert abs(np.mean(pairs)) < 5 / math.sqrt(num * 64)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_a_chains_noise_does_not_depend_on_the_batch_or_the_other_chains(batch_size: int) -> None:
    spec = a_spec(noise=0.01, steps=20, seed=2)
    reference = run(Flat(), grey(NUM), spec, batch_size=7)
    same = run(Flat(), grey(NUM), spec, batch_size=batch_size)
    fewer = run(Flat(), grey(NUM), spec, batch_size=batch_size, numbers=[8, 2, 5])
    assert sorted(fewer) == [2, 5, 8]
    for number, chain in reference.items():
        np.testing.assert_array_equal(same[number].x, chain.x)
    for number, chain in fewer.items():
        np.testing.assert_array_equal(chain.x, reference[number].x)


@pytest.mark.parametrize("halt", [0, 1, MAX_BLOCK_STEPS - 1, MAX_BLOCK_STEPS, MAX_BLOCK_STEPS + 1, 23])
def test_resumed_chains_go_on_as_if_never_halted(model: nn.Module, starts: Tensor, halt: int) -> None:
    spec = replace(a_spec(noise=0.02, momentum=0.8, seed=4), steps=MAX_BLOCK_STEPS + 7)
    whole = run(model, starts, spec)
    halted = run(model, starts, replace(spec, steps=halt))
    assert all(chain.step == halt for chain in halted.values())
    others = [begin(number, LABELS[number], starts[number].numpy()) for number in range(0, NUM, 2)]
    gone_on = run(model, others + [halted[number] for number in range(1, NUM, 2)], spec, batch_size=5)
    for number, chain in whole.items():
        assert_same(gone_on[number], chain)
        np.testing.assert_array_equal(gone_on[number].start, starts[number].numpy())


# --- batches


def settings_with_early_ends() -> SamplingSpec:
    return a_spec(stop="adaptive", momentum=0.8, noise=0.001)


@pytest.mark.parametrize("batch_size", [1, 3, 11])
def test_batch_size_changes_nothing(model: nn.Module, starts: Tensor, batch_size: int) -> None:
    spec = settings_with_early_ends()
    whole = run(model, starts, spec, batch_size=64)
    parts = run(model, starts, spec, batch_size=batch_size)
    clear = [number for number, chain in whole.items() if chain.margin > TIE]
    assert len(clear) >= NUM - 2
    assert sorted(parts) == sorted(whole)
    for number in clear:
        assert_same(parts[number], whole[number])


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_finished_chains_cost_no_passes(model: nn.Module, starts: Tensor, batch_size: int) -> None:
    seen: list[Tensor] = []
    handle = rows_of(model, seen)
    try:
        ended = run(model, starts, settings_with_early_ends(), batch_size=batch_size)
    finally:
        handle.remove()
    assert len({chain.step for chain in ended.values()}) >= 4
    assert sum(map(len, seen)) == sum(chain.step + 1 for chain in ended.values())
    assert max(map(len, seen)) == min(batch_size, NUM)


def test_a_chain_that_ends_makes_room_at_once(model: nn.Module, starts: Tensor) -> None:
    """While chains wait, every step of the batch is full; what pulses say adds up."""
    steps = list(pulses(model, starts, settings_with_early_ends(), batch_size=4))
    waiting = NUM - 4
    for pulse in steps:
        if waiting > 0:
            assert pulse.active == 4
        waiting -= len(pulse.ended)
    assert sum(len(pulse.ended) for pulse in steps) == NUM
    ended = [chain for pulse in steps for chain in pulse.ended]
    assert sum(pulse.active for pulse in steps) == sum(chain.step + 1 for chain in ended)
    np.testing.assert_allclose(
        sum(pulse.active * pulse.mean_energy for pulse in steps),
        sum(chain.joint.astype(np.float64).sum() for chain in ended),
        rtol=1e-5,
    )


# --- what goes wrong


class Cramped(nn.Module):
    """Runs out of memory above ``most`` images at a time."""

    def __init__(self, model: nn.Module, most: int, error: Exception) -> None:
        super().__init__()
        self.model, self.most, self.error = model, most, error

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise self.error
        return self.model(x)


@pytest.mark.parametrize(("most", "sizes"), [(4, [4]), (3, [4, 2]), (1, [4, 2, 1])])
def test_out_of_memory_halves_the_passes_and_says_so(
    model: nn.Module, starts: Tensor, most: int, sizes: list[int]
) -> None:
    said: list[str] = []
    whole = run(model, starts, settings_with_early_ends())
    cramped = Cramped(model, most, torch.OutOfMemoryError("no room"))
    parts = run(cramped, starts, settings_with_early_ends(), batch_size=64, say=said.append)
    assert sorted(parts) == sorted(whole)
    for number, chain in whole.items():
        if chain.margin > TIE:
            assert_same(parts[number], chain)
    assert len(said) == len(sizes)
    for line, size in zip(said, sizes, strict=True):
        assert "memory" in line
        assert f"{size} images" in line


class Broken(nn.Module):
    """NaN for the image whose first pixel has a certain value: in the logits, or in the gradient alone."""

    def __init__(self, model: nn.Module, part: str, pixel: float) -> None:
        super().__init__()
        self.model, self.part, self.pixel = model, part, pixel

    def forward(self, x: Tensor) -> Tensor:
        hit = (x.detach()[:, 0, :1, 0] - self.pixel).abs() < 1e-6
        if self.part == "logits":
            return torch.where(hit, math.nan, self.model(x))
        x = x.clone()
        if x.requires_grad:
            x.register_hook(lambda gradient: torch.where(hit[:, :, None, None], math.nan, gradient))
        return self.model(x)


def pixel_at(model: nn.Module, starts: Tensor, spec: SamplingSpec, chain: int, step: int) -> float:
    """The first pixel of a chain at a step, before it ends."""
    halted = run(model, starts, replace(spec, steps=step))[chain]
    assert halted.step == step
    return float(halted.x[0, 0, 0])


@pytest.mark.parametrize("part", ["logits", "gradient"])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_a_chain_that_diverges_ends_alone(model: nn.Module, starts: Tensor, part: str, batch_size: int) -> None:
    spec = settings_with_early_ends()
    healthy = run(model, starts, spec)
    broken = Broken(model, part, pixel_at(model, starts, spec, chain=LOST, step=3))
    ended = run(broken, starts, spec, batch_size=batch_size)
    assert sorted(ended) == list(range(NUM))
    assert (ended[LOST].reason, ended[LOST].step) == (Reason.DIVERGED, 3)
    np.testing.assert_allclose(ended[LOST].joint[:3], healthy[LOST].joint[:3], rtol=0, atol=NATS)
    for number in set(range(NUM)) - {LOST}:
        if healthy[number].margin > TIE:
            assert_same(ended[number], healthy[number])


LOST = 1


def test_the_mean_energy_of_a_step_leaves_diverged_chains_out(model: nn.Module, starts: Tensor) -> None:
    first = next(pulses(Broken(model, "logits", float(starts[LOST, 0, 0, 0])), starts, a_spec()))
    with torch.no_grad():
        energy = -model(starts)[torch.arange(NUM), torch.tensor(LABELS)]
    others = [i for i in range(NUM) if i != LOST]
    assert first.mean_energy == pytest.approx(energy[others].mean().item(), abs=1e-5)
    assert first.active == NUM
