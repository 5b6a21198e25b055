"""What there is to say about a run in words: the overview's facts, and everything that happened."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.tui.context import RunContext
from workbench.tui.facts.glance import Facts
from workbench.tui.facts.trouble import Replaced, Trouble
from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, age, clock_time, number, percent, plain
from workbench.tui.widgets.header import STATUS_LOOKS
from workbench.tui.widgets.page import Entry, Page
from workbench.tui.widgets.timeline import FLAGS

if TYPE_CHECKING:
    from workbench.onset import Onset
    from workbench.summary import EpochSummary
    from workbench.tui.facts.source import View

KINDS = {"catastrophic": "Catastrophic overfitting", "robust": "Robust overfitting"}
LATEST_EVENTS = 3


def overview(view: "View", now: float) -> list[Entry]:
    """The run in a nutshell: how it is, best and last, what to keep, onsets, provenance."""
    summary = view.summary
    return [
        *([] if view.trouble is None else [problem(view.trouble, now)]),
        *([] if view.replaced is None else [replaced(view.replaced)]),
        status(view.facts, now),
        *_onsets(view),
        Entry(text="epoch    PGD   FGSM  clean", colour=palette.MUTED, gap=True),
        Entry(label="best", text=_accuracies(summary.best)),
        Entry(label="last", text=_accuracies(summary.last)),
        *_checkpoint(view),
        Entry(label="run", text=plain(summary.run_id), gap=True),
        Entry(label="ΔE train", text=energies_words(view.meta.train_attack, view.meta.train_batch_norm)),
        Entry(label="ΔE probe", text=energies_words(view.meta.probe_attack, view.meta.probe_batch_norm)),
        Entry(label="started", text=plain(summary.created, 40)),
        Entry(label="log", text=plain(str(summary.path))),
        *_events(view, LATEST_EVENTS),
    ]


def events(view: "View") -> list[Entry]:
    """Each onset with its evidence, then every event, the latest first."""
    return [*_evidence(view), *_events(view, None)] or [Entry(text="nothing happened yet", colour=palette.MUTED)]


class Events(Page):
    """Everything that happened."""

    def __init__(self, context: RunContext) -> None:
        super().__init__("events", label_width=10)

    def show(self, view: "View", epoch: int) -> None:
        """Show the events of a view; they are the same for all epochs."""
        self.fill(events(view))


def problem(trouble: Trouble, now: float) -> Entry:
    """That the log, or a part of it, cannot be read now."""
    shown = "Shown is what was read" if trouble.whole else "The rest is shown; all of it could be read"
    text = f"{plain(trouble.what)}. {shown} {age(now - trouble.since)} ago; trying again."
    return Entry(label="✗ log", text=text, colour=palette.CATASTROPHIC, label_colour=palette.CATASTROPHIC)


def replaced(before: Replaced) -> Entry:
    """That this is another run's log by now."""
    text = f"another run's since {clock_time(before.at)}; before, it was that of {plain(before.run_id, 60)}"
    return Entry(label="⇄ log", text=text, colour=palette.WARNING, label_colour=palette.WARNING)


def status(facts: Facts, now: float) -> Entry:
    """How the run is doing."""
    symbol, word, colour = STATUS_LOOKS[facts.status]
    planned = facts.planned_epochs
    text = f"{symbol} {word}, {facts.num_epochs}" + (f" of {planned} epochs" if planned else " epochs")
    if facts.status == "running":
        text += f", last sign of life {age(now - facts.heartbeat)} ago"
    elif facts.status == "crashed":
        text += f": no sign of life for {age(now - facts.heartbeat)}"
    return Entry(label="status", text=text, colour=colour)


def _accuracies(epoch: "EpochSummary | None") -> str:
    if epoch is None:
        return MISSING
    numbers = (epoch.pgd_accuracy, epoch.fgsm_accuracy, epoch.clean_accuracy)
    return f"{epoch.epoch:>5}" + "".join(f"{percent(value):>7}" for value in numbers)


