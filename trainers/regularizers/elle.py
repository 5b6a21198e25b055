"""Local linearity of the loss (Abad Rocamora et al. 2024, ELLE), with a constant or an adaptive weight."""

import torch
from torch import Tensor

from trainers.attacks.geometry import uniform_noise, uniform_shares
from trainers.energy import cross_entropy
from trainers.regularizers.view import View

_STATE = "elle"
"""In memory: λ, and of all errors so far how many, their mean and the sum of squared differences from it."""


def linearity_error(view: View) -> Tensor:
    """R = mean (CE(x_c) − (1 − a)·CE(x_a) − a·CE(x_b))², a scalar.

    x_a and x_b are x + U(±ε), x_c = (1 − a)·x_a + a·x_b with a ~ U(0, 1) per sample, none clipped to [0, 1]; all three
    go through the model as one batch, as in the authors' code, so batch norm normalises them together.
    """
    x, size = view.x, len(view.x)
    ends = torch.cat([uniform_noise(x, view.config.eps, "linf", view.generator).add_(x) for _ in range(2)])
    share = uniform_shares(x, view.generator)
    between = (1.0 - share) * ends[:size] + share * ends[size:]
    losses = cross_entropy(view.forward(torch.cat([ends, between])), view.y.repeat(3))
    share = share.flatten()
    errors = losses[2 * size :] - (1.0 - share) * losses[:size] - share * losses[size : 2 * size]
    return view.share.mean(errors.square())


def elle(view: View) -> Tensor:
    """λ·R, a scalar."""
    return view.config.elle_lambda * linearity_error(view)


def elle_adaptive(view: View) -> Tensor:
    """λ·R with λ from the errors so far, a scalar.

    λ begins at 0. After a step it becomes ``elle_lambda`` if R > μ + 2σ over all errors before (more than 2 of them),
    else ``elle_decay``·λ: it acts on the next step.
    """
    error = linearity_error(view)
    value = view.share.total(error)
    strength, count, mean, squares = view.memory.get(_STATE, value.new_zeros(4)).unbind()
    spread = (squares / count.clamp_min(1)).sqrt()
    jumps = (count > 2) & (value > mean + 2 * spread)
    further = count + 1
    moved = mean + (value - mean) / further
    view.memory[_STATE] = torch.stack(
        [
            torch.where(jumps, torch.full_like(strength, view.config.elle_lambda), view.config.elle_decay * strength),
            further,
            moved,
            squares + (value - mean) * (value - moved),
        ]
    )
    return strength * error
