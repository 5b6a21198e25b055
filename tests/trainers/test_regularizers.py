"""Regularizers apart from a network: AAER's two groups, and the rule by which ELLE-A's λ moves."""

import importlib

import numpy as np
import pytest
import torch
from plain_torch import cross_entropy
from torch import Tensor

from trainers.attacks import Ascent
from trainers.recipes import complete
from trainers.regularizers import REGULARIZERS, View

ELLE = importlib.import_module("trainers.regularizers.elle")
"""The module: in the package, its name is that of the function."""


def view(method: str, start: Tensor | None, adv: Tensor, y: Tensor, memory: dict[str, Tensor]) -> View:
    x = torch.zeros(len(y), 1, 2, 2, dtype=torch.float64)
    return View(
        forward=lambda images: images.flatten(1),
        x=x,
        y=y,
        clean_logits=None,
        adv_logits=adv,
        ascent=Ascent(x, None, start, None),
        config=complete({"method": method}),
        generator=torch.Generator(),
        memory=memory,
    )


def test_aaer_has_a_gradient_through_the_abnormal_samples_alone() -> None:
    """Where abnormal logits move further than normal ones; at the start of the attack logits are numbers."""
    seen = 0
    for seed in range(30):
        noise = torch.Generator().manual_seed(seed)
        start = torch.randn(8, 3, generator=noise, dtype=torch.float64)
        adv = torch.randn(8, 3, generator=noise, dtype=torch.float64).requires_grad_()
        y = torch.randint(3, (8,), generator=noise)
        abnormal = (cross_entropy(start, y) > cross_entropy(adv, y)).detach()
        moved = (start - adv).pow(2).sum(1)
        excess = moved[abnormal].mean() - moved[~abnormal].mean().item()
        if not 0 < int(abnormal.sum()) < 8 or excess <= 0:
            continue
        seen += 1
        fallen = (cross_entropy(start, y) - cross_entropy(adv, y))[abnormal].mean().item()
        expected = int(abnormal.sum()) / 8 * (4.0 * fallen + 1.5 * excess)
        (gradient,) = torch.autograd.grad(expected, adv, retain_graph=True)
        term = REGULARIZERS["aaer"](view("aaer", start, adv, y, {}))
        assert term.item() == pytest.approx(expected.item(), rel=1e-12)
        torch.testing.assert_close(torch.autograd.grad(term, adv)[0], gradient)
        assert (gradient[~abnormal] == 0).all()
    assert seen > 3


@pytest.mark.parametrize("start_is_better", [True, False])
def test_aaer_is_nothing_where_all_samples_are_alike(start_is_better: bool) -> None:
    y = torch.zeros(4, dtype=torch.int64)
    sure, unsure = torch.tensor([[5.0, 0.0]] * 4), torch.tensor([[0.0, 5.0]] * 4)
    start, adv = (sure, unsure) if start_is_better else (unsure, sure)
    assert REGULARIZERS["aaer"](view("aaer", start, adv, y, {})).item() == 0.0


@pytest.mark.parametrize(
    "errors",
    [
        [1.0, 1.1, 9.0, 1.0, 1.2, 40.0, 1.0, 1.0, 90.0, 2.0],
        [1.0, 1.1, 0.9, 9.0, 1.0, 1.0],
        [1.0, 1.0, 1.0, 1.0, 1.0000001, 0.0],
    ],
    ids=["not at the third", "at the fourth", "without spread"],
)
def test_lambda_jumps_beyond_two_deviations_of_more_than_two_errors(
    errors: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory: dict[str, Tensor] = {}
    strength, jumps = 0.0, 0
    y = torch.zeros(2, dtype=torch.int64)
    for number, error in enumerate(errors):
        monkeypatch.setattr(ELLE, "linearity_error", lambda _, error=error: torch.tensor(error, dtype=torch.float64))
        term = REGULARIZERS["elle-adaptive"](view("elle-a", None, torch.zeros(2, 4), y, memory))
        assert term.item() == pytest.approx(strength * error, rel=1e-12), number
        before = errors[:number]
        if len(before) > 2 and error > np.mean(before) + 2 * np.std(before):
            strength, jumps = 4000.0, jumps + 1
        else:
            strength *= 0.99
    assert jumps > 0