def _checkpoint(view: "View") -> list[Entry]:
    advice = view.summary.checkpoint
    if advice.path is None:
        return [Entry(label="keep", text=plain(advice.why), gap=True)]
    name = plain(advice.path.name)
    return [Entry(label="keep", text=name, colour=palette.GOOD, gap=True), Entry(text=plain(advice.why))]


def _onsets(view: "View") -> list[Entry]:
    entries = []
    for onset in view.summary.onsets:
        symbol, short, colour = FLAGS[onset.kind]
        entries.append(
            Entry(label=f"{symbol} {short}", text=_headline(onset), colour=colour, label_colour=colour, gap=True)
        )
        entries.append(Entry(text=plain(onset.sentence)))
        entries += _last_healthy(view, onset)
    for kind, why in view.summary.cannot_tell.items():
        entries.append(
            Entry(label=f"? {FLAGS[kind][1]}", text=f"cannot tell: {plain(why)}", colour=palette.MUTED, gap=not entries)
        )
    if not entries:
        entries.append(Entry(label="onset", text="none so far", gap=True))
    return entries


def _last_healthy(view: "View", onset: "Onset") -> list[Entry]:
    from workbench.summary import last_healthy_checkpoint

    path = last_healthy_checkpoint(view.summary.weights, onset)
    return [] if path is None else [Entry(text=f"last healthy checkpoint {plain(path.name)}", colour=palette.GOOD)]


def _headline(onset: "Onset") -> str:
    said = f", said at epoch {onset.detected_epoch}" if onset.detected_epoch != onset.epoch else ""
    back = f", rolled back after epoch {onset.rolled_back}" if onset.rolled_back is not None else ""
    return f"{KINDS[onset.kind]} from epoch {onset.epoch}{said}{back}"


def energies_words(attack: str | None, batch_norm: str) -> str:
    """How the energies of a split were made."""
    if attack is None:
        return "not recorded: no attack"
    return f"under {plain(attack, 24)}, batch norm in {plain(batch_norm, 8)} mode"


def _evidence(view: "View") -> list[Entry]:
    entries = []
    for onset in view.summary.onsets:
        symbol, short, colour = FLAGS[onset.kind]
        headline = f"{_headline(onset)} (rule: {onset.rule}, confidence {onset.confidence:.2f})"
        entries.append(Entry(label=f"{symbol} {short}", text=headline, colour=colour, label_colour=colour, gap=True))
        entries.append(Entry(text=plain(onset.sentence)))
        entries += _last_healthy(view, onset)
        entries.append(Entry(text=f"{'':24}{'before':>8}{'after':>8}", colour=palette.MUTED, gap=True))
        names = [name.removesuffix("_before") for name in onset.evidence if name.endswith("_before")]
        entries += [
            Entry(text=_compared(name, onset.evidence[f"{name}_before"], onset.evidence[f"{name}_after"]))
            for name in names
            if f"{name}_after" in onset.evidence
        ]
    return entries


def _compared(name: str, before: float, after: float) -> str:
    """A line of evidence in columns; accuracies as percentages, ΔE in nats."""
    show: Callable[[float], str] = percent if name.endswith("accuracy") else number
    words = name.replace("delta_energy", "ΔE").replace("fgsm", "FGSM").replace("pgd", "PGD").replace("_", " ")
    return f"{words:24}{show(before):>8}{show(after):>8}" + ("" if name.endswith("accuracy") else " nat")


def _events(view: "View", most: int | None) -> list[Entry]:
    from trainers.energylog import decode

    rows = view.events[::-1][:most]
    entries = []
    for index, row in enumerate(rows):
        kind, message = plain(decode(row["kind"]), 16), plain(decode(row["message"]))
        text = f"{_moment(float(row['time']))}  {kind}: {message}"
        entries.append(Entry(label=f"epoch {int(row['epoch'])}", text=text, gap=index == 0))
    return entries


def _moment(seconds: float) -> str:
    """A time as UTC; files may hold anything."""
    if not math.isfinite(seconds) or not 0 <= seconds < 1e11:
        return MISSING
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
