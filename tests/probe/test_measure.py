"""What is measured, against training's own evaluation and against plain formulas."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainers.attacks import parse_attacks
from trainers.data import Split, load_data
from trainers.energylog.attack_tables import NATURAL
from trainers.evaluate import evaluate
from trainers.spec import Ball
from workbench.probe import measure

BALL = Ball(eps=0.15)


@pytest.fixture(scope="module")
def split() -> Split:
    return load_data("digits", probe_size=130).probe


def test_pgd_10_is_that_of_training(model: nn.Module, split: Split) -> None:
    own = evaluate(model, split, ball=BALL, seed=7, batch_size=50)
    measured = measure(model, split, parse_attacks("pgd"), ball=BALL, seed=7, batch_size=50)
    table = measured.table("pgd-10")
    for name in ("energy", "energy_adv", "joint_energy", "joint_energy_adv", "correct", "correct_adv"):
        assert np.array_equal(getattr(table, name), getattr(own.table, name)), name
    assert measured.fgsm_accuracy == pytest.approx(own.fgsm_accuracy)
    assert measured.accuracy(NATURAL) == pytest.approx(own.clean_accuracy)
    assert measured.accuracy("pgd-10") == pytest.approx(own.pgd_accuracy)


def test_attacks_do_not_change_each_other(model: nn.Module, split: Split) -> None:
    names = "random-noise,fgsm,targeted-pgd-3,trades-kl-3,apgd-3,pgd-3"
    together = measure(model, split, parse_attacks(names), ball=BALL, seed=1, batch_size=64)
    assert list(together.inputs) == [NATURAL, *names.split(",")]
    for attack in parse_attacks(names):
        alone = measure(model, split, (attack,), ball=BALL, seed=1, batch_size=64)
        for column in ("energy", "joint_energy", "correct"):
            assert np.array_equal(
                getattr(alone.inputs[attack.name], column), getattr(together.inputs[attack.name], column)
            )
        assert alone.fgsm_accuracy == together.fgsm_accuracy == together.accuracy("fgsm")


def test_energies_are_their_formulas(model: nn.Module, split: Split) -> None:
    """E(x) = −log Σ exp f, E(x,y) = −f[y], in float64 from the logits; noise is drawn from the seed alone."""
    measured = measure(model, split, parse_attacks("random-noise"), ball=BALL, seed=3, batch_size=64)
    x, y = split.batch(torch.arange(len(split)))
    with torch.no_grad():
        logits = model(x).double().numpy()
    clean = measured.inputs[NATURAL]
    assert np.allclose(clean.energy, -np.log(np.exp(logits).sum(1)), atol=1e-4)
    assert np.allclose(clean.joint_energy, -logits[np.arange(len(x)), y], atol=1e-4)
    assert np.array_equal(clean.correct, logits.argmax(1) == y.numpy())
    again = measure(model, split, parse_attacks("random-noise"), ball=BALL, seed=4, batch_size=64)
    assert not np.array_equal(again.inputs["random-noise"].energy, measured.inputs["random-noise"].energy)


class Broken(nn.Module):
    """Infinite logits for images that are bright in the corner."""

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.stack([x.mean((1, 2, 3)), x[:, 0, 0, 0]], dim=1)
        return torch.where(x[:, 0, 0, :1] > 0.5, torch.full_like(logits, torch.inf), logits)


def test_logits_that_are_not_finite_are_missing_and_wrong() -> None:
    images = torch.zeros(6, 1, 4, 4)
    images[4:, 0, 0, 0] = 1.0
    split = Split(images=images, scale=1.0, labels=torch.zeros(6, dtype=torch.int64), index=torch.arange(6))
    measured = measure(Broken(), split, parse_attacks("fgsm"), ball=Ball(eps=0.01), seed=0, batch_size=4)
    clean = measured.inputs[NATURAL]
    assert np.array_equal(np.isnan(clean.energy), [False] * 4 + [True] * 2)
    assert clean.correct.tolist() == [1, 1, 1, 1, 0, 0]
    assert measured.num_broken == 2


class Hungry(nn.Module):
    """Runs out of memory with more than 10 images."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return self.inner(x)


def test_batches_are_halved_until_they_fit(model: nn.Module, split: Split) -> None:
    said: list[str] = []
    measured = measure(Hungry(model), split, parse_attacks("pgd-2"), ball=BALL, seed=0, batch_size=32, say=said.append)
    assert measured.batch_size == 8
    assert [sentence.split(",")[0] for sentence in said] == [
        "out of memory; on with batches of 16",
        "out of memory; on with batches of 8",
    ]
    expected = measure(model, split, parse_attacks("pgd-2"), ball=BALL, seed=0, batch_size=8)
    assert np.array_equal(measured.inputs["pgd-2"].energy, expected.inputs["pgd-2"].energy)


def test_other_errors_are_not_taken_for_want_of_memory(split: Split) -> None:
    with pytest.raises(RuntimeError, match="channels"):
        measure(nn.Conv2d(5, 5, 1), split, parse_attacks("fgsm"), ball=BALL, seed=0, batch_size=8)
