"""Directions and energies of planes against closed forms in float64."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.landscape.landscapes import EPS, NUM_VALUES, SHAPE, Logits, some_images, some_weights
from trainers.attacks import parse_attack
from trainers.spec import Ball
from workbench.landscape.plane import Sample, energies_over, find_plane, outline
from workbench.landscape.values import NUM_ANGLES, axis_of

CPU = torch.device("cpu")


def plane(
    model: Logits, x: Tensor, y: int = 0, index: int = 7, *, attack: str = "pgd-10", energy: str = "joint", **more: int
) -> Sample:
    settings = {"attack": parse_attack(attack), "ball": Ball(eps=EPS), "energy": energy, "seed": 0} | more
    return find_plane(model, x, torch.tensor([y]), index, **settings)


def measured(model: Logits, samples: list[Sample], **changes: object) -> tuple[np.ndarray, np.ndarray]:
    settings = {"axis": axis_of(11, 1.5), "energy": "joint", "clip": False, "device": CPU, "batch_size": 64}
    return energies_over(model, samples, **(settings | changes))


def points(sample: Sample, *, clip: bool = False) -> np.ndarray:
    """All images of a plane, (11, 11, D), b along the first axis, in float64."""
    axis = np.linspace(-1.5, 1.5, 11)
    x, d1, d2 = (getattr(sample, name).double().numpy().ravel() for name in ("x", "first", "second"))
    images = x + axis[None, :, None] * d1 + axis[:, None, None] * d2
    return np.clip(images, 0, 1) if clip else images


@pytest.mark.parametrize("attack", ["fgsm", "pgd-3", "apgd-5", "random-noise"])
def test_the_directions(attack: str) -> None:
    model, x = Logits(some_weights()), some_images(1)
    sample = plane(model, x, attack=attack)
    first, second = sample.first.double().flatten(), sample.second.double().flatten()
    assert sample.attacked
    assert float(first.abs().max()) == pytest.approx(EPS)
    assert 0 < sample.position <= 1 + 1e-6
    assert float(first @ second) == pytest.approx(0, abs=1e-8)
    assert float(second.norm()) == pytest.approx(float(first.norm()))
    # what the sign vector lost by becoming orthogonal is a multiple of d1
    signs = (second + first * float((second.sign() - second) @ first / (first @ first))).sign()
    assert set(signs.tolist()) == {-1.0, 1.0}


def test_the_adversarial_example_lies_on_the_first_axis() -> None:
    model, x, weights = Logits(some_weights(2)), some_images(1), some_weights(2)
    sample = plane(model, x, y=1, attack="fgsm")
    # FGSM on two linear classes: away from W_1 − W_0
    x_adv = x.flatten() - EPS * (weights[1] - weights[0]).sign()
    torch.testing.assert_close((sample.x + sample.position * sample.first).flatten(), x_adv)
    assert sample.adversarial == pytest.approx(-float(weights[1].double() @ x_adv.double()), rel=1e-5)
    assert sample.natural == pytest.approx(-float(weights[1].double() @ x.flatten().double()), rel=1e-5)


def test_a_linear_model() -> None:
    weights = some_weights()
    model, x = Logits(weights), some_images(1)
    sample = plane(model, x, y=2)
    torch.testing.assert_close(sample.gradient.flatten(), -weights[2])
    energy, linear = measured(model, [sample])
    expected = -points(sample) @ weights[2].double().numpy()
    np.testing.assert_allclose(energy[0], expected, atol=1e-5)
    np.testing.assert_allclose(linear[0], expected - expected[5, 5], atol=1e-5)


def test_the_marginal_energy() -> None:
    weights = some_weights()
    model, x = Logits(weights), some_images(1)
    sample = plane(model, x, energy="marginal")
    energy, _ = measured(model, [sample], energy="marginal")
    logits = points(sample) @ weights.double().numpy().T
    np.testing.assert_allclose(energy[0], -np.log(np.exp(logits).sum(-1)), atol=1e-5)
    softmax = torch.softmax(torch.tensor(logits[5, 5]), 0)
    torch.testing.assert_close(sample.gradient.flatten().double(), -(softmax @ weights.double()), atol=1e-5, rtol=0)


def test_a_quadratic_model_has_its_curvature_along_both_axes() -> None:
    c = 30.0
    model = Logits(some_weights(), lambda flat: c / 2 * (flat - 0.4).square().sum(1))
    sample = plane(model, some_images(1))
    energy, linear = measured(model, [sample])
    length = float(sample.first.double().square().sum())
    axis = np.linspace(-1.5, 1.5, 11)
    for line in (energy[0, 5], energy[0, :, 5]):
        np.testing.assert_allclose(np.diff(line, n=2) / 0.3**2, c * length, rtol=1e-3)
    bowl = c / 2 * length * (axis[None] ** 2 + axis[:, None] ** 2)
    np.testing.assert_allclose(energy[0] - sample.natural - linear[0], bowl, atol=2e-5)


def test_clipped_images_stay_in_the_range() -> None:
    weights = some_weights()
    model, x = Logits(weights), some_images(1, low=0.0, high=0.15)
    sample = plane(model, x, y=1)
    energy, linear = measured(model, [sample], clip=True)
    clipped = points(sample, clip=True)
    assert (clipped == 0).any()
    expected = -clipped @ weights[1].double().numpy()
    np.testing.assert_allclose(energy[0], expected, atol=1e-5)
    np.testing.assert_allclose(linear[0], expected - expected[5, 5], atol=1e-5)
    free, _ = measured(model, [sample])
    assert np.abs(free - energy).max() > 0.01


def test_a_plane_depends_on_its_seed_and_index_alone() -> None:
    model, x = Logits(some_weights()), some_images(1)
    sample = plane(model, x)
    torch.manual_seed(9)
    torch.testing.assert_close(plane(model, x).second, sample.second, rtol=0, atol=0)
    assert not torch.equal(plane(model, x, index=8).second, sample.second)
    assert not torch.equal(plane(model, x, seed=1).second, sample.second)


def test_batches_go_across_samples_and_change_nothing() -> None:
    model = Logits(some_weights(), lambda flat: flat.square().sum(1))
    samples = [plane(model, x[None], y=i, index=i) for i, x in enumerate(some_images(3))]
    model.largest_batch = 0
    whole = measured(model, samples, batch_size=10_000)
    assert model.largest_batch == 3 * 11 * 11
    model.largest_batch = 0
    seen: list[tuple[int, int]] = []
    parts = measured(model, samples, batch_size=50, watch=lambda done, total: seen.append((done, total)))
    assert model.largest_batch == 50
    assert seen == [(min(50 * (i + 1), 363), 363) for i in range(8)]
    for ours, theirs in zip(whole, parts, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    alone = measured(model, samples[1:2])
    np.testing.assert_allclose(alone[0][0], whole[0][1], atol=1e-5)


def test_running_out_of_memory_halves_the_batch() -> None:
    class Small(Logits):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 20:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    weights = some_weights()
    sample = plane(Logits(weights), some_images(1))
    said: list[str] = []
    model = Small(weights)
    found, _ = measured(model, [sample], batch_size=100, say=said.append)
    np.testing.assert_allclose(found, measured(Logits(weights), [sample])[0], atol=1e-5)
    assert model.largest_batch == 12
    assert [sentence.rpartition(" ")[2] for sentence in said] == ["50", "25", "12"]


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    class Broken(Logits):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("a bug")

    sample = plane(Logits(some_weights()), some_images(1))
    with pytest.raises(RuntimeError, match="a bug"):
        measured(Broken(some_weights()), [sample])


def test_the_outline_is_the_edge_of_the_ball() -> None:
    model = Logits(some_weights())
    sample = plane(model, some_images(1, low=0.0, high=0.15))
    radii = outline(sample, EPS)
    angles = np.arange(NUM_ANGLES) * 2 * np.pi / NUM_ANGLES
    first, second = (getattr(sample, name).double().numpy().ravel() for name in ("first", "second"))
    edge = (radii * np.cos(angles))[:, None] * first + (radii * np.sin(angles))[:, None] * second
    np.testing.assert_allclose(np.abs(edge).max(1), EPS, rtol=1e-5)
    assert radii[0] == pytest.approx(1.0)


def test_where_the_attack_does_not_move_the_first_direction_is_random_too() -> None:
    """A dead network has no gradient."""
    model = Logits(torch.zeros(3, NUM_VALUES))
    sample = plane(model, some_images(1), attack="fgsm")
    assert not sample.attacked
    assert sample.position == 0
    assert sample.adversarial == sample.natural
    assert set((sample.first / EPS).round(decimals=5).flatten().tolist()) == {-1.0, 1.0}
    assert float((sample.first * sample.second).sum()) == pytest.approx(0, abs=1e-8)
    assert sample.gradient.shape == SHAPE


def test_a_random_vector_along_the_attack_still_gives_a_plane() -> None:
    """In two dimensions every other sign vector is parallel to FGSM's."""
    model = Logits(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    for index in range(8):
        sample = plane(model, torch.full((1, 1, 1, 2), 0.5), attack="fgsm", index=index)
        assert float((sample.first * sample.second).sum()) == pytest.approx(0, abs=1e-8)
        assert float(sample.second.norm()) == pytest.approx(float(sample.first.norm()))
