"""Attacks in the l2 ball: the same invariants as in l∞, and where the answer is known, against it."""

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refuses
from test_attacks import ATTACKS, Linear, Problem

from tests.conftest import Cli, assert_refused
from trainers.attacks import apgd, perturb
from trainers.attacks.geometry import project, steepest_step, uniform_noise
from trainers.checkpoints import load_weights
from trainers.energylog import EnergyLog
from trainers.loop import fit
from trainers.recipes import METHODS, complete
from trainers.rows import ROWS
from trainers.spec import Ball, pgd

NAMES = ["fgsm", "rs-fgsm", "pgd", "three-steps-from-zero"]
instances = pytest.mark.parametrize("name", NAMES)
eps_values = st.sampled_from([0.05, 0.5, 2.0, 6.0])
seeds = st.integers(0, 2**32 - 1)


def length(delta: torch.Tensor) -> torch.Tensor:
    return delta.pow(2).sum((1, 2, 3)).sqrt()


@instances
@settings(deadline=None, max_examples=12)
@given(seed=seeds, eps=eps_values)
def test_stays_in_the_ball_and_never_lowers_the_loss_of_a_linear_model(name: str, seed: int, eps: float) -> None:
    """Cross-entropy is convex in x here, and each step ends at the nearest point of ball and image range."""
    problem = Problem(seed)
    generator = torch.Generator().manual_seed(seed)
    ball = Ball(eps=eps, norm="l2")
    x_adv, _ = perturb(problem.forward, problem.x, problem.y, ball=ball, attack=ATTACKS[name], generator=generator)
    visited = [*problem.forward.asked, x_adv]
    for point in visited:
        assert point.min() >= 0
        assert point.max() <= 1
        assert (length(point - problem.x) <= eps * (1 + 1e-9)).all()
    forward = Linear(problem.forward.weight, problem.forward.bias)
    losses = torch.stack([torch.nn.functional.cross_entropy(forward(x), problem.y, reduction="none") for x in visited])
    assert (losses.diff(dim=0) >= -1e-9).all()


@settings(deadline=None, max_examples=12)
@given(seed=seeds)
def test_two_linear_classes_are_attacked_along_the_difference_of_their_weights(seed: int) -> None:
    """Away from the ends of the range the worst point is x + ε·w/‖w‖."""
    problem = Problem(seed, num_classes=2)
    problem.x = problem.x * 0.2 + 0.4
    ball = Ball(eps=0.3, norm="l2")
    towards = (problem.forward.weight[1 - problem.y] - problem.forward.weight[problem.y]).view_as(problem.x)
    unit = towards / length(towards)[:, None, None, None]

    def attacked(name: str) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return perturb(
            problem.forward, problem.x, problem.y, ball=ball, attack=ATTACKS[name], generator=generator
        ).x_adv

    torch.testing.assert_close(attacked("fgsm"), problem.x + 0.3 * unit, rtol=0, atol=1e-12)
    assert (((attacked("pgd-20") - problem.x) * unit).sum((1, 2, 3)) > 0.95 * 0.3).all()


def test_the_projection_is_the_nearest_point_of_ball_and_image_range() -> None:
    """Against a solver of constrained problems."""
    noise = torch.Generator().manual_seed(3)
    x = torch.rand(4, 1, 2, 2, generator=noise, dtype=torch.float64)
    far = x + torch.randn(4, 1, 2, 2, generator=noise, dtype=torch.float64)
    found = project(far, x, Ball(eps=0.4, norm="l2"))
    for start, target, point in zip(
        x.flatten(1).numpy(), far.flatten(1).numpy(), found.flatten(1).numpy(), strict=True
    ):
        solution = scipy.optimize.minimize(
            lambda z, target=target: np.sum((z - target) ** 2),
            start,
            bounds=[(0, 1)] * 4,
            constraints={"type": "ineq", "fun": lambda z, start=start: 0.16 - np.sum((z - start) ** 2)},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        np.testing.assert_allclose(point, solution.x, atol=1e-5)
    inside = x + 0.1 * (far - x)
    torch.testing.assert_close(project(inside.clamp(0, 1), x, Ball(eps=9.0, norm="l2")), inside.clamp(0, 1))


def test_noise_is_uniform_in_the_ball() -> None:
    """(‖η‖/r)^d is uniform on [0, 1], and no direction is preferred."""
    x = torch.zeros(4000, 1, 2, 3, dtype=torch.float64)
    noise = uniform_noise(x, 0.7, "l2", torch.Generator().manual_seed(0))
    shares = (length(noise) / 0.7) ** 6
    assert shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.02)
    assert shares.var().item() == pytest.approx(1 / 12, rel=0.05)
    assert noise.mean(0).abs().max() < 0.02


def test_a_gradient_of_zeros_moves_nothing() -> None:
    x = torch.rand(2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    gradient = torch.zeros_like(x)
    gradient[1] = 3.0
    moved = steepest_step(x, gradient, 0.5, "l2") - x
    assert torch.equal(moved[0], torch.zeros_like(moved[0]))
    assert length(moved)[1].item() == pytest.approx(0.5)


def test_methods_of_the_linf_ball_refuse_another_one() -> None:
    for row in ROWS:
        for name in (row.name, f"{row.name}-der"):
            if name not in METHODS:
                continue
            if "l2" in row.norms:
                assert complete({"method": name, "norm": "l2", "eps": 1.5}).ball == Ball(eps=1.5, norm="l2")
            else:
                with refuses(name, "linf", "--norm l2", "pgd"):
                    complete({"method": name, "norm": "l2", "eps": 1.5})
    with refuses("--eps", "128/255"):
        complete({"method": "pgd", "norm": "l2"})
    with refuses("APGD", "linf"):
        x = torch.rand(2, 1, 2, 2)
        apgd(lambda z: z.flatten(1), x, torch.zeros(2).long(), ball=Ball(eps=1.0, norm="l2"), steps=2, generator=None)


@pytest.mark.parametrize("method", ["fgsm-der", "rs-fgsm", "trades"])
def test_a_run_in_the_l2_ball_has_finite_energies(method: str, tmp_path: Path, cli: Cli) -> None:
    small = {"train_size": 100, "probe_size": 30, "train_probe_size": 0, "model": "small-cnn", "width": 4}
    fit(complete({"method": method, "norm": "l2", "eps": 1.0, "epochs": 2, "device": "cpu", **small}), tmp_path / "run")
    with EnergyLog.open(tmp_path / "run") as log:
        assert log.meta.config["norm"] == "l2"
        for epoch in range(2):
            assert np.isfinite(log.samples("train", "energy_adv", epoch)).all()
            assert np.isfinite(log.samples("probe", "energy_adv", epoch)).all()
        assert np.isfinite(log.epochs()["train_loss"]).all()
    checkpoint = tmp_path / "run" / "checkpoints" / "epoch-000001.safetensors"
    assert load_weights(checkpoint)[1]["norm"] == "l2"
    if method == "trades":
        assert_refused(cli("probe", checkpoint, "--out", "probe.h5"), "l2 ball", "--eps")


def test_pgd_of_more_steps_finds_more_loss_in_l2() -> None:
    problem = Problem(11)
    ball = Ball(eps=1.0, norm="l2")
    losses = [
        torch.nn.functional.cross_entropy(
            problem.forward(
                perturb(
                    problem.forward, problem.x, problem.y, ball=ball, attack=pgd(k), generator=torch.Generator()
                ).x_adv
            ),
            problem.y,
        ).item()
        for k in (1, 20)
    ]
    assert losses[0] < losses[1]
