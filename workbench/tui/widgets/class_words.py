"""What the pane of classes says in words and numbers."""

import math
from typing import TYPE_CHECKING

from workbench.tui.facts.glance import SAMPLES_OF, Split
from workbench.tui.look.text import MISSING, number, percent
from workbench.tui.widgets.class_rows import signed

if TYPE_CHECKING:
    from workbench.tui.facts.class_table import ClassTable, Detail

MEASURES = {
    "median": ("median ΔE", "median"),
    "accuracy_adv": ("accuracy under attack", "under attack", "attack"),
    "accuracy": ("natural accuracy", "natural"),
}
"""Titles of the picture over epochs, longest first."""


def titles_of(split: Split, epoch: int) -> tuple[str, ...]:
    """What the marks stand for, in ever fewer words."""
    samples = SAMPLES_OF[split]
    if not epoch:
        return f"ΔE of {samples} samples by class, epoch 0 ◆", f"ΔE {split}, epoch 0 ◆", f"ΔE {split} 0 ◆"
    return (
        f"ΔE of {samples} samples by class, epoch {epoch} ◆ and {epoch - 1} ◇",
        f"ΔE {split}, epoch {epoch} ◆ {epoch - 1} ◇",
        f"ΔE {split} {epoch} ◆ {epoch - 1} ◇",
        f"{split} {epoch} ◆ {epoch - 1} ◇",
    )


def numbers_of(table: "ClassTable", place: int, detail: "Detail | None") -> dict[str, str]:
    """What stands beside a class, by its key in HEADS, at the epoch that is shown."""
    assert table.classes is not None
    numbers = {"samples": f"{table.classes.counts[place]:,}"}
    row = table.rows.get(detail.epoch) if detail is not None else None
    before = table.rows.get(detail.epoch - 1) if detail is not None else None
    if row is not None:
        median, adversarial, natural = row[:, place].tolist()
        numbers |= {"median": number(median), "accuracy_adv": _short(adversarial), "accuracy": _short(natural)}
        if before is not None:
            numbers["change"] = signed(median - float(before[0, place]))
    return numbers


def words_of(table: "ClassTable", name: str, place: int, detail: "Detail | None") -> str:
    """More of one class, and of what is left out."""
    assert table.classes is not None
    parts = [f"{name}: {table.classes.counts[place]:,} samples"]
    if detail is not None:
        values = detail.numbers.quantiles[place].tolist()
        parts += [f"ΔE 5–95 % {number(values[0])} … {number(values[-1])}", f"median {number(values[2])} nat"]
        parts.append(f"correct {percent(float(detail.numbers.accuracy[place]))}")
        parts.append(f"under attack {percent(float(detail.numbers.accuracy_adv[place]))}")
    if table.classes.left_out:
        parts.append(f"{table.classes.left_out:,} samples of yet other labels are left out")
    return "  ".join(parts)


def _short(share: float) -> str:
    """A share in whole percent, for narrow columns."""
    return f"{share:.0%}" if math.isfinite(share) else MISSING
