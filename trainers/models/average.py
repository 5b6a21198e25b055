"""Exponential moving averages of a model's weights and running statistics."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

_UPDATES = "updates"
_WEIGHTS = "weights/"


class WeightAverage:
    """A copy of a model that follows it slowly: w̄ ← d·w̄ + (1 − d)·w after every batch.

    d is ``decay``, at the beginning at most (1 + n)/(10 + n) after n updates, so that the weights of the start do not
    linger. The running statistics of batch norm are averaged in the same way, so that they are those of about the same
    moments as the weights; counters are copied.

    Attributes:
        module: the averaged model, in evaluation mode.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin at the weights of ``model``."""
        self.module = deepcopy(model).eval().requires_grad_(False)
        self._decay = decay
        self._updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Follow ``model`` by one step."""
        rate = 1.0 - min(self._decay, (1.0 + self._updates) / (10.0 + self._updates))
        mine, others = self.module.state_dict(), model.state_dict()
        real = [name for name, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[name] for name in real], [others[name] for name in real], rate)
        for name in mine.keys() - set(real):
            mine[name].copy_(others[name])
        self._updates += 1

    def restart(self, model: nn.Module) -> None:
        """Begin anew at the weights of ``model``."""
        self.module.load_state_dict(model.state_dict())
        self._updates = 0

    def state_dict(self) -> dict[str, Tensor]:
        """All of it as tensors."""
        weights = {_WEIGHTS + name: value for name, value in self.module.state_dict().items()}
        return {_UPDATES: torch.tensor(self._updates), **weights}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state_dict`` gave.

        Raises:
            KeyError, RuntimeError: it is of another model.
        """
        weights = {name.removeprefix(_WEIGHTS): value for name, value in state.items() if name.startswith(_WEIGHTS)}
        self.module.load_state_dict(weights)
        self._updates = int(state[_UPDATES])
