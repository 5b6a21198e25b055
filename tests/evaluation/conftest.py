"""A small network on digits, its checkpoint, and an evaluation of it, made once."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.cli.test_probe import FACTS, SPEC, trained
from trainers.checkpoints import save_weights
from workbench.evaluation import Evaluation
from workbench.evaluation.measure import evaluate
from workbench.probe import ModelOptions, ProbeSpec
from workbench.target import find_target

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model() -> nn.Module:
    return trained(24)


@pytest.fixture(scope="session")
def checkpoint(model: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluated") / "epoch-000007.safetensors"
    save_weights(path, model, SPEC, FACTS)
    return path


def spec_of(checkpoint: Path, **changes: object) -> ProbeSpec:
    settings = {"split": "test", "num": 60, "eps": 0.08, "attacks": "pgd-5,fgsm", "seed": 3, "device": "cpu"}
    return ProbeSpec(checkpoints=(checkpoint,), model=ModelOptions(), **settings | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def evaluation(checkpoint: Path) -> Evaluation:
    """Under PGD-5 and FGSM."""
    *_, last = evaluate(find_target(checkpoint), spec_of(checkpoint))
    return last
