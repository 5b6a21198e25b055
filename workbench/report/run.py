"""One run on one page of text, readable in 80 columns and in a pipe."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.onset import Onset
from workbench.report.evaluation import evaluations_report
from workbench.report.probe import attacks_report
from workbench.report.text import MISSING, epsilon, mean_and_std, nats, percent, plain, sparkline, unbroken, visible
from workbench.report.words import KIND_STYLES, KIND_WORDS, sentence, where
from workbench.summary import EpochSummary, RunSummary, last_healthy_checkpoint

SPARKLINE_WIDTH = 44
NAME_WIDTH = 15


class Judged(Protocol):
    """What a detector has looked at: a run, or a table of curves."""

    @property
    def onsets(self) -> tuple[Onset, ...]:
        """Flags in the order in which they were raised."""

    @property
    def cannot_tell(self) -> Mapping[str, str]:
        """Why a kind of onset cannot be told, by kind."""


def console() -> Console:
    """Standard output for renderables of this package: no markup, highlighting or emoji codes; lines are never cut."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def run_report(summary: RunSummary) -> RenderableType:
    """Everything about one run: facts, accuracies, ΔE, curves, onsets, the checkpoint to keep."""
    parts: list[RenderableType] = [_facts(summary)]
    if summary.last is not None:
        parts.append(_accuracies(summary))
    if len(summary.epochs) > 1:
        parts.append(_curves(summary))
    if summary.attacks is not None:
        parts.append(attacks_report(summary.attacks))
    if summary.evaluations.stored or summary.evaluations.troubles:
        parts.append(evaluations_report(summary.evaluations))
    parts += [onset_report(summary, summary.weights), _checkpoint(summary)]
    return Group(*(line for part in parts for line in (part, Text())))


def onset_report(judged: Judged, weights: Mapping[int, Path] | None = None) -> RenderableType:
    """A paragraph per flag; what cannot be told, and why; or that nothing was found.

    Args:
        judged: a run, or a table of curves.
        weights: the files of weights that a run keeps, by epoch.
    """
    return Group(*(flag_report(onset, weights) for onset in judged.onsets), *_not_found(judged))


def silence_report(judged: Judged) -> RenderableType:
    """What was not found, and what cannot be told: ``onset_report`` without its flags."""
    return Group(*_not_found(judged))


def _not_found(judged: Judged) -> list[RenderableType]:
    paragraphs: list[RenderableType] = []
    found = {onset.kind for onset in judged.onsets}
    clean = [words for kind, words in KIND_WORDS.items() if kind not in found | set(judged.cannot_tell)]
    if clean and not found:
        paragraphs.append(plain(f"No onset of {' or '.join(clean)}."))
    for why in dict.fromkeys(judged.cannot_tell.values()):
        kinds = [words for kind, words in KIND_WORDS.items() if judged.cannot_tell.get(kind) == why]
        paragraphs.append(plain(f"{sentence(' and '.join(kinds))}: cannot tell, because {why}."))
    return paragraphs


def unreadable_report(errors: Iterable[str]) -> RenderableType:
    """Logs that could not be read, each with its reason."""
    return Group(*(unbroken(("Skipped: ", "bold"), visible(error)) for error in errors))


def run_facts(summary: RunSummary) -> dict[str, str]:
    """What there is to say of a run besides its numbers, ready to be shown; what is unknown is left out."""
    planned = f" of {summary.planned_epochs}" if summary.planned_epochs is not None else ""
    attacks = (("training", summary.train_attack), ("probe", summary.probe_attack))
    facts = {
        "run": summary.run_id,
        "status": f"{summary.status}, {summary.committed}{planned} epochs",
        "model": summary.model,
        "ε": None if summary.eps is None else epsilon(summary.eps),
        "seed": summary.seed,
        "attacks": ", ".join(f"{attack} in {where}" for where, attack in attacks if attack is not None) or None,
        "created": summary.created,
        "log": summary.path,
    }
    return {name: visible(str(value)) for name, value in facts.items() if value is not None}


def _facts(summary: RunSummary) -> RenderableType:
    title = unbroken((visible(f"{summary.method} on {summary.dataset}"), "bold"))
    return Group(title, *(_fact(name, value) for name, value in run_facts(summary).items()))


def _fact(name: str, value: str) -> Text:
    return unbroken((f"{name:<{NAME_WIDTH}}", "dim"), value)


