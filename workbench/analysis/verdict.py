"""What the detectors say of a table of curves, epoch after epoch, and what the label says that looks back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from workbench.analysis.curves import Curves
from workbench.onset import Label, Onset, OnsetDetector, catastrophic_label, robust_label

MULTI_STEP = "pgd"
"""The training attack that is assumed where nobody says."""

NOT_COMPARABLE = "robust accuracy on training data was not measured with a multi-step attack"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Flags and labels of one table; epochs are the table's own.

    Attributes:
        onsets: flags in the order in which they were raised, each from the rows up to its ``detected_epoch``.
        cannot_tell: why a kind of onset cannot be told, by kind.
        labels: what the whole table shows, by kind.
    """

    onsets: tuple[Onset, ...]
    cannot_tell: Mapping[str, str]
    labels: Mapping[str, Label]


def judge(curves: Curves, train_attack: str = MULTI_STEP) -> Verdict:
    """Feed the rows one by one to the streaming detectors, then label the whole.

    Args:
        curves: the table.
        train_attack: the attack that robust accuracy on training data is of, such as "pgd-10" or "fgsm".
    """
    detector = OnsetDetector(train_attack=train_attack)
    for row in curves.rows():
        detector.update(row)
    return Verdict(
        onsets=detector.onsets,
        cannot_tell={str(kind): why for kind, why in detector.doubts.items()},
        labels=_labels(curves, train_attack),
    )


def _labels(curves: Curves, train_attack: str) -> Mapping[str, Label]:
    catastrophic = catastrophic_label(curves.curve("fgsm_accuracy"), curves.curve("pgd_accuracy"))
    train = curves.curve("train_pgd_accuracy")
    comparable = train_attack.startswith("pgd")
    if comparable and not np.isfinite(train).any():
        train = curves.curve("train_robust_accuracy")
    robust = robust_label(curves.curve("pgd_accuracy"), train, catastrophic.epoch)
    if not comparable and robust.answer == "cannot tell" and "train_robust_accuracy" in curves.values:
        robust = replace(robust, reason=NOT_COMPARABLE)
    return {"catastrophic": _numbered(catastrophic, curves), "robust": _numbered(robust, curves)}


def _numbered(label: Label, curves: Curves) -> Label:
    """The label with the table's epoch in place of the row."""
    return label if label.epoch is None else replace(label, epoch=int(curves.epochs[label.epoch]))
