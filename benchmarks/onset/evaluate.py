"""Recall, false alarms and delay of the onset detectors on the runs that build.py made.

    python benchmarks/onset/evaluate.py DIR [--write]

Prints markdown; --write also puts it into benchmarks/results/onset_corpus.md. Labels come from the probe's FGSM and
PGD accuracies over the whole run (workbench.onset.labels). Every detector takes the same run epoch by epoch, so that a
flag knows the past alone, with what it may see:

- training ΔE: the training passes only, steps and epochs; every probe accuracy is taken away;
- ΔE and 64 (128) images: in addition PGD accuracy on the first 64 (128) probe images; FGSM accuracy on all;
- ΔE and probe: all columns, as shipped.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from build import split_of
from numpy.typing import NDArray
from roc import statistics_of, table_of_statistics

from trainers.energylog import EnergyLog
from workbench.onset import Label, Onset, catastrophic_label, robust_label, run_detector

RESULTS = Path(__file__).parents[1] / "results" / "onset_corpus.md"
PROBE_COLUMNS = ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy")
HEAD = "| split | label | runs | recall | false alarms | delay in epochs: median (least–most) | in steps: median |"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its tables, its labels, and which probe images stood PGD (epochs, samples)."""

    name: str
    split: str
    attack: str | None
    epochs: NDArray[np.void]
    steps: NDArray[np.void]
    stood: NDArray[np.bool_]
    catastrophic: Label
    robust: Label
    statistics: dict[str, NDArray[np.float64]]


View = Callable[[Run], NDArray[np.void]]


def training_only(run: Run) -> NDArray[np.void]:
    """The epochs without any probe accuracy."""
    table = run.epochs.copy()
    for name in PROBE_COLUMNS:
        table[name] = np.nan
    return table


def few_images(run: Run, *, number: int) -> NDArray[np.void]:
    """PGD accuracy from the first ``number`` probe images."""
    table = run.epochs.copy()
    table["pgd_accuracy"] = run.stood[:, :number].mean(axis=1)
    return table


def everything(run: Run) -> NDArray[np.void]:
    """The epochs as they are."""
    return run.epochs


