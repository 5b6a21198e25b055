"""Regularizers, already weighted: functions of a batch's view to (B,), the mean of which is added, or to a scalar.

Where several processes share a batch, a scalar is this process's part of it: its sum over the processes is added.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from trainers.regularizers.aaer import aaer
from trainers.regularizers.delta_energy import delta_energies, delta_energy, delta_energy_of, penalty
from trainers.regularizers.elle import elle, elle_adaptive
from trainers.regularizers.grad_align import grad_align
from trainers.regularizers.view import Memory, View

Regularizer = Callable[[View], Tensor]

REGULARIZERS: Mapping[str, Regularizer] = {
    "delta-energy": delta_energy_of,
    "grad-align": grad_align,
    "elle": elle,
    "elle-adaptive": elle_adaptive,
    "aaer": aaer,
}

__all__ = ["REGULARIZERS", "Memory", "Regularizer", "View", "delta_energies", "delta_energy", "penalty"]
