"""A tiny task for the trainers of others, and what its log should hold."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.special
import torch
from torch import Tensor
from torch.utils.data import Dataset

from trainers.energylog import EnergyLog

torch.set_num_threads(1)

NUM, CLASSES = 12, 3


class Points(Dataset[dict[str, Tensor]]):
    """Twelve points of three classes, each with its number."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(NUM, 5, generator=generator)
        self.y = torch.arange(NUM) % CLASSES

    def __len__(self) -> int:
        return NUM

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return {"index": torch.tensor(number), "x": self.x[number], "y": self.y[number]}


@dataclass
class Witness:
    """Keeps the logits of every training pass, apart from the recorder, and compares the log with them."""

    passes: list[tuple[Tensor, Tensor, Tensor, Tensor]] = field(default_factory=list)

    def saw(self, index: Tensor, y: Tensor, clean: Tensor, adversarial: Tensor) -> None:
        self.passes.append((index, y, clean.detach().clone(), adversarial.detach().clone()))

    def assert_logged(self, path: Path, passes_per_epoch: int) -> None:
        """Every epoch's energies are those of its own passes, by index, by scipy's formula."""
        with EnergyLog.open(path) as log:
            for epoch in range(log.committed):
                for index, y, *both in self.passes[epoch * passes_per_epoch :][:passes_per_epoch]:
                    for suffix, logits in zip(("", "_adv"), both, strict=True):
                        f, rows = logits.double().numpy(), index.numpy()
                        wanted = {
                            "energy": -scipy.special.logsumexp(f, axis=1),
                            "joint_energy": -f[np.arange(len(y)), y],
                            "correct": f.argmax(1) == y.numpy(),
                        }
                        for name, values in wanted.items():
                            stored = log.samples("train", name + suffix, epoch)[rows]
                            np.testing.assert_allclose(stored, values, rtol=1e-5, atol=1e-6, err_msg=name)
                assert np.isfinite(log.samples("train", "energy_adv", epoch)).all()


def fgsm(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """x* by one step of size 0.1."""
    with torch.enable_grad():
        probe = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(model(probe), y), probe)
    return x + 0.1 * slope.sign()
