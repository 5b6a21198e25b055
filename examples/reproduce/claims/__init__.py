"""The claims, a module each: what its page says and shows. What it trains is in ``scales.py``."""

from collections.abc import Mapping
from types import ModuleType

from reproduce.claims import attacks, co, form, generation, ro, trace

CLAIMS: Mapping[str, ModuleType] = {
    "co": co,
    "trace": trace,
    "ro": ro,
    "form": form,
    "attacks": attacks,
    "generation": generation,
}
"""By name, in the order of the issue: each has TITLE, EXPECTED and ``shown``."""
