"""Evaluations against loops of plain torch and numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.evaluation.conftest import spec_of
from trainers.data import load_test
from trainers.seeding import seeded_generator
from workbench.evaluation import Evaluation, wilson
from workbench.evaluation.measure import Progress, evaluate
from workbench.probe.images import load_images
from workbench.target import find_target

EPS, SEED = 0.07, 5


def plain_pgd(model: nn.Module, x: Tensor, y: Tensor, starts: Tensor, steps: int) -> Tensor:
    """Madry's PGD with steps of 2.5·ε/k, from x + noise."""
    z = (x + starts).clamp(0, 1)
    for _ in range(steps):
        z = z.detach().requires_grad_(True)
        F.cross_entropy(model(z), y).backward()
        assert z.grad is not None
        z = z.detach() + 2.5 * EPS / steps * z.grad.sign()
        z = torch.min(torch.max(z, x - EPS), x + EPS).clamp(0, 1)
    return z.detach()


def test_pgd_50_10_is_a_plain_loop_with_ten_restarts(model: nn.Module, checkpoint: Path) -> None:
    test, _ = load_images("digits", "test", 60, {})
    spec = spec_of(checkpoint, num=60, eps=EPS, attacks="pgd-50-10", seed=SEED, batch_size=40)
    (evaluation,) = evaluate(find_target(checkpoint), spec)
    right: list[Tensor] = []
    for number, rows in enumerate(torch.arange(60).split(40)):
        x, y = test.batch(rows)
        generator = seeded_generator(torch.device("cpu"), SEED, "probe", number)
        robust = torch.ones(len(x), dtype=torch.bool)
        for _ in range(10):
            still = robust.nonzero().flatten()
            starts = torch.empty(len(still), 1, 8, 8).uniform_(-EPS, EPS, generator=generator)
            x_adv = plain_pgd(model, x[still], y[still], starts, 50)
            robust[still] = model(x_adv).argmax(1) == y[still]
        right.append(robust & (model(x).argmax(1) == y))
    expected = torch.cat(right)
    (attack,) = evaluation.attacks
    assert 8 < int(expected.sum()) < 50, "neither everything nor nothing is robust"
    assert attack.overall.num == evaluation.num == 60
    assert attack.overall.correct == int(expected.sum())
    assert [group.correct for group in attack.classes] == [int(expected[test.labels == k].sum()) for k in range(10)]
    assert [tally.correct for tally in evaluation.worst[1:]] == [group.correct for group in attack.classes]


def test_energies_and_accuracies_of_each_class(model: nn.Module, evaluation: Evaluation) -> None:
    """FGSM written out: E(x) = −logsumexp f(x), E(x,y) = −f(x)[y], ΔE(x) = E(x) − E(x*)."""
    test = load_test("digits")
    x, y = test.batch(torch.arange(300))
    z = x.clone().requires_grad_(True)
    F.cross_entropy(model(z), y).backward()
    assert z.grad is not None
    x_adv = (x + 0.08 * z.grad.sign()).clamp(0, 1)
    with torch.no_grad():
        logits, logits_adv = model(x), model(x_adv)
    (whole,) = evaluate(
        find_target(Path(evaluation.checkpoint)), spec_of(Path(evaluation.checkpoint), num=None, attacks="fgsm")
    )
    attack = whole.attacks[0]
    for label, group, clean in zip(range(10), attack.classes, whole.natural.classes, strict=True):
        rows = y == label
        energy, energy_adv = (-torch.logsumexp(values[rows], 1).double().numpy() for values in (logits, logits_adv))
        joint, joint_adv = (-values[rows, label].double().numpy() for values in (logits, logits_adv))
        right = logits[rows].argmax(1) == label
        assert clean.accuracy == pytest.approx(float(right.double().mean()))
        assert group.correct == int((right & (logits_adv[rows].argmax(1) == label)).sum())
        assert group.num == group.num_energies == int(rows.sum())
        assert group.delta_energy is not None
        for found, values in (
            (clean.energy, energy),
            (clean.joint_energy, joint),
            (group.energy, energy_adv),
            (group.joint_energy, joint_adv),
            (group.delta_energy, energy - energy_adv),
        ):
            assert found["mean"] == pytest.approx(values.mean(), abs=1e-4)
            assert found["std"] == pytest.approx(values.std(), abs=1e-4)
            assert found["q05"] == pytest.approx(np.quantile(values, 0.05), abs=1e-4)
            assert found["q75"] == pytest.approx(np.quantile(values, 0.75), abs=1e-4)


def test_the_worst_of_all_is_of_each_image(evaluation: Evaluation) -> None:
    pgd, fgsm = evaluation.attacks
    assert (pgd.name, fgsm.name) == evaluation.asked == ("pgd-5", "fgsm")
    worst = evaluation.worst[0].correct
    assert pgd.overall.correct + fgsm.overall.correct - evaluation.natural.overall.correct <= worst
    assert worst <= min(pgd.overall.correct, fgsm.overall.correct) < evaluation.natural.overall.correct
    assert evaluation.worst[0].num == 60
    assert {tally.num for tally in evaluation.worst[1:]} <= {5, 6, 7}, "a subset keeps the classes' proportions"


def test_each_attack_is_given_when_it_is_whole(checkpoint: Path, evaluation: Evaluation) -> None:
    seen: list[Progress] = []
    first, second = evaluate(find_target(checkpoint), spec_of(checkpoint, batch_size=25), watch=seen.append)
    assert [inputs.name for inputs in first.inputs] == ["natural", "pgd-5"]
    assert first.asked == second.asked == evaluation.asked
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert seen[0].total == 120
    assert 100 < done[-1] <= 120
    assert {progress.attack for progress in seen} == {"pgd-5", "fgsm"}
    assert second.natural.overall.correct == evaluation.natural.overall.correct


def test_autoattack_through_its_extra(checkpoint: Path) -> None:
    """It finds at least what PGD finds, and the energies are those of the images that it fools."""
    pytest.importorskip("pyautoattack")
    spec = spec_of(checkpoint, num=6, eps=0.1, attacks="pgd-20,autoattack")
    *_, evaluation = evaluate(find_target(checkpoint), spec)
    pgd, auto = evaluation.attacks
    assert auto.overall.correct <= pgd.overall.correct < evaluation.natural.overall.correct
    assert auto.overall.num_energies == evaluation.natural.overall.correct - auto.overall.correct
    assert pgd.overall.num_energies == 6


@pytest.mark.parametrize(("correct", "num"), [(0, 10), (3, 10), (10, 10), (150, 300), (1, 1)])
def test_wilsons_interval_solves_its_equation(correct: int, num: int) -> None:
    """Its ends are where |p̂ − p| = z·√(p(1 − p)/n)."""
    low, high = wilson(correct, num)
    assert 0 <= low <= correct / num <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert abs(correct / num - end) == pytest.approx(1.959963984540054 * (end * (1 - end) / num) ** 0.5)
