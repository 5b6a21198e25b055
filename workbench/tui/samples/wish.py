"""What is asked of the table of samples. Needs no numpy."""

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

Marks = Literal["all", "wrong", "right"]

MARKS: dict[Marks, str] = {"all": "", "wrong": "wrong under attack", "right": "right under attack"}
"""Which samples are listed, by their prediction under attack; in the order in which they are gone through."""


class Reference(NamedTuple):
    """From when to when a change of ΔE is counted.

    Attributes:
        kind: of the onset, "catastrophic" or "robust"; None where it is from one epoch to the next.
        epoch: to which the change is counted.
    """

    kind: str | None
    epoch: int


class Wish(NamedTuple):
    """What the table is to show.

    Attributes:
        data: of which log, see ``View``.
        split: of which samples.
        epoch: whose energies.
        reference: of the column "change".
        order: a name of ``ORDERS``.
        reverse: the other way round.
        label: samples of this class only; None for all.
        marks: samples of this prediction only.
    """

    data: object
    split: Literal["train", "probe"]
    epoch: int
    reference: Reference
    order: str = "size"
    reverse: bool = False
    label: int | None = None
    marks: Marks = "all"


def reference_of(view: "View", epoch: int) -> Reference:
    """The change at the first onset; where there is none, or nothing before it, that since the epoch before."""
    first = min(view.summary.onsets, key=lambda onset: onset.epoch, default=None)
    if first is None or first.epoch < 1:
        return Reference(None, epoch)
    return Reference(first.kind, first.epoch)
