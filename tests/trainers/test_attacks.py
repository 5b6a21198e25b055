"""Every attack under the same invariants, and where the answer is known, against it."""

from dataclasses import dataclass, field

import plain_torch
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from trainers.attacks import Perturbed, perturb
from trainers.models import ModelSpec, build_model
from trainers.recipes import METHODS
from trainers.spec import AttackSpec, Ball, fgsm, pgd

SINGLE_STEP = ("fgsm", "rs-fgsm", "n-fgsm")
ATTACKS = {name: METHODS[name].attack for name in (*SINGLE_STEP, "pgd")} | {
    "fgsm-evaluation": fgsm(),
    "pgd-20": pgd(20),
    "three-steps-from-zero": AttackSpec(name="bim-3", start="zero", steps=3, step_size=0.5),
}
REACH = {"n-fgsm": 3.0}
"""How far an attack may go in units of ε; 1 unless it is listed. η in the 2ε ball, then a step of ε and no clipping."""

instances = pytest.mark.parametrize("name", ATTACKS)
eps_values = st.sampled_from([1 / 255, 8 / 255, 0.3, 1.0])
seeds = st.integers(0, 2**32 - 1)


@dataclass
class Linear:
    """f(x) = Wx + b for images of 2×3×3, which remembers what it was asked."""

    weight: Tensor
    bias: Tensor
    asked: list[Tensor] = field(default_factory=list)

    def __call__(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().clone())
        return x.flatten(1) @ self.weight.T + self.bias


@dataclass
class Problem:
    """A linear model with images and labels, all from one seed; some pixels lie at the ends of the range."""

    seed: int
    num_classes: int = 4

    def __post_init__(self) -> None:
        noise = torch.Generator().manual_seed(self.seed)
        weight = torch.randn(self.num_classes, 18, generator=noise, dtype=torch.float64)
        bias = torch.randn(self.num_classes, generator=noise, dtype=torch.float64)
        self.forward = Linear(weight, bias)
        self.x = torch.rand(5, 2, 3, 3, generator=noise, dtype=torch.float64).mul(1.4).sub(0.2).clamp(0, 1)
        self.y = torch.randint(self.num_classes, (5,), generator=noise)

    def attack(self, name: str, eps: float, seed: int = 0, **settings: bool) -> Perturbed:
        generator = torch.Generator().manual_seed(seed)
        ball = Ball(eps=eps)
        return perturb(self.forward, self.x, self.y, ball=ball, attack=ATTACKS[name], generator=generator, **settings)


@instances
@settings(deadline=None, max_examples=25)
@given(seed=seeds, eps=eps_values)
def test_stays_in_reach_and_in_the_image_range(name: str, seed: int, eps: float) -> None:
    problem = Problem(seed)
    before = problem.x.clone()
    x_adv, clean_logits = problem.attack(name, eps, seed)
    assert not x_adv.requires_grad
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    reach = eps * REACH.get(name, 1.0)
    assert (x_adv - problem.x).abs().max() <= reach + 1e-12
    assert torch.equal(problem.x, before), "x itself must not move"
    assert not problem.x.requires_grad
    if ATTACKS[name].start == "zero":
        assert torch.equal(clean_logits, Linear(problem.forward.weight, problem.forward.bias)(before))
        assert not clean_logits.requires_grad
    else:
        assert clean_logits is None
    assert len(problem.forward.asked) == ATTACKS[name].steps


def test_n_fgsm_does_leave_the_ball() -> None:
    problem = Problem(1)
    problem.x = torch.full_like(problem.x, 0.5)
    x_adv, _ = problem.attack("n-fgsm", 0.1)
    distance = (x_adv - problem.x).abs()
    assert 0.2 < distance.max() <= 0.3 + 1e-12
    start = problem.forward.asked[0]
    assert 0.1 < (start - problem.x).abs().max() <= 0.2
    assert torch.allclose((x_adv - start).abs(), torch.full_like(x_adv, 0.1)), (
        "one whole step of ε from the noisy image"
    )


@instances
@settings(deadline=None, max_examples=25)
@given(seed=seeds, eps=eps_values)
def test_never_lowers_the_loss_of_a_linear_model(name: str, seed: int, eps: float) -> None:
    """Cross-entropy is convex in x here, so each signed step climbs from wherever the attack stands."""
    problem = Problem(seed)
    x_adv, _ = problem.attack(name, eps, seed)
    visited = [*problem.forward.asked, x_adv]
    losses = torch.stack([plain_torch.cross_entropy(problem.forward(x), problem.y) for x in visited])
    assert (losses.diff(dim=0) >= -1e-9).all()


@settings(deadline=None, max_examples=50)
@given(seed=seeds, eps=eps_values)
def test_fgsm_on_a_linear_model_is_its_closed_form(seed: int, eps: float) -> None:
    problem = Problem(seed)
    weight, bias = problem.forward.weight.numpy(), problem.forward.bias.numpy()
    logits = problem.x.flatten(1).numpy() @ weight.T + bias
    softmax = torch.from_numpy(logits).softmax(1).numpy()
    gradient = (softmax - torch.eye(4, dtype=torch.float64).numpy()[problem.y]) @ weight
    expected = (problem.x + eps * torch.from_numpy(gradient).sign().view_as(problem.x)).clamp(0, 1)
    x_adv, _ = problem.attack("fgsm", eps)
    assert torch.allclose(x_adv, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["pgd", "pgd-20"])
