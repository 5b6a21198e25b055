"""Runs as rich tables and plain paragraphs, readable in 80 columns and in a pipe."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.onset import Onset
from workbench.report.text import MISSING, nats, percent, plain, sparkline
from workbench.summary import DeltaEnergy, EpochSummary, RunSummary

KIND_WORDS = {"catastrophic": "catastrophic overfitting (CO)", "robust": "robust overfitting (RO)"}
KIND_SHORT = {"catastrophic": "CO", "robust": "RO"}
KIND_STYLES = {"catastrophic": "bold red", "robust": "bold yellow"}
SPARKLINE_WIDTH = 48


def console() -> Console:
    """Standard output for renderables of this package: text stays as it is (no markup, highlighting or emoji codes)."""
    return Console(markup=False, highlight=False, emoji=False)


def run_report(summary: RunSummary) -> RenderableType:
    """Everything about one run on one page: facts, accuracies, ΔE, curves, onsets, the checkpoint to keep."""
    return Group(
        _headline(summary),
        _facts(summary),
        Text(),
        _accuracies(summary),
        *([_curves(summary.epochs), Text()] if len(summary.epochs) > 1 else [Text()]),
        onset_report(summary),
        Text(),
        _checkpoint(summary),
    )


def runs_table(summaries: Sequence[RunSummary], names: Sequence[str] | None = None) -> Table:
    """Several runs side by side: accuracies and ΔE of the last epoch, onsets.

    Args:
        summaries: the runs, in the order of the rows.
        names: what to call them; the names of their directories by default.
    """
    names = [summary.path.parent.name for summary in summaries] if names is None else names
    named = any(name != summary.method for name, summary in zip(names, summaries, strict=True))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), caption_justify="left", caption_style="dim")
    table.caption = "Last epoch, probe set; ΔE in nats, mean±std of the training set (* of the probe set)."
    if named:
        table.add_column("run", overflow="fold", ratio=1)
    table.add_column("method", no_wrap=True)
    table.add_column("epochs", justify="right")
    for column in ("clean", "FGSM", "PGD", "ΔE"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("onset", no_wrap=True)
    for name, summary in zip(names, summaries, strict=True):
        last = summary.last
        cells = [
            plain(summary.method),
            plain(_progress(summary)),
            *(percent(value) for value in _probe_accuracies(last)),
            _mean_and_std(last.delta_energy, mark="*") if last else MISSING,
            _onset_cell(summary),
        ]
        table.add_row(*([plain(name), *cells] if named else cells))
    return table


def onset_report(summary: RunSummary) -> RenderableType:
    """A paragraph per flag; what cannot be told, and why; or that nothing was found."""
    paragraphs: list[RenderableType] = [_onset(onset) for onset in summary.onsets]
    for kind, why in summary.cannot_tell.items():
        paragraphs.append(plain(f"{KIND_WORDS[kind].capitalize()}: cannot tell, {why}."))
    found = {onset.kind for onset in summary.onsets}
    clean = [KIND_WORDS[kind] for kind in KIND_WORDS if kind not in found | set(summary.cannot_tell)]
    if clean and not found:
        paragraphs.append(plain(f"No onset of {' or '.join(clean)}."))
    return Group(*paragraphs)


def damaged_report(errors: Iterable[str]) -> RenderableType:
    """Logs that could not be read, each with its reason."""
    return Group(*(plain(f"Cannot read {error}", style="red") for error in errors))


def _headline(summary: RunSummary) -> Text:
    title = plain(f"{summary.method} on {summary.dataset}", style="bold")
    return Text.assemble(title, plain(f" · {summary.status} · {_epochs_done(summary)}"))


def _facts(summary: RunSummary) -> Table:
    facts = {
        "run": summary.run_id,
        "model": summary.model,
        "ε": None if summary.eps is None else f"{summary.eps:.4g} (≈ {summary.eps * 255:.3g}/255)",
        "seed": summary.seed,
        "attacks": f"training {summary.train_attack or MISSING}, probe {summary.probe_attack or MISSING}",
        "created": summary.created,
        "log": summary.path,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value is not None:
            table.add_row(Text(name, style="dim"), plain(value))
    return table


def _accuracies(summary: RunSummary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in ("", "epoch", "clean", "FGSM", "PGD", "train PGD", "ΔE mean±std", "probe ΔE"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for name, epoch in (("best", summary.best), ("last", summary.last)):
        if epoch is not None:
            table.add_row(
                name,
                str(epoch.epoch),
                *(percent(value) for value in (*_probe_accuracies(epoch), epoch.train_pgd_accuracy)),
                _mean_and_std(epoch.delta_energy) if epoch.delta_energy.split == "train" else MISSING,
                _mean_and_std(epoch.probe_delta_energy),
            )
    return table


def _curves(epochs: Sequence[EpochSummary]) -> Table:
    """Sparklines over all epochs; accuracies share the scale 0–100 %."""
    split = epochs[0].delta_energy.split
    curves = {
        "FGSM": ([epoch.fgsm_accuracy for epoch in epochs], (0.0, 1.0), percent),
        "PGD": ([epoch.pgd_accuracy for epoch in epochs], (0.0, 1.0), percent),
        f"ΔE mean, {split}": ([epoch.delta_energy.mean for epoch in epochs], (None, None), nats),
        f"ΔE std, {split}": ([epoch.delta_energy.std for epoch in epochs], (None, None), nats),
    }
    table = Table.grid(padding=(0, 2))
    for name, (values, (low, high), words) in curves.items():
        known = [value for value in values if value is not None]
        if known:
            line = sparkline(values, SPARKLINE_WIDTH, low, high)
            table.add_row(Text(name, style="dim"), Text(line), f"{words(min(known))} … {words(max(known))}")
    return table


def _onset(onset: Onset) -> RenderableType:
    heading = Text(f"{KIND_WORDS[onset.kind].capitalize()} since epoch {onset.epoch}", style=KIND_STYLES[onset.kind])
    heading.append(
        f" · rule {onset.rule}, seen at epoch {onset.detected_epoch}, confidence {onset.confidence:.0%}",
        style="not bold default",
    )
    return Group(heading, Padding(plain(onset.sentence), (0, 0, 0, 2)))


def _checkpoint(summary: RunSummary) -> RenderableType:
    checkpoint = summary.checkpoint
    name = MISSING if checkpoint.path is None else checkpoint.path
    return Group(
        Text.assemble(Text("Checkpoint to keep: ", style="bold"), plain(name)),
        Padding(plain(checkpoint.why), (0, 0, 0, 2)),
    )


def _onset_cell(summary: RunSummary) -> Text:
    if summary.onsets:
        flags = (
            Text(f"{KIND_SHORT[onset.kind]} at {onset.epoch}", style=KIND_STYLES[onset.kind])
            for onset in summary.onsets
        )
        return Text(", ").join(flags)
    told = [short for kind, short in KIND_SHORT.items() if kind not in summary.cannot_tell]
    return Text("none" if len(told) == len(KIND_SHORT) else f"no {told[0]}" if told else "cannot tell")


def _probe_accuracies(epoch: EpochSummary | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if epoch is None else (epoch.clean_accuracy, epoch.fgsm_accuracy, epoch.pgd_accuracy)


def _mean_and_std(delta: DeltaEnergy, mark: str = "") -> str:
    if delta.mean is None:
        return MISSING
    return f"{nats(delta.mean)}±{nats(delta.std)}" + (mark if delta.split == "probe" else "")


def _epochs_done(summary: RunSummary) -> str:
    planned = f" of {summary.planned_epochs}" if summary.planned_epochs is not None else ""
    return f"{summary.committed}{planned} epochs"


def _progress(summary: RunSummary) -> str:
    if summary.status == "finished":
        return str(summary.committed)
    planned = MISSING if summary.planned_epochs is None else summary.planned_epochs
    return f"{summary.committed}/{planned} {summary.status}"
