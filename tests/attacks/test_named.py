"""The attacks of evaluations: under the same invariants, and each against its formula written out in numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from trainers.attacks import parse_attack, parse_attacks
from trainers.attacks.objectives import wrong_classes
from trainers.errors import WorkbenchError
from trainers.models import ModelSpec, build_model
from trainers.spec import Ball

NAMES = ("fgsm", "pgd-4", "targeted-pgd-4", "trades-kl-4", "apgd-9", "random-noise")
PASSES = {"fgsm": 1, "pgd-4": 4, "targeted-pgd-4": 5, "trades-kl-4": 5, "apgd-9": 10, "random-noise": 0}
Array = NDArray[np.float64]

every_attack = pytest.mark.parametrize("name", NAMES)
seeds = st.integers(0, 2**32 - 1)


class Linear:
    """f(x) = Wx + b for images of 2×3×3 in float64, all from one seed; it remembers what it was asked."""

    def __init__(self, seed: int, num_classes: int = 4, batch: int = 5) -> None:
        noise = np.random.default_rng(seed)
        self.weight = noise.normal(size=(num_classes, 18))
        self.bias = noise.normal(size=num_classes)
        self.x = (noise.random((batch, 2, 3, 3)) * 1.4 - 0.2).clip(0, 1)
        self.y = noise.integers(num_classes, size=batch)
        self.asked: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().clone())
        return x.flatten(1) @ torch.from_numpy(self.weight).T + torch.from_numpy(self.bias)

    def attack(self, name: str, eps: float, seed: int = 0) -> Array:
        x, y = torch.from_numpy(self.x), torch.from_numpy(self.y)
        generator = torch.Generator().manual_seed(seed)
        return parse_attack(name).run(self, x, y, Ball(eps=eps), generator).numpy()

    def log_softmax(self, x: Array) -> Array:
        logits = x.reshape(len(x), -1) @ self.weight.T + self.bias
        shifted = logits - logits.max(1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))

    def cross_entropy(self, x: Array, y: NDArray[np.int64] | None = None) -> Array:
        return -self.log_softmax(x)[np.arange(len(x)), self.y if y is None else y]

    def gradient(self, x: Array, y: NDArray[np.int64]) -> Array:
        """∇ₓ CE(f(x), y) = Wᵀ(softmax − onehot)."""
        return ((np.exp(self.log_softmax(x)) - np.eye(len(self.bias))[y]) @ self.weight).reshape(x.shape)


@every_attack
@settings(deadline=None, max_examples=20)
@given(seed=seeds, eps=st.sampled_from([1 / 255, 8 / 255, 0.3, 1.0]))
def test_stays_in_the_ball_and_in_the_image_range(name: str, seed: int, eps: float) -> None:
    problem = Linear(seed)
    before = problem.x.copy()
    x_adv = problem.attack(name, eps, seed)
    assert x_adv.shape == before.shape
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    assert np.abs(x_adv - before).max() <= eps + 1e-12
    assert np.array_equal(problem.x, before)
    assert len(problem.asked) == PASSES[name]


@pytest.mark.parametrize("name", ["fgsm", "pgd-4", "apgd-9"])
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_never_ends_below_its_start_on_a_linear_model(name: str, seed: int) -> None:
    problem = Linear(seed)
    x_adv = problem.attack(name, 0.2, seed)
    start = problem.asked[0].numpy()
    assert (problem.cross_entropy(x_adv) >= problem.cross_entropy(start) - 1e-9).all()


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_the_divergence_never_falls_on_a_linear_model(seed: int) -> None:
    """KL(p‖softmax(Wx' + b)) is convex in x', so every signed step climbs."""
    problem = Linear(seed)
    x_adv = problem.attack("trades-kl-4", 0.2, seed)
    clean = problem.log_softmax(problem.x)
    visited = [*(asked.numpy() for asked in problem.asked[1:]), x_adv]
    divergence = np.stack([(np.exp(clean) * (clean - problem.log_softmax(x))).sum(1) for x in visited])
    assert (np.diff(divergence, axis=0) >= -1e-9).all()
    assert np.abs(visited[0] - problem.x).max() < 0.01, "it starts within 0.001·N of x"
    assert (visited[0] != problem.x).any()


@pytest.mark.parametrize("name", ["targeted-pgd-4", "trades-kl-4"])
def test_each_signed_step_is_its_formula(name: str) -> None:
    problem, eps = Linear(3), 0.15
    x_adv = problem.attack(name, eps, seed=11)
    clean = problem.log_softmax(problem.x)
    targets = wrong_classes(torch.from_numpy(problem.y), 4, torch.Generator().manual_seed(11)).numpy()
    first, *points = [asked.numpy() for asked in problem.asked]
    assert np.array_equal(first, problem.x)
    for here, after in zip(points, [*points[1:], x_adv], strict=True):
        if name.startswith("targeted"):
            gradient = -problem.gradient(here, targets)
        else:  # ∇KL(p‖q) = Wᵀ(q − p)
            gradient = ((np.exp(problem.log_softmax(here)) - np.exp(clean)) @ problem.weight).reshape(here.shape)
        expected = here + 2.5 / 4 * eps * np.sign(gradient)
        expected = np.clip(expected, problem.x - eps, problem.x + eps).clip(0, 1)
        assert np.allclose(after, expected, rtol=0, atol=1e-12)


def test_a_targeted_attack_reaches_its_class() -> None:
    """With the whole image range as its ball, a linear model ends at the target far more often than elsewhere."""
    problem = Linear(5, batch=200)
    targets = wrong_classes(torch.from_numpy(problem.y), 4, torch.Generator().manual_seed(2)).numpy()
    x_adv = problem.attack("targeted-pgd-20", 1.0, seed=2)
    assert (problem.log_softmax(x_adv).argmax(1) == targets).mean() > 0.95
    assert problem.cross_entropy(x_adv, targets).mean() < problem.cross_entropy(problem.x, targets).mean()


def test_wrong_classes_are_wrong_and_uniform() -> None:
    y = torch.arange(5).repeat(4000)
    drawn = wrong_classes(y, 5, torch.Generator().manual_seed(0))
    assert (drawn != y).all()
    counts = torch.bincount(drawn[y == 2], minlength=5)
    assert counts[2] == 0
    assert ((counts[[0, 1, 3, 4]] - 1000).abs() < 120).all()  # 4 standard deviations
    assert torch.equal(drawn, wrong_classes(y, 5, torch.Generator().manual_seed(0)))
    assert not torch.equal(drawn, wrong_classes(y, 5, torch.Generator().manual_seed(1)))


def test_one_class_has_no_wrong_one() -> None:
    with pytest.raises(WorkbenchError, match="a model of one class has no wrong one to target"):
        wrong_classes(torch.zeros(3, dtype=torch.int64), 1, torch.Generator())


def test_random_noise_is_uniform_in_the_ball() -> None:
    problem = Linear(1, batch=400)
    problem.x = np.full((400, 2, 3, 3), 0.5)
    offset = (problem.attack("random-noise", 0.1, seed=4) - 0.5) / 0.1
    assert 0.99 < offset.max() <= 1 + 1e-12
    assert abs(offset.mean()) < 0.03
    assert offset.var() == pytest.approx(1 / 3, rel=0.05)


def plain_apgd(problem: Linear, start: Array, eps: float, steps: int) -> Array:
    """Algorithm 1 of Croce & Hein 2020 for one sample at a time, with every iterate kept in lists."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    looks = [int(np.ceil(round(share * steps, 6))) for share in shares[1:] if share < 1]
    ends = []
    for i in range(len(start)):
        x, y = problem.x[i : i + 1], problem.y[i : i + 1]

        def clip(z: Array, x: Array = x) -> Array:
            return np.clip(z, x - eps, x + eps).clip(0, 1)

        def loss(z: Array, y: NDArray[np.int64] = y) -> float:
            return float(problem.cross_entropy(z, y)[0])

        points, values = [start[i : i + 1]], [loss(start[i : i + 1])]
        best, best_value = points[0], values[0]
        size, rises, was_halved, last_look, last_best = 2 * eps, [], False, 0, best_value
        for k in range(steps):
            here = points[-1]
            z = clip(here + size * np.sign(problem.gradient(here, y)))
            if k:
                z = clip(here + 0.75 * (z - here) + 0.25 * (here - points[-2]))
            rises.append(loss(z) > values[-1])
            points.append(z)
            values.append(loss(z))
            if values[-1] > best_value:
                best, best_value = z, values[-1]
            if k + 1 in looks:
                first = sum(rises) < 0.75 * (k + 1 - last_look)
                second = not was_halved and best_value == last_best
                was_halved = first or second
                if was_halved:
                    size /= 2
                    points[-1], values[-1] = best, best_value
                rises, last_look, last_best = [], k + 1, best_value
        ends.append(best)
    return np.concatenate(ends)


class Wavy(Linear):
    """f(x) = W sin(20x) + b: the cross-entropy goes up and down along a signed step, so steps must be halved."""

    def __call__(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().clone())
        return (20 * x).sin().flatten(1) @ torch.from_numpy(self.weight).T + torch.from_numpy(self.bias)

    def log_softmax(self, x: Array) -> Array:
        return super().log_softmax(np.sin(20 * x))

    def gradient(self, x: Array, y: NDArray[np.int64]) -> Array:
        return super().gradient(x, y) * 20 * np.cos(20 * x)


@pytest.mark.parametrize("problem", [Linear(8, batch=30), Wavy(9, batch=30)], ids=["linear", "wavy"])
@pytest.mark.parametrize("steps", [1, 9, 40])
def test_apgd_is_the_published_algorithm(problem: Linear, steps: int) -> None:
    problem.asked.clear()
    x_adv = problem.attack(f"apgd-{steps}", 0.2, seed=6)
    expected = plain_apgd(problem, problem.asked[0].numpy(), 0.2, steps)
    assert np.allclose(x_adv, expected, rtol=0, atol=1e-9)


def test_apgd_finds_at_least_the_loss_of_pgd_on_a_network() -> None:
    torch.manual_seed(4)
    model = build_model(
        ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=5, mean=(0.4,), std=(0.3,))
    ).eval()
    noise = torch.Generator().manual_seed(0)
    x, y = torch.rand(128, 1, 8, 8, generator=noise), torch.randint(5, (128,), generator=noise)

    def loss(name: str) -> Tensor:
        x_adv = parse_attack(name).run(model, x, y, Ball(eps=0.2), torch.Generator().manual_seed(1))
        return torch.nn.functional.cross_entropy(model(x_adv), y, reduction="none").detach()

    with torch.no_grad():  # an attack makes its own gradients, whatever surrounds it
        noise_loss, one_step, many, auto = (loss(n) for n in ("random-noise", "fgsm", "pgd-20", "apgd-20"))
    assert noise_loss.mean() < one_step.mean() < many.mean()
    assert auto.mean() >= many.mean() - 1e-4


def test_names() -> None:
    names = "fgsm, pgd ,pgd-20,targeted-pgd,trades-kl,apgd,random-noise"
    expected = ["fgsm", "pgd-10", "pgd-20", "targeted-pgd-10", "trades-kl-10", "apgd-100", "random-noise"]
    assert [attack.name for attack in parse_attacks(names)] == expected


@pytest.mark.parametrize("names", ["", "pgd-0", "pgd-x", "fgsm-3", "pgd-10,pgd", "autoattack-3", "pgd-99999", "pgd,"])
def test_names_that_are_refused(names: str) -> None:
    with pytest.raises(WorkbenchError, match="attack"):
        parse_attacks(names)


@pytest.mark.parametrize("name", ["fgsm-3-2", "random-noise-1-2", "pgd-10-0", "pgd-10-1001", "pgd-1-2-3", "pgd-10-x"])
def test_restarts_that_are_refused(name: str) -> None:
    with pytest.raises(WorkbenchError, match="attack"):
        parse_attack(name)


@pytest.mark.parametrize("name", [*NAMES, "pgd-4-3", "apgd-5-2"])
def test_an_attack_knows_how_many_passes_it_takes_at_most(name: str) -> None:
    problem = Linear(7)
    problem.attack(name, 1e-6)
    assert sum(map(len, problem.asked)) <= len(problem.x) * parse_attack(name).passes
    most = {"pgd-4-3": 15, "apgd-5-2": 14, **PASSES}
    assert parse_attack(name).passes == most[name]


def test_restarts_are_the_worst_of_the_starts_that_still_matter() -> None:
    """One image at a time in numpy: attacked again while it is classified right, by starts drawn in this order."""
    problem, eps, steps, restarts = Linear(12, batch=60), 0.04, 3, 4
    problem.y = problem.log_softmax(problem.x).argmax(1)
    x_adv = problem.attack(f"pgd-{steps}-{restarts}", eps, seed=21)
    noise = torch.Generator().manual_seed(21)
    rows, best = np.arange(60), np.full(problem.x.shape, np.nan)
    loss, fooled = np.full(60, -np.inf), np.zeros(60, dtype=bool)
    for _ in range(restarts):
        starts = torch.empty(len(rows), 2, 3, 3, dtype=torch.float64).uniform_(-eps, eps, generator=noise).numpy()
        for row, start in zip(rows, starts, strict=True):
            x, y = problem.x[row : row + 1], problem.y[row : row + 1]
            here = (x + start).clip(0, 1)
            for _ in range(steps):
                here = here + 2.5 / steps * eps * np.sign(problem.gradient(here, y))
                here = np.clip(here, x - eps, x + eps).clip(0, 1)
            wrong = problem.log_softmax(here).argmax(1)[0] != y[0]
            if wrong or problem.cross_entropy(here, y)[0] > loss[row]:
                best[row], loss[row], fooled[row] = here[0], problem.cross_entropy(here, y)[0], wrong
        rows = np.flatnonzero(~fooled)
    assert 5 < fooled.sum() < 55
    assert np.allclose(x_adv, best, rtol=0, atol=1e-12)
