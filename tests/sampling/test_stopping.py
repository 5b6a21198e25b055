"""Stopping rules against plain arithmetic, one chain at a time."""

import numpy as np
import pytest
import torch

from workbench.sampling.spec import SamplingSpec
from workbench.sampling.stopping import PLATEAU_WINDOW, Energies, judge


def verdict(energies: list[float], mean: float, **settings: object) -> tuple[bool, bool, float]:
    spec = SamplingSpec(labels=(0,), num=1, steps=100, **{"min_steps": 0, **settings})
    table = torch.full((1, 101), torch.nan)
    table[0, : len(energies)] = torch.tensor(energies)
    found = judge(Energies(table, torch.tensor([len(energies) - 1]), torch.tensor([mean])), spec)
    return bool(found.stop), bool(found.passed), float(found.margin)


@pytest.mark.parametrize(
    ("energy", "stops", "passed"),
    [(-4.0, False, False), (-4.89, False, False), (-4.91, True, False), (-5.09, True, False), (-5.2, True, True)],
)
def test_adaptive(energy: float, stops: bool, passed: bool) -> None:
    """Within √0.01 of −5, or below."""
    found = verdict([-1.0, energy], -5.0, stop="adaptive", stop_tol=0.01)
    assert found[:2] == (stops, passed)
    assert found[2] == pytest.approx(abs(energy - (-5.0 + 0.1)), abs=1e-5)


def test_adaptive_under_class_mean_guidance_comes_back_from_below() -> None:
    assert verdict([-1.0, -5.2], -5.0, stop="adaptive", guidance="class-mean")[0] is False
    assert verdict([-1.0, -5.05], -5.0, stop="adaptive", guidance="joint+class-mean")[:2] == (True, False)


def test_nothing_stops_before_min_steps() -> None:
    stop, passed, margin = verdict([-5.0, -5.0], -5.0, stop="adaptive", min_steps=2)
    assert (stop, passed) == (False, False)
    assert margin == np.inf
    assert verdict([-5.0, -5.0, -5.0], -5.0, stop="adaptive", min_steps=2)[0]


def test_plateau() -> None:
    falling = list(np.linspace(0, -10, PLATEAU_WINDOW + 1))
    assert not verdict(falling, 0.0, stop="plateau", stop_tol=0.05)[0]
    assert not verdict([*falling, *[-10.0] * (PLATEAU_WINDOW - 1)], 0.0, stop="plateau", stop_tol=0.05)[0]
    assert verdict([*falling, *[-10.0] * PLATEAU_WINDOW], 0.0, stop="plateau", stop_tol=0.05)[0]
    slow = [*falling, *(-10 - 0.04 * i for i in range(1, PLATEAU_WINDOW + 1))]
    assert verdict(slow, 0.0, stop="plateau", stop_tol=0.05)[0], "0.4 of 10.4 nats is under 5 %"
    assert not verdict(slow, 0.0, stop="plateau", stop_tol=0.03)[0]
    assert not verdict([0.0] * PLATEAU_WINDOW, 0.0, stop="plateau")[0], "too early to tell"


def test_fixed_never_stops() -> None:
    assert verdict([0.0, -5.0], -5.0, stop="fixed") == (False, False, np.inf)
