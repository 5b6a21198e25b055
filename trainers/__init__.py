"""Make adversarial-training runs and their energy logs. Never imports ``workbench``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.recorder import EnergyRecorder

__all__ = ["EnergyRecorder"]


def __getattr__(name: str) -> Any:
    """Import what is public when it is asked for: it needs torch, and looking at runs does not."""
    if name == "EnergyRecorder":
        return import_module("trainers.recorder").EnergyRecorder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
