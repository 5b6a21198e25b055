"""Claim 2: ΔE diverges when catastrophic overfitting sets in, and the detectors see it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reproduce.figures import Drawing
from reproduce.grid import Scale
from reproduce.tables import MISSING, Record, table
from workbench.report.figures import new_figure
from workbench.report.text import epsilon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "ΔE at the onset"
EXPECTED = (
    "When FGSM training collapses, ΔE of its training batches changes abruptly within few steps, and a detector that "
    "sees training alone notices before PGD accuracy has been measured to be gone."
)
WINDOW = 5
"""Epochs before and after an onset that are compared and drawn large."""


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """When PGD accuracy is seen to have collapsed, when each detector says so, and ΔE around it."""
    return [
        "Steps of the optimizer. *Collapse*: the steps of the epoch after which the label first calls PGD accuracy "
        "collapsed. *Training alone*: the end of the epoch at which the detector flags that sees the training passes "
        "only (in brackets the step that it points back to). *With the probe*: the same of the detector that also sees "
        "FGSM and PGD accuracy. *Lead*: steps from the flag of training alone to the end of the collapse's epoch; "
        "negative where the flag came later. PGD accuracy is measured once an epoch, so a lead is known to an epoch.",
        table(
            ["run", "ε", "seed", "steps an epoch", "collapse", "training alone", "with the probe", "lead"],
            [_row(record) for record in records],
        ),
        f"ΔE of the training batches, in nats: mean over the {WINDOW} epochs before the collapse's epoch, in it, and "
        f"over the {WINDOW} after it; without a collapse over the last {WINDOW} epochs.",
        table(
            ["run", "ε", "seed", "mean before", "in it", "after", "std before", "in it", "after"],
            [_delta_row(record) for record in records],
        ),
    ]


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, Drawing]:
    """ΔE of every step over PGD accuracy of every epoch: the first run with an onset of each method, else the first."""
    chosen: dict[str, Record] = {}
    for record in sorted(records, key=lambda record: _epoch(record) is None):
        chosen.setdefault(record["settings"]["method"], record)
    return {"trace": _drawing(list(chosen.values()))} if chosen else {}


def _row(record: Record) -> list[str]:
    length, label = record["steps_per_epoch"], record["labels"]["catastrophic"]
    alone, probe = record["suspicion"], next((f for f in record["flags"] if f["kind"] == "catastrophic"), None)
    collapse, lead = MISSING, MISSING
    if label["epoch"] is not None:
        collapse = f"{label['epoch'] * length}–{(label['epoch'] + 1) * length} ({label['reason']})"
        if alone is not None:
            lead = f"{(label['epoch'] - alone['detected_epoch']) * length:+d}"
    return [*_who(record), str(length), collapse, _said(alone, length), _said(probe, length), lead]


def _said(flag: Record | None, length: int) -> str:
    if flag is None:
        return MISSING
    back = "" if flag["step"] is None else f" ({flag['step']:.0f})"
    return f"{(flag['detected_epoch'] + 1) * length}{back}"


def _who(record: Record) -> list[str]:
    settings = record["settings"]
    return [settings["method"], epsilon(settings["eps"]), str(settings["seed"])]


def _epoch(record: Record) -> int | None:
    epoch: int | None = record["labels"]["catastrophic"]["epoch"]
    return epoch


def _delta_row(record: Record) -> list[str]:
    length, epoch = record["steps_per_epoch"], _epoch(record)
    parts = [(record["epochs"] - WINDOW, record["epochs"]), (0, 0), (0, 0)]
    if epoch is not None:
        parts = [(epoch - WINDOW, epoch), (epoch, epoch + 1), (epoch + 1, epoch + 1 + WINDOW)]
    cells = []
    for name in ("mean", "std"):
        values = record["steps"][f"delta_energy_{name}"]
        for first, stop in parts:
            known = [value for value in values[max(0, first) * length : stop * length] if value is not None]
            cells.append(f"{sum(known) / len(known):.3f}" if known else MISSING)
    return [*_who(record), *cells]


def _drawing(records: Sequence[Record]) -> Drawing:
    def draw() -> "Figure":
        figure, all_axes = new_figure(len(records), width=6.0, height=4.0)
        for axes, record in zip(all_axes, records, strict=True):
            length, steps = record["steps_per_epoch"], record["steps"]
            low, mean, high = (
                [float("nan") if value is None else value for value in steps[f"delta_energy_{name}"]]
                for name in ("q05", "mean", "q95")
            )
            axes.fill_between(range(len(mean)), low, high, color="#0072B2", alpha=0.25, linewidth=0, label="5 to 95 %")
            axes.plot(mean, color="#0072B2", linewidth=0.8, label="mean ΔE")
            other = axes.twinx()
            ends = [(epoch + 1) * length for epoch in range(record["epochs"])]
            for name, colour in (("fgsm", "#E69F00"), ("pgd", "#D55E00")):
                curve = record["curves"][f"{name}_accuracy"]
                other.plot(ends, curve, color=colour, linewidth=1.4, label=f"{name.upper()} accuracy")
            other.set(ylabel="probe accuracy", ylim=(0, 1))
            for flag, line in ((record["suspicion"], ":"), (_flag(record), "--")):
                if flag is not None:
                    axes.axvline((flag["detected_epoch"] + 1) * length, color="black", linestyle=line, linewidth=1.0)
            axes.set(xlabel="step", ylabel="ΔE of the batch, nats", title=", ".join(_who(record)[:2]))
            handles = [*axes.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
            axes.legend(handles=handles, fontsize=7, frameon=False, loc="upper left")
        return figure

    return draw


def _flag(record: Record) -> Record | None:
    return next((flag for flag in record["flags"] if flag["kind"] == "catastrophic"), None)
