"""Made-up strong evaluations, the same at every call."""

import hashlib
from collections.abc import Sequence

from workbench.evaluation import Evaluation, Group, Inputs, Tally
from workbench.evaluation.values import NATURAL, STATISTICS

WEIGHTS = b"0" * 701_752
"""What the file of a checkpoint holds that was evaluated."""

DIGITS = tuple("0123456789")


def group(num: int, correct: int, *, natural: bool) -> Group:
    energy = {name: -6.0 + correct / 37 - 0.3 * natural + 0.25 * place for place, name in enumerate(STATISTICS)}
    delta = {name: correct / 50 - 3 + 0.5 * place for place, name in enumerate(STATISTICS)}
    return Group(
        num=num,
        correct=correct,
        num_energies=num,
        energy=energy,
        joint_energy=energy,
        delta_energy=None if natural else delta,
    )


def inputs(name: str, correct: Sequence[int], num: int = 30) -> Inputs:
    """``correct`` of ``num`` images of each class."""
    natural = name == NATURAL
    classes = tuple(group(num, right, natural=natural) for right in correct)
    return Inputs(
        name=name,
        seconds=1.5,
        overall=group(num * len(correct), sum(correct), natural=natural),
        classes=classes,
    )


def evaluation(epoch: int, names: Sequence[str] = DIGITS, **changes: object) -> Evaluation:
    """Under PGD-50-10 and APGD: class k is the less robust the larger k is."""
    clean = [30 - place % 3 for place in range(len(names))]
    pgd = [max(0, right - 4 - 2 * (place % 12)) for place, right in enumerate(clean)]
    auto = [max(0, right - 1) for right in pgd]
    values: dict[str, object] = {
        "checkpoint": f"run/checkpoints/epoch-{epoch:06d}.safetensors",
        "digest": hashlib.sha256(WEIGHTS).hexdigest(),
        "epoch": epoch,
        "run_id": "digits-fgsm-0",
        "data": "digits",
        "split": "test",
        "class_names": tuple(names),
        "eps": 0.25,
        "seed": 0,
        "batch_size": 512,
        "device": "cpu",
        "image_mode": None,
        "notes": (),
        "asked": ("pgd-50-10", "apgd-100"),
        "num_broken": 0,
        "inputs": (inputs(NATURAL, clean), inputs("pgd-50-10", pgd), inputs("apgd-100", auto)),
        "worst": (
            Tally(num=30 * len(names), correct=sum(auto)),
            *(Tally(num=30, correct=right) for right in auto),
        ),
        "created": "2025-06-15T15:00:00+00:00",
        "versions": {},
        "git_revision": None,
    }
    return Evaluation(**values | changes)  # type: ignore[arg-type]
