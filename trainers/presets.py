"""Published settings in one word, as data. What a preset does not name keeps its default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainers.errors import WorkbenchError


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """Settings of TrainConfig and where they come from."""

    settings: Mapping[str, Any]
    source: str


_CIFAR10: Mapping[str, Any] = {
    "model": "preact-resnet18",
    "eps": 8 / 255,
    "batch_size": 128,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "augment": "crop-flip",
}
_TRIANGULAR: Mapping[str, Any] = {"schedule": "triangular", "lr_peak": 0.5}
_HALVES: Mapping[str, Any] = {"epochs": 200, "lr": 0.1, "schedule": "stepped", "lr_drops": "1/2,3/4"}


def _cifar10(method: str, source: str, *parts: Mapping[str, Any], **settings: Any) -> Preset:
    merged = dict(_CIFAR10)
    for part in parts:
        merged |= part
    return Preset(settings={"method": method, **merged, **settings}, source=source)


PRESETS: Mapping[str, Preset] = {
    "fgsm-cifar10": _cifar10("fgsm", "locuslab/fast_adversarial", _TRIANGULAR, epochs=15, lr=0.2),
    "rs-fgsm-cifar10": _cifar10("rs-fgsm", "locuslab/fast_adversarial", _TRIANGULAR, epochs=15, lr=0.2),
    "free-cifar10": _cifar10(
        "free", "locuslab/fast_adversarial, train_free.py", _TRIANGULAR, epochs=11, lr=0.04, replays=8
    ),
    "n-fgsm-cifar10": _cifar10("n-fgsm", "pdejorge/N-FGSM", _TRIANGULAR, epochs=30, lr=0.2),
    "grad-align-cifar10": _cifar10(
        "grad-align",
        "tml-epfl/understanding-fast-adv-training",
        schedule="triangular",
        lr_peak=0.4,
        epochs=30,
        lr=0.3,
        align_lambda=0.2,
    ),
    "elle-cifar10": _cifar10("elle", "LIONS-EPFL/ELLE", _TRIANGULAR, epochs=30, lr=0.2, elle_lambda=1000.0),
    "elle-a-cifar10": _cifar10("elle-a", "LIONS-EPFL/ELLE", _TRIANGULAR, epochs=30, lr=0.2, elle_lambda=4000.0),
    "aaer-cifar10": _cifar10("aaer", "tmllab/2023_NeurIPS_AAER", _TRIANGULAR, epochs=30, lr=0.2),
    "pgd-cifar10": _cifar10("pgd", "locuslab/robust_overfitting", _HALVES, augment="reflect-crop-flip"),
    "trades-cifar10": _cifar10(
        "trades",
        "yaodongyu/TRADES, with ResNet-18",
        model="resnet18",
        eps=0.031,
        epochs=76,
        lr=0.1,
        schedule="stepped",
        lr_drops="75/76",
        weight_decay=2e-4,
    ),
    "mart-cifar10": _cifar10(
        "mart",
        "YisenWang/MART, with ResNet-18",
        model="resnet18",
        eps=0.031,
        epochs=120,
        lr=0.01,
        schedule="stepped",
        lr_drops="75/120,90/120,100/120",
        weight_decay=3.5e-3,
    ),
    "pgd-awp-cifar10": _cifar10("pgd-awp", "csdongxian/AWP, AT_AWP", _HALVES, augment="reflect-crop-flip"),
    "trades-awp-cifar10": _cifar10("trades-awp", "csdongxian/AWP, trades_AWP", _HALVES),
    "weat-nat-cifar10": _cifar10(
        "weat-nat",
        "OmnAI-Lab/Robust-Classifiers-under-the-lens-of-EBM",
        model="resnet18",
        epochs=100,
        lr=0.1,
        schedule="one-cycle",
    ),
    "weat-adv-cifar10": _cifar10(
        "weat-adv",
        "OmnAI-Lab/Robust-Classifiers-under-the-lens-of-EBM",
        model="resnet18",
        epochs=100,
        lr=0.1,
        schedule="one-cycle",
    ),
    "n-fgsm-svhn": Preset(
        settings={
            "method": "n-fgsm",
            **_CIFAR10,
            "augment": "crop",
            "eps_warmup": 5.0,
            "schedule": "triangular",
            "lr_peak": 0.4,
            "epochs": 30,
            "lr": 0.05,
        },
        source="pdejorge/N-FGSM, --dataset SVHN",
    ),
}
"""By name: the method and the data that it was published for; the data themselves are ``--data``."""


def get_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        WorkbenchError: no such preset; the message lists all.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise WorkbenchError(f"unknown preset {name!r}; known are {', '.join(PRESETS)}") from None
