"""What the tests of the trainers share: one thread and one Fabric."""

import pytest
import torch

from trainers.fabric import Fabric

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)
