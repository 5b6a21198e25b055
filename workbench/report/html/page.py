"""What the page says, gathered from the summaries and filled into its template. All text is escaped by the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from trainers.energylog import EnergyLog, decode
from workbench.compare import Align, compare, first_onset
from workbench.onset import Onset
from workbench.report.comparison_figure import draw_comparison
from workbench.report.html.plots import ACCURACIES, INK, accuracy_plot, as_svg, energy_plot, histogram_plot, loss_plot
from workbench.report.run import run_facts
from workbench.report.tables import run_names
from workbench.report.text import MISSING, mean_and_std, nats, percent, visible
from workbench.report.words import KIND_WORDS, sentence, where
from workbench.summary import EpochSummary, RunSummary, last_healthy_checkpoint, summarize

MOST_EVENTS = 200
"""Of more events the latest are shown, and how many there are."""

COLUMNS = ("epoch", "loss", "lr", "clean", "FGSM", "PGD", "train PGD", "ΔE train", "ΔE probe")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Figure:
    svg: str
    caption: str


def html_report(paths: Sequence[str | Path], align: Align = "epoch") -> str:
    """One page on some runs: facts, flags with their evidence, plots, events, settings; several are compared first.

    Args:
        paths: run directories or log files.
        align: the axis of the comparison's curves.

    Raises:
        WorkbenchError: one of them is no readable energy log.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    runs = [_read(path) for path in paths]
    names = [visible(name) for name in run_names([run["summary"] for run in runs])]
    environment = Environment(
        loader=PackageLoader("workbench.report.html", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        title=names[0] if len(names) == 1 else f"{len(names)} runs",
        runs=[
            {"name": name, "anchor": f"run-{number}", **run}
            for number, (name, run) in enumerate(zip(names, runs, strict=True))
        ],
        comparison=None if len(runs) < 2 else _comparison(paths, align),
        columns=COLUMNS,
        made=f"workbench {version('workbench')}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _comparison(paths: Sequence[str | Path], align: Align) -> _Figure:
    figure = draw_comparison(compare(paths, align))
    for axes in figure.axes:
        axes.tick_params(colors=INK)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        for spine in axes.spines.values():
            spine.set_color(INK)
    for legend in figure.legends:
        legend.get_frame().set_alpha(0.0)
        for text in legend.get_texts():
            text.set_color(INK)
    caption = "PGD accuracy on the probe set and mean ΔE; a dot marks a run's first onset."
    return _Figure(svg=as_svg(figure), caption=caption)


def _read(path: str | Path) -> dict[str, Any]:
    """Everything that the template shows of one run."""
    with EnergyLog.open(path) as log:
        summary, table, events = summarize(log), log.epochs(), log.events()
        split = "train" if not summary.epochs else summary.epochs[0].delta_energy.split
        counts = log.histogram(split) if summary.epochs else None
        meta = log.meta
    figures = []
    if counts is not None:
        figures.append(
            _Figure(svg=as_svg(accuracy_plot(table, summary.onsets)), caption="Accuracies on the probe set.")
        )
        attack = {"train": summary.train_attack, "probe": summary.probe_attack}[split]
        if counts.any():
            words = f"ΔE of the {split} samples under {visible(attack or 'no attack')}"
            figures += [
                _Figure(
                    svg=as_svg(energy_plot(counts, summary.onsets)),
                    caption=f"{words}, epoch by epoch: brighter where more lie, the median as a line.",
                ),
                _Figure(svg=as_svg(histogram_plot(counts, _telling(summary))), caption=f"{words} in a few epochs."),
            ]
        if np.isfinite(table["train_loss"]).any():
            figures.append(_Figure(svg=as_svg(loss_plot(table)), caption="Training loss and learning rate."))
    return {
        "summary": summary,
        "heading": visible(f"{summary.method} on {summary.dataset}"),
        "facts": run_facts(summary),
        "flags": [_flag(summary, onset) for onset in summary.onsets],
        "doubts": [
            f"{sentence(KIND_WORDS[kind])}: cannot tell, because {visible(why)}."
            for kind, why in summary.cannot_tell.items()
        ],
        "keep": {"path": _shown(summary.checkpoint.path), "why": visible(summary.checkpoint.why)},
        "figures": figures,
        "rows": [_row(epoch, epoch.epoch) for epoch in summary.epochs],
        "ends": [
            _row(epoch, f"{name} {epoch.epoch}")
            for name, epoch in (("best", summary.best), ("last", summary.last))
            if epoch
        ],
        "events": [_event(event) for event in events[::-1][:MOST_EVENTS]],
        "num_events": len(events),
        "settings": {visible(str(key)): visible(str(value)) for key, value in meta.config.items()},
        "versions": {visible(name): visible(text) for name, text in meta.versions.items()},
        "revision": visible(meta.git_revision or MISSING),
    }


def _telling(summary: RunSummary) -> list[int]:
    """The epochs whose histograms tell the story: before and at the onset, or the first and middle ones; the last."""
    last = summary.epochs[-1].epoch
    onset = first_onset(summary)
    middle = (0, last // 2) if onset is None else (onset.last_healthy_epoch, onset.epoch, onset.rolled_back)
    return sorted({epoch for epoch in (*middle, last) if epoch is not None and epoch <= last})


def _flag(summary: RunSummary, onset: Onset) -> dict[str, Any]:
    names = [name.removesuffix("_before") for name in onset.evidence if name.endswith("_before")]
    evidence = [
        (
            name.replace("_", " ").replace("delta energy", "ΔE"),
            *(_value(name, onset.evidence[f"{name}_{when}"]) for when in ("before", "after")),
        )
        for name in names
        if f"{name}_after" in onset.evidence
    ]
    thresholds = {
        name.replace("_", " "): f"{value:g}"
        for name, value in onset.evidence.items()
        if not name.endswith(("_before", "_after"))
    }
    return {
        "kind": onset.kind,
        "short": where(onset),
        "heading": f"{sentence(KIND_WORDS[onset.kind])} from epoch {onset.epoch}",
        "sentence": onset.sentence,
        "details": f"Rule {onset.rule}, seen at epoch {onset.detected_epoch}, confidence {onset.confidence:.0%}.",
        "rolled_back": onset.rolled_back,
        "healthy": MISSING if onset.last_healthy_epoch is None else str(onset.last_healthy_epoch),
        "checkpoint": _shown(last_healthy_checkpoint(summary.weights, onset)),
        "evidence": evidence,
        "thresholds": thresholds,
    }


def _value(name: str, value: float) -> str:
    return percent(value) if name.endswith("accuracy") else f"{nats(value)} nats"


def _row(epoch: EpochSummary, name: int | str) -> list[str]:
    of_training = epoch.delta_energy.split == "train"
    return [
        str(name),
        MISSING if epoch.train_loss is None else f"{epoch.train_loss:.3f}",
        MISSING if epoch.learning_rate is None else f"{epoch.learning_rate:.3g}",
        *(percent(getattr(epoch, name)) for name in ACCURACIES),
        mean_and_std(epoch.delta_energy) if of_training else MISSING,
        mean_and_std(epoch.probe_delta_energy),
    ]


def _event(event: np.void) -> dict[str, str]:
    return {
        "epoch": str(int(event["epoch"])),
        "kind": visible(decode(event["kind"])),
        "message": visible(decode(event["message"])),
    }


def _shown(path: Path | None) -> str | None:
    return None if path is None else visible(str(path))