VIEWS: dict[str, View] = {
    "training ΔE": training_only,
    "ΔE and 64 images": partial(few_images, number=64),
    "ΔE and 128 images": partial(few_images, number=128),
    "ΔE and probe": everything,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Onset detectors on a corpus of labelled runs.")
    parser.add_argument("corpus", type=Path, metavar="DIR", help="where build.py put the runs")
    parser.add_argument("--write", action="store_true", help=f"also write {RESULTS.parent.name}/{RESULTS.name}")
    arguments = parser.parse_args()
    runs = [run for path in sorted(arguments.corpus.glob("*/run.h5")) if (run := read(path)) is not None]
    if not runs:
        parser.error(f"no finished runs in {arguments.corpus}; make them with build.py --out {arguments.corpus}")
    text = "\n".join(report(runs))
    print(text)
    if arguments.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Run | None:
    """A finished run, None for one that is not."""
    with EnergyLog.open(path) as log:
        if log.status != "finished":
            return None
        epochs, meta = log.epochs(), log.meta
        catastrophic = catastrophic_label(epochs["fgsm_accuracy"], epochs["pgd_accuracy"])
        robust = robust_label(epochs["pgd_accuracy"], epochs["train_pgd_accuracy"], catastrophic.epoch)
        return Run(
            name=path.parent.name,
            split=split_of(meta.seed or 0),
            attack=meta.train_attack,
            epochs=epochs,
            steps=log.steps(),
            stood=np.array([log.samples("probe", "correct_adv", epoch) for epoch in range(len(epochs))]) == 1,
            catastrophic=catastrophic,
            robust=robust,
            statistics=statistics_of(log, len(epochs)) if meta.train_attack else {},
        )


def report(runs: Sequence[Run]) -> list[str]:
    """The whole report, line by line."""
    lines = _heading(runs)
    for name, view in VIEWS.items():
        flags = {run.name: _flags(run, view) for run in runs}
        lines += [f"\n## CO by {name}\n", HEAD, "|---" * 7 + "|"]
        for split in ("development", "held-out"):
            part = [run for run in runs if run.split == split]
            lines += [
                _row(split, rule, part, [(run.catastrophic, flags[run.name].get("catastrophic")) for run in part])
                for rule in ("collapse", "masked", "all")
            ]
    flags = {run.name: _flags(run, everything) for run in runs}
    lines += ["\n## RO by the probe\n", HEAD, "|---" * 7 + "|"]
    for split in ("development", "held-out"):
        part = [run for run in runs if run.split == split]
        lines += [_row(split, "all", part, [(run.robust, flags[run.name].get("robust")) for run in part])]
    lines += table_of_statistics([run for run in runs if run.attack and run.split == "development"])
    return [*lines, *_each(runs)]


def _heading(runs: Sequence[Run]) -> list[str]:
    seeds = {split: sum(run.split == split for run in runs) for split in ("development", "held-out")}
    onsets = sum(run.catastrophic.answer == "onset" for run in runs)
    return [
        "# Onset detectors on short training runs\n",
        "Commands: `python benchmarks/onset/build.py --out DIR --jobs 1`,",
        "`python benchmarks/onset/evaluate.py DIR --write`.",
        "2026-11-23, CPU, one thread a run; even seeds for development, odd ones held out.\n",
        f"{len(runs)} runs ({seeds['development']} and {seeds['held-out']}), {onsets} of them labelled CO. Brackets:",
        "95 % Wilson intervals. Delay: epoch of detection minus the label's epoch; likewise in steps.",
        'A false alarm is a flag on a run whose label is "none"; runs whose label is "cannot tell" are left out.',
        "With the whole probe the detector applies the label's own rules to the label's own columns, so its recall and",
        "false alarms are right by construction and only the delay is a result.",
    ]


def _flags(run: Run, view: View) -> dict[str, Onset]:
    detector = run_detector(
        view(run), train_attack=run.attack, adversarial=run.attack is not None, steps=run.steps if run.attack else None
    )
    return {onset.kind: onset for onset in detector.onsets}


def _row(split: str, rule: str, runs: Sequence[Run], judged: Sequence[tuple[Label, Onset | None]]) -> str:
    pairs = list(zip(runs, judged, strict=True))
    found = [
        (run, label, flag) for run, (label, flag) in pairs if label.epoch is not None and rule in (label.reason, "all")
    ]
    healthy = [flag is not None for _, (label, flag) in pairs if label.answer == "none"]
    told = [(run, int(label.epoch or 0), flag) for run, label, flag in found if flag is not None]
    epochs = [flag.detected_epoch - epoch for _, epoch, flag in told]
    steps = [int(run.epochs["last_step"][flag.detected_epoch] - run.epochs["last_step"][e]) for run, e, flag in told]
    delay = f"{np.median(epochs):g} ({min(epochs)}–{max(epochs)})" if epochs else "–"
    cells = [
        *(split, rule, str(len(found))),
        share([flag is not None for _, _, flag in found]),
        share(healthy) if rule == "all" else "",
        *(delay, f"{np.median(steps):g}" if steps else "–"),
    ]
    return f"| {' | '.join(cells)} |"


def share(hits: Sequence[bool]) -> str:
    """k/n with its 95 % Wilson score interval (Wilson 1927)."""
    if not hits:
        return "–"
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)}/{len(hits)} [{low:.2f}, {high:.2f}]"


def wilson(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval of a binomial share; ``trials`` is at least 1."""
    centre = (hits + z * z / 2) / (trials + z * z)
    half = z / (trials + z * z) * math.sqrt(hits * (trials - hits) / trials + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def _each(runs: Sequence[Run]) -> list[str]:
    lines = ["\n## Each run\n", f"| run | split | CO label | RO label | {' | '.join(VIEWS)} |"]
    lines.append("|---" * (4 + len(VIEWS)) + "|")
    for run in runs:
        said = [", ".join(_said(flag) for flag in _flags(run, view).values()) or "–" for view in VIEWS.values()]
        lines.append(
            f"| {' | '.join([run.name, run.split, _labelled(run.catastrophic), _labelled(run.robust), *said])} |"
        )
    return lines


def _labelled(label: Label) -> str:
    return label.answer if label.epoch is None else f"{label.reason} {label.epoch}"


def _said(flag: Onset) -> str:
    return f"{flag.rule} {flag.epoch}, said at {flag.detected_epoch}"


if __name__ == "__main__":
    main()
