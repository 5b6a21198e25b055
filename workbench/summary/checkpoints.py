"""Which weights of a run to keep, and which were the last healthy ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.onset import Onset
from workbench.summary.epochs import EpochSummary, best_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """Which checkpoint to keep.

    Attributes:
        path: the file, None where no checkpoint is left.
        epoch: its epoch (of the run's best epoch where no checkpoint is left), None without epochs.
        why: one sentence.
    """

    path: Path | None
    epoch: int | None
    why: str


def recommend(
    weights: Mapping[int, Path], epochs: Sequence[EpochSummary], onsets: Sequence[Onset], guessing: float | None = None
) -> Recommendation:
    """Choose among the weights that a run keeps, by epoch: highest PGD accuracy on the probe, whatever was flagged.

    Args:
        weights: files by epoch.
        epochs: all committed ones.
        onsets: the flags.
        guessing: the accuracy up to which guessing explains it; None where that is unknown. Where no epoch is above,
            none is better than another, and the last one is taken.
    """
    if not epochs:
        return Recommendation(path=None, epoch=None, why="No epoch is finished yet.")
    best = best_of(epochs)
    if best is None:
        last = max((epoch.epoch for epoch in epochs if epoch.epoch in weights), default=None)
        why = "The last one: no PGD accuracy was recorded to choose by." if last is not None else "None is kept."
        return Recommendation(path=None if last is None else weights[last], epoch=last, why=why)
    if guessing is not None and best.pgd_accuracy is not None and best.pgd_accuracy <= guessing:
        return _without_robustness(weights, epochs, best)
    merit = f"Epoch {best.epoch} has the highest probe PGD accuracy ({best.pgd_accuracy:.1%}){_place(best, onsets)}"
    chosen = best_of(epoch for epoch in epochs if epoch.epoch in weights)
    if chosen is None:
        return Recommendation(path=None, epoch=best.epoch, why=f"{merit}; no file is kept.")
    why = f"{merit}."
    if chosen.epoch != best.epoch:
        why = (
            f"{merit}, but its checkpoint was not kept; of those that are, epoch {chosen.epoch} is best"
            f" ({chosen.pgd_accuracy:.1%})."
        )
    return Recommendation(path=weights[chosen.epoch], epoch=chosen.epoch, why=why + _warning(chosen, onsets))


def by_chance(num_classes: int, num_samples: int) -> float | None:
    """The accuracy of guessing among classes, and two standard errors of it; None where either number is unknown."""
    if num_classes < 2 or num_samples < 1:
        return None
    chance = 1 / num_classes
    return chance + 2 * math.sqrt(chance * (1 - chance) / num_samples)


def _without_robustness(
    weights: Mapping[int, Path], epochs: Sequence[EpochSummary], best: EpochSummary
) -> Recommendation:
    last = max((epoch.epoch for epoch in epochs if epoch.epoch in weights), default=None)
    why = f"No epoch is more robust than chance: the highest probe PGD accuracy is {best.pgd_accuracy:.1%}"
    what = "no file is kept" if last is None else "this is the last one"
    return Recommendation(path=None if last is None else weights[last], epoch=last, why=f"{why}; {what}.")


def last_healthy_checkpoint(weights: Mapping[int, Path], onset: Onset) -> Path | None:
    """The latest kept weights from before an onset, at most as late as its last healthy epoch; None without any."""
    healthy = onset.last_healthy_epoch
    epoch = max((kept for kept in weights if healthy is not None and kept <= healthy), default=None)
    return None if epoch is None else weights[epoch]


def _place(best: EpochSummary, onsets: Sequence[Onset]) -> str:
    first = min((onset.epoch for onset in onsets if onset.kind == "catastrophic"), default=None)
    return " before catastrophic overfitting" if first is not None and best.epoch < first else ""


def _warning(chosen: EpochSummary, onsets: Sequence[Onset]) -> str:
    """What the flags say of the epoch that was chosen: after an onset, or after the rollback that healed the run."""
    before = [onset for onset in onsets if onset.kind == "catastrophic" and onset.epoch <= chosen.epoch]
    standing = [onset.epoch for onset in before if onset.rolled_back is None or chosen.epoch <= onset.rolled_back]
    if standing:
        return f" It lies after the onset of catastrophic overfitting (epoch {min(standing)})."
    last = max((onset.rolled_back for onset in before if onset.rolled_back is not None), default=None)
    return "" if last is None else f" It comes after the rollback at epoch {last}."
