"""Training losses per sample: functions of natural logits, adversarial logits and labels to (B,)."""

from collections.abc import Callable, Mapping

from torch import Tensor

from trainers.energy import cross_entropy


def clean(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor) -> Tensor:
    """Cross-entropy of the natural images, shape (B,)."""
    assert clean_logits is not None
    return cross_entropy(clean_logits, y)


def adversarial(clean_logits: Tensor | None, adv_logits: Tensor | None, y: Tensor) -> Tensor:
    """Cross-entropy of the adversarial images, shape (B,)."""
    assert adv_logits is not None
    return cross_entropy(adv_logits, y)


Loss = Callable[[Tensor | None, Tensor | None, Tensor], Tensor]

LOSSES: Mapping[str, Loss] = {"clean": clean, "adversarial": adversarial}
