"""Learning rates where they are known, and randomness that depends on its position alone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.schedules import SCHEDULES, learning_rate
from trainers.seeding import seeded_generator
from trainers.spec import _CHOICES

KNOWN = {
    "flat": {0.0: 1.0, 0.37: 1.0, 1.0: 1.0},
    "stepped": {0.0: 1.0, 0.4999: 1.0, 0.5: 0.1, 0.7499: 0.1, 0.75: 0.01, 1.0: 0.01},
    "triangular": {0.0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.75: 0.5, 1.0: 0.0},
    "cosine": {0.0: 1.0, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1.0: 0.0},
}


def test_the_configuration_offers_exactly_the_schedules_there_are() -> None:
    assert SCHEDULES.keys() == KNOWN.keys() == set(_CHOICES["schedule"])


@pytest.mark.parametrize("name", KNOWN)
def test_schedule_at_its_ends_peak_and_steps(name: str) -> None:
    for progress, value in KNOWN[name].items():
        assert SCHEDULES[name](progress) == pytest.approx(value, abs=1e-12), progress


@given(st.sampled_from(sorted(KNOWN)), st.integers(1, 500), st.floats(1e-4, 10))
def test_no_step_of_a_run_is_lost(name: str, total: int, peak: float) -> None:
    rates = [learning_rate(name, peak, step, total) for step in range(total)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    if name == "triangular":
        assert rates == pytest.approx(rates[::-1])
        middle = (total - 1) // 2
        assert max(rates) == pytest.approx(rates[middle])
        assert rates[middle] >= peak * (1 - 1 / total)
    elif name != "flat":
        assert rates == sorted(rates, reverse=True)


def test_steps_fall_at_a_half_and_at_three_quarters_of_the_run() -> None:
    rates = [learning_rate("stepped", 0.4, step, 40) for step in range(40)]
    assert rates == pytest.approx([0.4] * 20 + [0.04] * 10 + [0.004] * 10)


def test_a_run_of_one_step_has_a_rate() -> None:
    assert learning_rate("triangular", 0.2, 0, 1) == 0.2
    assert learning_rate("cosine", 0.2, 0, 1) == pytest.approx(0.2 * 0.5 * (1 + math.cos(math.pi / 2)))


def draw(seed: int, purpose: str, position: int) -> tuple[float, ...]:
    generator = seeded_generator(torch.device("cpu"), seed, purpose, position)
    return tuple(torch.rand(3, generator=generator).tolist())


def test_randomness_is_a_function_of_seed_purpose_and_position() -> None:
    places = [
        (seed, purpose, position) for seed in range(8) for purpose in ("order", "attack") for position in range(40)
    ]
    forwards = [draw(*place) for place in places]
    backwards = [draw(*place) for place in reversed(places)]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == len(places)


def test_seeding_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    draw(0, "attack", 3)
    assert torch.equal(torch.get_rng_state(), state)
