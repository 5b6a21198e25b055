"""Energies and the delta-energy regularizer against scipy, by hand, and against numerical derivatives."""

import itertools
import math

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainers.energy import cross_entropy, joint_energy, marginal_energy
from trainers.losses import LOSSES
from trainers.recipes import complete
from trainers.regularizers import delta_energies, delta_energy, penalty
from trainers.spec import TrainConfig

ENERGIES = ("marginal", "joint", "both")
PENALTIES = ("squared", "abs", "hinge")
finite = st.floats(-300, 300, allow_nan=False)


def config(**settings: object) -> TrainConfig:
    return complete({"method": "fgsm-der", "data": "digits"} | settings)


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=finite), st.data())
def test_energies_are_those_of_scipy(logits: np.ndarray, data: st.DataObject) -> None:
    y = np.array(data.draw(st.lists(st.integers(0, logits.shape[1] - 1), min_size=len(logits), max_size=len(logits))))
    marginal = -scipy.special.logsumexp(logits, axis=1)
    joint = -logits[np.arange(len(y)), y]
    f, labels = torch.from_numpy(logits), torch.from_numpy(y)
    np.testing.assert_allclose(marginal_energy(f).numpy(), marginal, rtol=1e-13, atol=1e-12)
    np.testing.assert_array_equal(joint_energy(f, labels).numpy(), joint)
    np.testing.assert_allclose(cross_entropy(f, labels).numpy(), joint - marginal, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1e4, 3e38])
def test_energies_of_huge_float32_logits_stay_finite(size: float) -> None:
    logits = torch.tensor([[size, -size], [-size, -size]])
    expected = torch.tensor([-size, size - math.log(2)])
    assert torch.allclose(marginal_energy(logits), expected, rtol=1e-7)


def test_one_pair_by_hand() -> None:
    # f(x) = (0, ln 3): E(x) = −ln 4. f(x*) = (ln 2, ln 6): E(x*) = −ln 8. For y = 1, E = −ln 3 and −ln 6.
    clean = torch.tensor([[0.0, math.log(3)]], dtype=torch.float64)
    adv = torch.tensor([[math.log(2), math.log(6)]], dtype=torch.float64)
    y = torch.tensor([1])
    assert marginal_energy(clean).item() == pytest.approx(-math.log(4))
    assert joint_energy(clean, y).item() == pytest.approx(-math.log(3))
    assert cross_entropy(clean, y).item() == pytest.approx(math.log(4 / 3))
    assert LOSSES["clean"](clean, None, y, config()).item() == pytest.approx(math.log(4 / 3))
    assert LOSSES["adversarial"](None, adv, torch.tensor([0]), config()).item() == pytest.approx(math.log(4))
    (marginal,) = delta_energies(clean, adv, y, "marginal")
    (joint,) = delta_energies(clean, adv, y, "joint")
    assert marginal.item() == pytest.approx(math.log(2))  # E(x) − E(x*), in this order
    assert joint.item() == pytest.approx(math.log(2))
    assert [delta.item() for delta in delta_energies(clean, adv, y, "both")] == [marginal.item(), joint.item()]


@pytest.mark.parametrize(
    ("kind", "values"),
    [("squared", [4.0, 0.25, 0.0, 2.25]), ("abs", [2.0, 0.5, 0.0, 1.5]), ("hinge", [1.25, 0.0, 0.0, 0.75])],
)
def test_each_penalty_by_hand(kind: str, values: list[float]) -> None:
    delta = torch.tensor([-2.0, 0.5, 0.0, 1.5], dtype=torch.float64)
    assert penalty(delta, kind, 0.75).tolist() == values


def test_both_is_the_sum_and_beta_scales_it() -> None:
    generator = torch.Generator().manual_seed(1)
    clean, adv = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0])
    parts = [
        delta_energy(clean, adv, y, config(der_energy=energy, der_beta=3.0, der_penalty="squared"))
        for energy in ENERGIES
    ]
    assert parts[0].shape == (5,)
    assert torch.allclose(parts[0] + parts[1], parts[2])
    marginal = -clean.exp().sum(1).log() + adv.exp().sum(1).log()
    assert torch.allclose(parts[0], 3.0 * marginal**2)


@pytest.mark.parametrize(("energy", "kind"), itertools.product(ENERGIES, PENALTIES))
def test_regularizer_has_the_derivatives_that_finite_differences_give(energy: str, kind: str) -> None:
    generator = torch.Generator().manual_seed(2)
    clean = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    adv = (3 * torch.randn(4, 3, generator=generator, dtype=torch.float64)).requires_grad_(True)
    y = torch.tensor([2, 0, 1, 1])
    chosen = config(
        der_energy=energy, der_penalty=kind, der_beta=1.7, **({"der_margin": 0.6} if kind == "hinge" else {})
    )
    deltas = torch.stack(delta_energies(clean, adv, y, energy)).abs()
    assert deltas.min() > 0.01, "an instance at the kink of |·| proves nothing"
    assert (deltas - 0.6).abs().min() > 0.01, "nor one at the hinge"
    assert kind != "hinge" or ((deltas > 0.6).any() and (deltas < 0.6).any())
    assert torch.autograd.gradcheck(lambda a, b: delta_energy(a, b, y, chosen), (clean, adv))


@pytest.mark.parametrize("side", [0, 1])
def test_gradients_flow_through_each_side(side: int) -> None:
    """∂(ΔE)²/∂f(x) = −2·ΔE·softmax f(x), and the opposite sign at x*."""
    generator = torch.Generator().manual_seed(3)
    logits = [torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    chosen = config(der_penalty="squared", der_beta=2.0)
    delta_energy(*logits, torch.zeros(4, dtype=torch.int64), chosen).sum().backward()
    clean, adv = (one.detach().numpy() for one in logits)
    delta = -scipy.special.logsumexp(clean, axis=1) + scipy.special.logsumexp(adv, axis=1)
    sign = (-1, 1)[side]
    expected = sign * 2.0 * 2 * delta[:, None] * scipy.special.softmax((clean, adv)[side], axis=1)
    np.testing.assert_allclose(logits[side].grad.numpy(), expected, rtol=1e-12)
    both, of_one = logits[1].grad.clone(), config(der_penalty="squared", der_beta=2.0, der_gradient="adversarial")
    for one in logits:
        one.grad = None
    delta_energy(*logits, torch.zeros(4, dtype=torch.int64), of_one).sum().backward()
    assert logits[0].grad is None
    assert torch.equal(logits[1].grad, both)
