"""Recall, false alarms and delay of the onset detectors on the runs that build.py made.

    python benchmarks/onset/evaluate.py DIR [--write]

Prints markdown; --write also puts it into benchmarks/results/onset_corpus.md. Labels come from the probe's FGSM and
PGD accuracies over the whole run (workbench.onset.labels). Every detector takes the same run epoch by epoch, so that a
flag knows the past alone, with what it may see:

- training: the training passes only, epochs and steps; every probe accuracy is taken away;
- training and 64 (128) images: in addition PGD accuracy on the first 64 (128) probe images; FGSM accuracy on all;
- training and probe: all columns, as shipped.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from divergence import table_of_divergence
from learned import table_of_rules
from numpy.typing import NDArray
from roc import table_of_statistics
from runs import SPLITS, Run, read, share, spread

from workbench.onset import Label, Onset, run_detector

RESULTS = Path(__file__).parents[1] / "results" / "onset_corpus.md"
PROBE_COLUMNS = ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy")
CO_HEAD = "| data | split | label | runs | recall | false alarms | delay in epochs: median (least–most) | in steps |"
RO_HEAD = "| split | labelled | recall | false alarms | epoch within 5 | said within 12 | epoch − label | delay |"
NEAR, SOON = 5, 12
"""Epochs: how close an RO flag's epoch should be, and how soon it should be said."""

Flags = Mapping[str, Onset]
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


VIEWS: Mapping[str, View] = {
    "training": training_only,
    "training and 64 images": partial(few_images, number=64),
    "training and 128 images": partial(few_images, number=128),
    "training and probe": everything,
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


def report(runs: Sequence[Run]) -> list[str]:
    """The whole report, line by line."""
    lines = _heading(runs)
    seen = {name: {run.name: _flags(run, view) for run in runs} for name, view in VIEWS.items()}
    for name, flags in seen.items():
        lines += [f"\n## CO by {name}\n", CO_HEAD, "|---" * 8 + "|"]
        for data, split in (("digits", SPLITS[0]), ("digits", SPLITS[1]), ("folder", SPLITS[0]), ("folder", SPLITS[1])):
            part = [run for run in runs if run.data == data and run.split == split]
            lines += [_catastrophic_row(data, split, rule, part, flags) for rule in ("collapse", "masked", "all")]
        lines += [
            _catastrophic_row("all", split, "all", [run for run in runs if run.split == split], flags)
            for split in SPLITS
        ]
    lines += ["\n## RO by the probe\n", RO_HEAD, "|---" * 8 + "|"]
    flags = seen["training and probe"]
    lines += [_robust_row(split, [run for run in runs if run.split == split], flags) for split in SPLITS]
    return [
        *(*lines, *table_of_divergence(runs), *table_of_statistics(runs), *table_of_rules(runs)),
        *_each(runs, seen),
    ]


def _heading(runs: Sequence[Run]) -> list[str]:
    count = [sum(run.split == split for run in runs) for split in SPLITS]
    catastrophic = [sum(run.catastrophic.epoch is not None for run in runs if run.split == split) for split in SPLITS]
    robust = [sum(run.robust.epoch is not None for run in runs if run.split == split) for split in SPLITS]
    return [
        "# Onset detectors on short training runs\n",
        "Commands: `python benchmarks/onset/build.py --out DIR --folder CIFAR`,",
        "`python benchmarks/onset/evaluate.py DIR --write`.",
        "2026-11-23, CPU, one thread a run; even seeds for development, odd ones held out.\n",
        f"{len(runs)} runs ({count[0]} for development and {count[1]} held out); labelled CO {catastrophic[0]} and",
        f"{catastrophic[1]}, RO {robust[0]} and {robust[1]}. Brackets: 95 % Wilson intervals. Delay: epoch of",
        "detection minus the label's epoch, in steps the median of the same. A false alarm is a flag on a run",
        'labelled "none"; runs whose label is "cannot tell" are left out. With the whole probe the CO detector applies',
        "the label's own rules to the label's own columns, so its recall and false alarms are right by construction",
        "and only the delay is a result.",
    ]


def _flags(run: Run, view: View) -> Flags:
    detector = run_detector(
        view(run), train_attack=run.attack, adversarial=run.attack is not None, steps=run.steps if run.attack else None
    )
    return {onset.kind: onset for onset in detector.onsets}


def _catastrophic_row(data: str, split: str, rule: str, runs: Sequence[Run], flags: Mapping[str, Flags]) -> str:
    pairs = [(run, run.catastrophic, flags[run.name].get("catastrophic")) for run in runs]
    found = [(run, label.epoch, flag) for run, label, flag in pairs if label.epoch is not None]
    found = [each for each in found if rule in (each[0].catastrophic.reason, "all")]
    healthy = [flag is not None for _, label, flag in pairs if label.answer == "none"]
    told = [(run.epochs["last_step"], epoch, flag.detected_epoch) for run, epoch, flag in found if flag is not None]
    steps = [int(last[said] - last[epoch]) for last, epoch, said in told]
    cells = [
        *(data, split, rule, str(len(found))),
        share([flag is not None for _, _, flag in found]),
        share(healthy) if rule == "all" else "",
        spread([said - epoch for _, epoch, said in told]),
        f"{np.median(steps):g}" if steps else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _robust_row(split: str, runs: Sequence[Run], flags: Mapping[str, Flags]) -> str:
    pairs = [(run.robust, flags[run.name].get("robust")) for run in runs]
    found = [(label.epoch, flag) for label, flag in pairs if label.epoch is not None]
    told = [(epoch, flag) for epoch, flag in found if flag is not None]
    errors = [flag.epoch - epoch for epoch, flag in told]
    delays = [flag.detected_epoch - epoch for epoch, flag in told]
    cells = [
        *(split, str(len(found))),
        share([flag is not None for _, flag in found]),
        share([flag is not None for label, flag in pairs if label.answer == "none"]),
        share([abs(error) <= NEAR for error in errors]),
        share([delay <= SOON for delay in delays]),
        *(spread(errors), spread(delays)),
    ]
    return f"| {' | '.join(cells)} |"


def _each(runs: Sequence[Run], seen: Mapping[str, Mapping[str, Flags]]) -> list[str]:
    lines = ["\n## Each run\n", f"| run | split | CO label | RO label | {' | '.join(seen)} |"]
    lines.append("|---" * (4 + len(seen)) + "|")
    for run in runs:
        said = [", ".join(_said(flag) for flag in flags[run.name].values()) or "–" for flags in seen.values()]
        cells = [run.name, run.split, _labelled(run.catastrophic), _labelled(run.robust), *said]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _labelled(label: Label) -> str:
    return label.answer if label.epoch is None else f"{label.reason} {label.epoch}"


def _said(flag: Onset) -> str:
    return f"{flag.rule} {flag.epoch}, said at {flag.detected_epoch}"


if __name__ == "__main__":
    main()
