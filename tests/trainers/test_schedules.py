"""Learning rates where they are known, and randomness that depends on its position alone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.schedules import SCHEDULES, Shape, learning_rate
from trainers.seeding import seeded_generator
from trainers.spec import _CHOICES

KNOWN = {
    "flat": {0.0: 1.0, 0.37: 1.0, 1.0: 1.0},
    "stepped": {0.0: 1.0, 0.4999: 1.0, 0.5: 0.1, 0.7499: 0.1, 0.75: 0.01, 1.0: 0.01},
    "triangular": {0.0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.75: 0.5, 1.0: 0.0},
    "cosine": {0.0: 1.0, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1.0: 0.0},
    "one-cycle": {0.0: 0.04, 0.1: 0.28, 0.15: 0.52, 0.2: 0.76, 0.3: 1.0, 0.65: 0.500002, 1.0: 4e-6},
}


def test_the_configuration_offers_exactly_the_schedules_there_are() -> None:
    assert SCHEDULES.keys() == KNOWN.keys() == set(_CHOICES["schedule"])


@pytest.mark.parametrize("name", KNOWN)
def test_schedule_at_its_ends_peak_and_steps(name: str) -> None:
    for progress, value in KNOWN[name].items():
        assert SCHEDULES[name](progress, Shape()) == pytest.approx(value, abs=1e-12), progress


@given(st.sampled_from(sorted(KNOWN)), st.integers(1, 500), st.floats(1e-4, 10))
def test_no_step_of_a_run_is_lost(name: str, total: int, peak: float) -> None:
    rates = [learning_rate(name, peak, step, total) for step in range(total)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    if name == "triangular":
        assert rates == pytest.approx(rates[::-1])
        middle = (total - 1) // 2
        assert max(rates) == pytest.approx(rates[middle])
        assert rates[middle] >= peak * (1 - 1 / total)
    elif name == "one-cycle":
        assert rates == sorted(rates[: (top := rates.index(max(rates)))]) + sorted(rates[top:], reverse=True)
    elif name != "flat":
        assert rates == sorted(rates, reverse=True)


def test_steps_fall_at_a_half_and_at_three_quarters_of_the_run() -> None:
    rates = [learning_rate("stepped", 0.4, step, 40) for step in range(40)]
    assert rates == pytest.approx([0.4] * 20 + [0.04] * 10 + [0.004] * 10)


@pytest.mark.parametrize("peak", [0.2, 0.4, 0.9])
def test_a_triangle_may_turn_elsewhere(peak: float) -> None:
    known = {0.0: 0.0, peak / 2: 0.5, peak: 1.0, (1 + peak) / 2: 0.5, 1.0: 0.0}
    for progress, value in known.items():
        assert SCHEDULES["triangular"](progress, Shape(peak=peak)) == pytest.approx(value, abs=1e-12)


def test_drops_fall_after_the_epochs_that_were_published() -> None:
    """MART: 120 epochs, ×0.1 after 75, 90 and 100; of 10 steps each."""
    shape = Shape(drops=(75 / 120, 90 / 120, 100 / 120))
    rates = [learning_rate("stepped", 0.01, step, 1200, shape) for step in range(1200)]
    assert rates == pytest.approx([0.01] * 750 + [1e-3] * 150 + [1e-4] * 100 + [1e-5] * 200)


def test_one_cycle_is_that_of_torch() -> None:
    """At whole steps, where torch takes its rates: its first and last are those of the ends of the run."""
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(sgd, max_lr=0.1, total_steps=101, cycle_momentum=False)
    for step in range(101):
        ours = 0.1 * SCHEDULES["one-cycle"](step / 100, Shape())
        distance = abs(scheduler.get_last_lr()[0] - ours)
        assert distance < 0.1 * 0.03, step  # torch's peak lies one step before 0.3 of the run
        sgd.step()
        if step < 100:
            scheduler.step()


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
