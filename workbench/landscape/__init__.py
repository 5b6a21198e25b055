"""E over the plane of the adversarial and a random direction: what the delta-energy term is meant to smoothen.

Measuring needs torch and is in ``workbench.landscape.measure``; all that is imported here does not.
"""

from workbench.landscape.roughness import FIGURES, Figure, mean_and_median, roughness
from workbench.landscape.store import is_stored, read_landscape, write_landscape
from workbench.landscape.values import ENERGIES, Facts, Landscape

__all__ = [
    "ENERGIES",
    "FIGURES",
    "Facts",
    "Figure",
    "Landscape",
    "is_stored",
    "mean_and_median",
    "read_landscape",
    "roughness",
    "write_landscape",
]