@settings(deadline=None, max_examples=25)
@given(seed=seeds, eps=eps_values)
def test_pgd_on_two_linear_classes_reaches_the_worst_corner(name: str, seed: int, eps: float) -> None:
    """The gradient's sign never changes, and k steps of 2.5·ε/k cross the ball from any start."""
    problem = Problem(seed, num_classes=2)
    towards_other = problem.forward.weight[1 - problem.y] - problem.forward.weight[problem.y]
    expected = (problem.x + eps * towards_other.sign().view_as(problem.x)).clamp(0, 1)
    x_adv, _ = problem.attack(name, eps, seed)
    assert torch.allclose(x_adv, expected, rtol=0, atol=1e-12)


@instances
def test_depends_on_its_generator_and_on_no_other_randomness(name: str) -> None:
    problem = Problem(7)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, _ = problem.attack(name, 0.1, seed=11)
    assert torch.equal(torch.get_rng_state(), state), "torch's global generator is not the attack's to use"
    torch.manual_seed(1)
    assert torch.equal(problem.attack(name, 0.1, seed=11).x_adv, first)
    problem.forward.asked.clear()
    for seed in range(3):
        problem.attack(name, 0.1, seed=seed)
    starts = {problem.forward.asked[i * ATTACKS[name].steps].sum().item() for i in range(3)}
    assert len(starts) == (1 if ATTACKS[name].start == "zero" else 3)


@pytest.mark.parametrize(("name", "radius"), [("rs-fgsm", 1.0), ("n-fgsm", 2.0), ("pgd", 1.0)])
def test_starts_are_uniform_in_their_ball(name: str, radius: float) -> None:
    problem = Problem(3)
    problem.x = torch.full((400, 2, 3, 3), 0.5, dtype=torch.float64)
    problem.y = torch.zeros(400, dtype=torch.int64)
    problem.attack(name, 0.1, seed=5)
    offset = (problem.forward.asked[0] - problem.x) / (0.1 * radius)
    assert 0.99 < offset.max() <= 1
    assert -1 <= offset.min() < -0.99
    assert abs(offset.mean()) < 0.03
    assert offset.var().item() == pytest.approx(1 / 3, rel=0.05)


def small_net(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(4)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=5, mean=(0.4,), std=(0.3,))
    return build_model(spec).to(dtype)


def images(num: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num)
    x = torch.rand(num, 1, 8, 8, generator=generator, dtype=dtype)
    return x, torch.randint(5, (num,), generator=generator)


@pytest.mark.parametrize("name", plain_torch.RECIPES)
@pytest.mark.parametrize("training", [True, False])
def test_each_attack_of_a_network_is_the_published_one(name: str, training: bool) -> None:
    x, y = images(6)
    model, twin = small_net().train(training), small_net().train(training)
    attack = ATTACKS[name]
    x_adv, _ = perturb(model, x, y, ball=Ball(eps=0.12), attack=attack, generator=torch.Generator().manual_seed(9))
    recipe = plain_torch.RECIPES[name]
    expected = plain_torch.attack(twin, x, y, recipe, 0.12, torch.Generator().manual_seed(9))
    assert torch.allclose(x_adv, expected, rtol=0, atol=1e-12)
    assert model.training is training
    for key, value in twin.state_dict().items():
        assert torch.allclose(model.state_dict()[key], value, rtol=1e-9, atol=0), key


@pytest.mark.parametrize("eps", [0.1, 0.3])
def test_more_steps_find_more_loss(eps: float) -> None:
    x, y = images(128, torch.float32)
    model = small_net(torch.float32).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def loss(attack: AttackSpec) -> float:
        x_adv, _ = perturb(model, x, y, ball=Ball(eps=eps), attack=attack, generator=torch.Generator().manual_seed(1))
        return float(plain_torch.cross_entropy(model(x_adv), y).mean())

    clean = float(plain_torch.cross_entropy(model(x), y).mean())
    assert clean < loss(fgsm()) < loss(pgd(10))


@instances
@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("keep_graph", [True, False])
def test_parameters_keep_their_gradients(name: str, filled: bool, keep_graph: bool) -> None:
    model = small_net().train()
    x, y = images(4)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 3.0) if filled else None
    with torch.no_grad():  # an attack makes its own gradients, whatever surrounds it
        result = perturb(
            model, x, y, ball=Ball(eps=0.1), attack=ATTACKS[name], generator=torch.Generator(), keep_graph=keep_graph
        )
    assert result.x_adv.grad is None
    for parameter in model.parameters():
        assert parameter.requires_grad
        assert (parameter.grad is not None) is filled
        assert not filled or bool((parameter.grad == 3.0).all())


def test_kept_logits_have_the_gradient_of_a_pass_of_their_own() -> None:
    model, twin = small_net().eval(), small_net().eval()
    x, y = images(4)
    _, logits = perturb(model, x, y, ball=Ball(eps=0.1), attack=fgsm(), generator=torch.Generator(), keep_graph=True)
    expected = twin(x)
    assert torch.equal(logits, expected)
    for one, network in ((logits, model), (expected, twin)):
        plain_torch.energy(one).square().sum().backward()
        assert network.get_parameter("conv1.weight").grad.abs().sum() > 0
    for (key, parameter), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(parameter.grad, other.grad, rtol=1e-12, atol=1e-15), key
