"""``--device`` to a device."""

import torch
from lightning_fabric import Fabric

from trainers.errors import WorkbenchError


def find_device(name: str) -> torch.device:
    """One device by Fabric's name for it: auto, cpu, cuda or mps, as for training.

    Raises:
        WorkbenchError: there is no such device.
    """
    try:
        return Fabric(accelerator=name, devices=1).device
    except (ValueError, RuntimeError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WorkbenchError(f"cannot use the device {name!r}: {reason} (try --device auto or cpu)") from None
