"""Losses where they are known by hand, and where the published code breaks down."""

import pytest
import torch
from torch.nn import functional as F

from trainers.losses import LOSSES
from trainers.recipes import complete


@pytest.mark.parametrize("name", ["trades", "trades-adversarial", "mart"])
def test_probabilities_that_underflow_leave_loss_and_gradients_finite(name: str) -> None:
    """p(x) of a sure model holds zeros in float32; the published KL has NaN for a gradient there."""
    y = torch.tensor([0, 1])
    logits = torch.tensor([[300.0, 0.0, -300.0], [0.0, 0.5, -250.0]])
    clean, adv = logits.clone().requires_grad_(), logits.flip(1).clone().requires_grad_()
    assert (clean.softmax(1) == 0).any(), "an instance without underflow proves nothing"
    published = clean.detach().requires_grad_()
    F.kl_div(F.log_softmax(adv.detach(), dim=1), F.softmax(published, dim=1), reduction="sum").backward()
    assert published.grad is not None
    assert published.grad.isnan().any(), "the trap is gone from torch"
    loss = LOSSES[name](clean, adv, y, complete({"method": "trades"}))
    assert loss.isfinite().all()
    loss.sum().backward()
    assert clean.grad is not None
    assert adv.grad is not None
    assert clean.grad.isfinite().all()
    assert adv.grad.isfinite().all()


def test_equal_logits_have_no_divergence() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.arange(5) % 4
    config = complete({"method": "trades"})
    expected = F.cross_entropy(logits, y, reduction="none")
    torch.testing.assert_close(LOSSES["trades"](logits, logits, y, config), expected)
    torch.testing.assert_close(LOSSES["trades-adversarial"](logits, logits, y, config), expected)


def test_mart_looks_at_the_best_wrong_class_only() -> None:
    """Two classes: BCE is CE(x*) − log(1 − (1 − p[y])) = 2·CE(x*), but for the constants."""
    adv = torch.tensor([[1.0, -0.5], [0.2, 0.1]], dtype=torch.float64)
    y = torch.tensor([0, 1])
    config = complete({"method": "mart", "kl_beta": 0.0})
    torch.testing.assert_close(
        LOSSES["mart"](adv, adv, y, config), 2 * F.cross_entropy(adv, y, reduction="none"), rtol=1e-3, atol=0
    )
