"""Figures of roughness against planes, quadratics and sines, whose values are known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.landscape.landscapes import landscape_of
from workbench.landscape import FIGURES, mean_and_median, roughness


def test_a_linear_energy_is_not_rough() -> None:
    found = roughness(landscape_of(lambda a, b: -2.0 + 3.0 * a - 0.5 * b, gradient=(3.0, -0.5)))
    expected = {
        "delta_energy": -3.0,
        "range": 2 * 1.5 * 3.5,
        "variation": (3.0 + 0.5) / 2,
        "plane_deviation": 0.0,
        "plane_share": 1.0,
        "linearity_error": 0.0,
        "curvature": 0.0,
        "sign_changes": 0.0,
        "gradient_l1": 0.25,
        "gradient_l2": 0.5,
    }
    assert list(found) == list(expected) == [figure.name for figure in FIGURES]
    for name, value in expected.items():
        # float32 keeps E to 5e-7; a second difference divides four of those by the spacing of 0.15, squared
        tolerance = 1e-4 if name == "curvature" else 2e-6
        np.testing.assert_allclose(found[name], [value, value], atol=tolerance, err_msg=name)


def test_a_quadratic_energy_has_its_curvature() -> None:
    c = 0.8
    found = roughness(landscape_of(lambda a, b: c / 2 * (a**2 + b**2) + 0.1 * a, gradient=(0.1, 0.0)))
    axis = np.linspace(-1.5, 1.5, 21)
    bowl = c / 2 * (axis[None] ** 2 + axis[:, None] ** 2)
    np.testing.assert_allclose(found["curvature"], c, rtol=1e-4)
    np.testing.assert_allclose(found["linearity_error"], c * 1.5**2, rtol=1e-5)
    np.testing.assert_allclose(found["plane_deviation"], bowl.std(), rtol=1e-5)
    share = 1 - bowl.var() / (bowl + 0.1 * axis).var()
    np.testing.assert_allclose(found["plane_share"], share, atol=1e-5)
    np.testing.assert_allclose(found["sign_changes"], 1)
    np.testing.assert_allclose(found["delta_energy"], -(c / 2 + 0.1), rtol=1e-6)


def test_the_best_plane_is_that_of_least_squares() -> None:
    def energy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sin(2 * a + b) + 0.3 * a * b**2

    landscape = landscape_of(energy, num=1)
    a, b = np.meshgrid(np.linspace(-1.5, 1.5, 21), np.linspace(-1.5, 1.5, 21))
    design = np.stack([np.ones(a.size), a.ravel(), b.ravel()], axis=1)
    rest = np.linalg.lstsq(design, energy(a, b).ravel(), rcond=None)[1].item()
    assert roughness(landscape)["plane_deviation"][0] == pytest.approx(np.sqrt(rest / a.size), rel=1e-5)


def test_curvature_is_that_of_the_adversarial_direction() -> None:
    assert roughness(landscape_of(lambda a, b: 7 * b**2 + 0 * a))["curvature"] == pytest.approx(0.0, abs=1e-3)
    assert roughness(landscape_of(lambda a, b: 7 * b + 0.5 * a**2))["curvature"] == pytest.approx(1.0, rel=1e-3)


def test_turns_are_counted_along_the_adversarial_direction() -> None:
    # cos(3πa) turns where sin(3πa) = 0: at a = k/3. Inside (−1.5, 1.5) these are k = −4 … 4.
    found = roughness(landscape_of(lambda a, b: np.cos(3 * np.pi * a) + np.sin(9 * b), grid=121))
    assert found["sign_changes"].tolist() == [9, 9]


def test_rounding_and_level_stretches_are_no_turns() -> None:
    noise = np.random.default_rng(0).choice([-1.0, 1.0], (1, 121)) * 1e-6
    noisy = roughness(landscape_of(lambda a, b: 40 + noise[:, : a.size] + 0 * b, grid=121))
    assert noisy["sign_changes"].tolist() == [0, 0]
    stairs = roughness(landscape_of(lambda a, b: np.floor(3 * a) + 0 * b, grid=121))
    assert stairs["sign_changes"].tolist() == [0, 0]
    pit = roughness(landscape_of(lambda a, b: np.maximum(np.abs(a), 1) + 0 * b, grid=121))
    assert pit["sign_changes"].tolist() == [1, 1]


def test_a_level_energy_has_no_share_of_variance() -> None:
    found = roughness(landscape_of(lambda a, b: 3.0 + 0 * a * b))
    assert np.isnan(found["plane_share"]).all()
    assert found["range"].tolist() == [0, 0]
    assert mean_and_median(found["plane_share"]) == (None, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_have_no_figures(value: float) -> None:
    landscape = landscape_of(lambda a, b: a + b)
    energy = landscape.energy.copy()
    energy[0, 3, 4] = value
    found = roughness(replace(landscape, energy=energy))
    for name, values in found.items():
        assert np.isnan(values[0]), name
        assert np.isfinite(values[1]), name
    assert mean_and_median(found["range"])[0] == pytest.approx(6.0)


def test_mean_and_median() -> None:
    assert mean_and_median(np.array([1.0, np.nan, 2.0, 9.0])) == (4.0, 2.0)


def test_scaling_energies_scales_all_figures_but_two() -> None:
    def energy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sin(3 * a) * np.cos(b) + 0.2 * a

    small = roughness(landscape_of(energy, gradient=(3.2, 0.0)))
    large = roughness(landscape_of(lambda a, b: 16 * energy(a, b), gradient=(51.2, 0.0)))
    for name in ("delta_energy", "range", "variation", "plane_deviation", "linearity_error", "curvature"):
        np.testing.assert_allclose(large[name], 16 * small[name], rtol=1e-4, err_msg=name)
    for name in ("plane_share", "sign_changes"):
        np.testing.assert_allclose(large[name], small[name], rtol=1e-4, err_msg=name)
