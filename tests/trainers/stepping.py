"""A small model under training by ``train_step``, for tests that compare what a step does."""

from dataclasses import dataclass, field

import plain_torch
import torch
from torch import Tensor, nn

from trainers.fabric import Fabric
from trainers.models import ModelSpec, build_model
from trainers.recipes import complete, get_method
from trainers.spec import TrainConfig
from trainers.steps import StepResult, train_step

EPS = 0.11
SGD = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
DER = plain_torch.Der(beta=1.3, margin=0.02)


def network() -> nn.Module:
    torch.manual_seed(8)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=2, num_classes=5, mean=(0.4, 0.5), std=(0.3, 0.2))
    return build_model(spec).double().train()


def batch(number: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(100 + number)
    x = torch.rand(6, 2, 8, 8, generator=generator, dtype=torch.float64).mul(1.2).sub(0.1).clamp(0, 1)
    return x, torch.randint(5, (6,), generator=generator)


def settings(method: str, der: plain_torch.Der = DER) -> TrainConfig:
    regularizer = {"der_beta": der.beta, "der_energy": der.energy, "der_penalty": der.penalty}
    if der.penalty == "hinge":
        regularizer["der_margin"] = der.margin
    return complete({"method": method, "eps": EPS} | (regularizer if method.endswith("-der") else {}))


@dataclass
class Run:
    """A model under training by ``train_step``."""

    fabric: Fabric
    method: str
    der: plain_torch.Der = DER
    record: bool = True
    lr: float = SGD["lr"]
    module: nn.Module = field(default_factory=network)
    memory: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sgd = torch.optim.SGD(self.module.parameters(), **(SGD | {"lr": self.lr}))
        self.model, self.optimizer = self.fabric.setup(self.module, sgd)

    def step(self, number: int = 0) -> StepResult:
        x, y = batch(number)
        return train_step(
            self.fabric,
            self.model,
            self.optimizer,
            x,
            y,
            method=get_method(self.method),
            config=settings(self.method, self.der),
            generator=torch.Generator().manual_seed(number),
            record=self.record,
            memory=self.memory,
        )


def assert_close(values: Tensor, expected: Tensor, what: str, within: float = 1e-9) -> None:
    scale = max(float(expected.abs().max()), 1e-30)
    assert float((values - expected).abs().max()) <= within * scale, what