def _accuracies(summary: RunSummary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for column in ("", "epoch", "clean", "FGSM", "PGD", "train PGD", "ΔE train", "ΔE probe"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name, epoch in (("best", summary.best), ("last", summary.last)):
        if epoch is None:
            continue
        accuracies = (epoch.clean_accuracy, epoch.fgsm_accuracy, epoch.pgd_accuracy, epoch.train_pgd_accuracy)
        of_training = epoch.delta_energy.split == "train"
        table.add_row(
            name,
            str(epoch.epoch),
            *(percent(value) for value in accuracies),
            mean_and_std(epoch.delta_energy) if of_training else MISSING,
            mean_and_std(epoch.probe_delta_energy),
        )
    return table


def _curves(summary: RunSummary) -> RenderableType:
    """Sparklines over all epochs with their lowest and highest value; accuracies share the scale from 0 to 100 %."""
    epochs, split = summary.epochs, summary.epochs[0].delta_energy.split
    lines = [
        _curve("FGSM", [epoch.fgsm_accuracy for epoch in epochs], share=True),
        _curve("PGD", [epoch.pgd_accuracy for epoch in epochs], share=True),
        _curve(f"ΔE {split} mean", [epoch.delta_energy.mean for epoch in epochs], share=False),
        _curve(f"ΔE {split} std", [epoch.delta_energy.std for epoch in epochs], share=False),
        *(_onset_mark(onset, epochs) for onset in summary.onsets),
    ]
    return Group(*(line for line in lines if line is not None))


def _curve(name: str, values: list[float | None], *, share: bool) -> Text | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    words, scale = (percent, (0.0, 1.0)) if share else (nats, (min(known), max(known)))
    line = sparkline(values, SPARKLINE_WIDTH, *scale)
    return unbroken((f"{name:<{NAME_WIDTH}}", "dim"), line, f"  {words(min(known))} … {words(max(known))}")


def _onset_mark(onset: Onset, epochs: Sequence[EpochSummary]) -> Text:
    """An arrow under the column of the onset's epoch."""
    column = ((onset.epoch + 1) * min(SPARKLINE_WIDTH, len(epochs)) - 1) // len(epochs)
    mark = f"▲ {where(onset)}"
    return unbroken(" " * (NAME_WIDTH + column), (mark, KIND_STYLES[onset.kind]))


def flag_report(onset: Onset, weights: Mapping[int, Path] | None = None) -> RenderableType:
    """One flag as a paragraph: when, why, by which rule, how sure, which weights were the last healthy ones."""
    step = f", step {onset.evidence['onset_step']:.0f}" if "onset_step" in onset.evidence else ""
    heading = plain(f"{sentence(KIND_WORDS[onset.kind])} since epoch {onset.epoch}{step}", KIND_STYLES[onset.kind])
    healthy = MISSING if onset.last_healthy_epoch is None else onset.last_healthy_epoch
    details = f"Rule {onset.rule}, seen at epoch {onset.detected_epoch}, confidence {onset.confidence:.0%};"
    details += f" last healthy epoch {healthy}."
    lines = [onset.sentence, details, *_delta_energy_change(onset)]
    if onset.rolled_back is not None:
        lines.append(f"Rolled back after epoch {onset.rolled_back}: the run went on from weights before this onset.")
    checkpoint = last_healthy_checkpoint(weights or {}, onset)
    path = [] if checkpoint is None else [unbroken("  last healthy checkpoint ", visible(str(checkpoint)))]
    return Group(heading, *(Padding(plain(line), (0, 0, 0, 2)) for line in lines), *path)


def _delta_energy_change(onset: Onset) -> list[str]:
    """One line on the set whose ΔE was recorded on both sides of the onset, the training set first."""
    for split in ("train", "probe"):
        names = [f"{split}_delta_energy_{name}_{when}" for name in ("mean", "std") for when in ("before", "after")]
        if all(name in onset.evidence for name in names):
            mean_before, mean_after, std_before, std_after = (nats(onset.evidence[name]) for name in names)
            return [f"ΔE {split}: mean {mean_before} → {mean_after}, std {std_before} → {std_after} nats."]
    return []


def _checkpoint(summary: RunSummary) -> RenderableType:
    checkpoint = summary.checkpoint
    name = "no checkpoint" if checkpoint.path is None else visible(str(checkpoint.path))
    return Group(unbroken(("Keep ", "bold"), name), Padding(plain(checkpoint.why), (0, 0, 0, 2)))
