"""Lightning Fabric, loaded without what it loads only to ask for a version.

lightning_fabric compares the version of torchmetrics by importing the whole of it, and with it scipy, and transformers
where that is installed: more than half of the time that a command which trains needs to start. While it is loaded here,
a module that only knows its version stands for torchmetrics.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType


@contextmanager
def known_by_version(name: str) -> Iterator[None]:
    """While this lasts, an installed package that is not loaded yet can be imported but has nothing but its version."""
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    try:
        stand_in.__version__ = version(name)  # type: ignore[attr-defined]
    except PackageNotFoundError:
        yield
        return
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


with known_by_version("torchmetrics"):
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy
    from lightning_fabric.utilities.exceptions import MisconfigurationException

__all__ = ["DDPStrategy", "Fabric", "MisconfigurationException"]
