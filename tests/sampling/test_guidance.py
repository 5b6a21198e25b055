"""Energies that guide, against numpy in float64; and gradients against finite differences."""

import numpy as np
import pytest
import torch

from workbench.sampling.guidance import guidance_energy
from workbench.sampling.spec import parse_guidance

GENERATOR = np.random.default_rng(3)
LOGITS, LABELS, MEANS = GENERATOR.normal(0, 5, (7, 4)), GENERATOR.integers(0, 4, 7), GENERATOR.normal(0, 5, 7)
JOINT = -LOGITS[np.arange(7), LABELS]
MARGINAL = -np.log(np.exp(LOGITS).sum(1))

EXPECTED = {
    "joint": JOINT,
    "marginal": MARGINAL,
    "conditional": JOINT - MARGINAL,
    "ce": JOINT - MARGINAL,
    "class-mean": (JOINT - MEANS) ** 2,
    "joint+0.3*marginal": JOINT + 0.3 * MARGINAL,
    "2*joint + -1*class-mean": 2 * JOINT - (JOINT - MEANS) ** 2,
}


@pytest.mark.parametrize("text", EXPECTED)
def test_energies(text: str) -> None:
    logits, labels, means = torch.tensor(LOGITS, requires_grad=True), torch.tensor(LABELS), torch.tensor(MEANS)
    terms = parse_guidance(text)
    np.testing.assert_allclose(
        guidance_energy(terms, logits, labels, means).detach(), EXPECTED[text], rtol=1e-12, atol=1e-13
    )
    assert torch.autograd.gradcheck(lambda x: guidance_energy(terms, x, labels, means), (logits,))


@pytest.mark.parametrize(
    "text", ["", "joy", "joint+", "joint+joint", "x*joint", "0*joint", "inf*joint", "joint-ce", "1e999*ce"]
)
def test_what_is_no_guidance_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="guidance"):
        parse_guidance(text)
