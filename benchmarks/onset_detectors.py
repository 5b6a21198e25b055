"""Onset detectors against the labels, on synthetic runs and, if given, on published training curves.

    python benchmarks/onset_detectors.py [--seed 0] [--curves DIR] [--write]

Prints markdown tables; --write also puts them into benchmarks/results/onset_detectors.md. DIR holds one CSV file per
published run: per-epoch logs with the columns ``test_robust_accuracy`` and ``train_robust_accuracy``. Under a minute on
one core; no figure depends on the machine's speed.

Synthetic runs: smooth accuracy curves of 60 epochs whose parameters are drawn at random, read with binomial noise of a
probe set of 300, 500 or 1,000 images, independent from epoch to epoch. Detectors see the noisy table and are compared
with the label of the curve without noise (the truth) and with the label of the same noisy table.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.onset import Label, Onset, OnsetDetector, catastrophic_label, robust_label

RESULTS = Path(__file__).parent / "results" / "onset_detectors.md"
EPOCHS = np.arange(60)
PROBE_SIZES = (300, 500, 1000)
NEAR = 5
LEGEND = f"""Recall: flagged of those labelled. False alarms: flagged of those whose label is "none". Over the runs
labelled and flagged: exact and within {NEAR}, the flag's `epoch` against the label's; delay, `detected_epoch` minus
the label's epoch. The detectors see the noise of a probe set of so many images; "label without noise" is that of the
curve behind it, "label of the same table" that of what they see."""
TRUTHS = ("label without noise", "label of the same table")
HEAD = f"runs | labelled | recall | false alarms | exact | within {NEAR} | delay: min | median | max |"

Array = NDArray[np.float64]
Curves = tuple[Array, Array, Array]
"""FGSM, PGD and training PGD accuracy, each (runs, epochs)."""
Judged = tuple[Label, Onset | None]
"""A run's label of one kind, and its flag of that kind if there is one."""


def _healthy(rng: np.random.Generator, runs: int) -> Curves:
    """Held-out accuracy rises to a plateau; training accuracy goes on rising by 0.05 to 0.30 over the run."""
    top, pace = rng.uniform(0.35, 0.60, (runs, 1)), rng.uniform(4.0, 12.0, (runs, 1))
    gap, widening = rng.uniform(0.04, 0.12, (runs, 1)), rng.uniform(0.05, 0.30, (runs, 1))
    pgd = top * (1.0 - 0.6 * np.exp(-EPOCHS / pace))
    return pgd + gap, pgd, pgd + widening * EPOCHS / len(EPOCHS)


def _learning_rate_drop(rng: np.random.Generator, runs: int) -> Curves:
    """Healthy; between epochs 30 and 45 held-out accuracy jumps by 0.03 to 0.08, training accuracy by twice that."""
    fgsm, pgd, train = _healthy(rng, runs)
    jump = rng.uniform(0.03, 0.08, (runs, 1)) * (rng.integers(30, 46, (runs, 1)) <= EPOCHS)
    return fgsm + jump, pgd + jump, train + 2 * jump


def _collapse(rng: np.random.Generator, runs: int) -> Curves:
    """Healthy up to an epoch from 8 to 50; within 1 to 4 epochs PGD loses 60 to 100 %, FGSM gains 0 to 0.35."""
    fgsm, pgd, train = _healthy(rng, runs)
    start, length = rng.integers(8, 51, (runs, 1)), rng.integers(1, 5, (runs, 1))
    progress = np.clip((EPOCHS - start + 1) / length, 0.0, 1.0)
    kept = 1.0 - progress * rng.uniform(0.6, 1.0, (runs, 1))
    return fgsm + progress * rng.uniform(0.0, 0.35, (runs, 1)), pgd * kept, train * kept


def _masked(rng: np.random.Generator, runs: int) -> Curves:
    """FGSM accuracy rises to between 0.4 and 0.9; PGD accuracy is 5 to 45 % of it from the first epoch on."""
    top, pace = rng.uniform(0.4, 0.9, (runs, 1)), rng.uniform(4.0, 12.0, (runs, 1))
    fgsm = top * (1.0 - 0.6 * np.exp(-EPOCHS / pace))
    pgd = fgsm * rng.uniform(0.05, 0.45, (runs, 1))
    return fgsm, pgd, pgd + 0.02


def _decay(slope: float) -> Callable[[np.random.Generator, int], Curves]:
    """Healthy up to an epoch from 15 to 35; then held-out accuracy falls by ``slope`` an epoch."""

    def curves(rng: np.random.Generator, runs: int) -> Curves:
        fgsm, pgd, train = _healthy(rng, runs)
        after = np.maximum(EPOCHS - rng.integers(15, 36, (runs, 1)), 0)
        return fgsm - slope * after, pgd - slope * after, train + 0.004 * after

    return curves


CORPORA: dict[str, tuple[Callable[[np.random.Generator, int], Curves], int]] = {
    "healthy": (_healthy, 150),
    "healthy, learning-rate drop": (_learning_rate_drop, 150),
    "CO, collapse": (_collapse, 100),
    "CO, masked": (_masked, 100),
    "RO, 0.004 an epoch": (_decay(0.004), 100),
    "RO, 0.0012 an epoch": (_decay(0.0012), 100),
}
"""Curves, and how many runs for each size of the probe set."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Onset detectors against the labels.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curves", type=Path, metavar="DIR", help="published curves, one CSV file per run")
    parser.add_argument("--write", action="store_true", help=f"also write {RESULTS.parent.name}/{RESULTS.name}")
    arguments = parser.parse_args()
    files = sorted(arguments.curves.glob("*.csv")) if arguments.curves else []
    if arguments.curves and not files:
        parser.error(f"no CSV files in {arguments.curves}")
    lines = [*_heading(arguments.seed, bool(files)), *_synthetic(arguments.seed)]
    report = "\n".join(lines + (_published(files) if files else []))
    print(report)
    if arguments.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(report + "\n", encoding="utf-8")


def _heading(seed: int, curves: bool) -> list[str]:
    command = f"python benchmarks/onset_detectors.py --seed {seed}{' --curves DIR' * curves} --write"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return [f"# Onset detectors\n\nCommand: `{command}`.", f"Seed {seed}, {today}, CPU (no timing matters).\n", LEGEND]


def _synthetic(seed: int) -> list[str]:
    judged: dict[tuple[str, str], list[tuple[str, Sequence[Judged]]]] = {}
    for number, (name, (curves, runs)) in enumerate(CORPORA.items()):
        for size in PROBE_SIZES:
            rng = np.random.default_rng([seed, number, size])
            clean = np.clip(curves(rng, runs), 0.0, 1.0)
            noisy = rng.binomial(size, clean) / size
            for key, group in _judge(clean, noisy).items():
                judged.setdefault(key, []).append((f"{name} | {size}", group))
    lines = []
    for (kind, truth), groups in sorted(judged.items()):
        lines += [f"\n## Synthetic runs: {kind}, {truth}\n", f"| runs of | probe images | {HEAD}", "|---" * 11 + "|"]
        lines += [_row(*group) for group in groups]
        lines += [_row("all |", [run for _, group in groups for run in group])]
    return lines


def _judge(clean: Array, noisy: Array) -> dict[tuple[str, str], list[Judged]]:
    """Runs of one corpus by kind and truth; curves (3, runs, epochs)."""
    judged: dict[tuple[str, str], list[Judged]] = {}
    for run in range(clean.shape[1]):
        columns = dict(zip(("fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy"), noisy[:, run], strict=True))
        flags = _flags(columns, train_attack="fgsm")
        for truth, (fgsm, pgd, train) in zip(TRUTHS, (clean[:, run], noisy[:, run]), strict=True):
            label = catastrophic_label(fgsm, pgd)
            robust = robust_label(pgd, train, label.epoch)
            judged.setdefault(("CO", truth), []).append((label, flags.get("catastrophic")))
            judged.setdefault(("RO", truth), []).append((robust, flags.get("robust")))
    return judged


def _flags(columns: dict[str, Array], *, train_attack: str) -> dict[str, Onset]:
    detector = OnsetDetector(train_attack=train_attack)
    for epoch, values in enumerate(zip(*columns.values(), strict=True)):
        detector.update({"epoch": epoch, **dict(zip(columns, values, strict=True))})
    return {onset.kind: onset for onset in detector.onsets}


def _row(name: str, judged: Sequence[Judged]) -> str:
    found, healthy = ([flag for label, flag in judged if label.answer == answer] for answer in ("onset", "none"))
    pairs = [(flag, label.epoch) for label, flag in judged if flag is not None and label.epoch is not None]
    errors = [abs(flag.epoch - epoch) for flag, epoch in pairs]
    delays = [flag.detected_epoch - epoch for flag, epoch in pairs]
    cells = [
        *(str(len(judged)), str(len(found))),
        *(_share([flag is not None for flag in flags]) for flags in (found, healthy)),
        *(_share([error <= most for error in errors]) for most in (0, NEAR)),
        *(f"{statistic(delays):g}" if delays else "–" for statistic in (min, np.median, max)),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _share(hits: Sequence[bool]) -> str:
    return f"{sum(hits)}/{len(hits)}" if hits else "–"


def _published(files: Sequence[Path]) -> list[str]:
    """All published runs, and each."""
    judged = {path.stem: _published_run(path) for path in files}
    lines = ["| run | label | its epoch | flag: `epoch` | `detected_epoch` |", "|---|---|---|---|---|"]
    for name, (label, flag) in judged.items():
        epochs = (label.epoch, flag and flag.epoch, flag and flag.detected_epoch)
        lines.append(f"| {name} | {label.answer} | {' | '.join('–' if e is None else str(e) for e in epochs)} |")
    title = "\n## Published curves: RO, label of the same table\n"
    summary = _row("published curves", list(judged.values()))
    return [title, f"| runs of | {HEAD}", "|---" * 10 + "|", f"{summary}\n", *lines]


def _published_run(path: Path) -> Judged:
    """Training accuracy is that of the training passes, which tells nothing under FGSM (known by the file's name)."""
    table = np.genfromtxt(path, delimiter=",", names=True)
    attack = "fgsm" if "fgsm" in path.stem else "pgd-10"
    pgd, train = table["test_robust_accuracy"], table["train_robust_accuracy"]
    label = robust_label(pgd, np.full_like(train, np.nan) if attack == "fgsm" else train)
    return label, _flags({"pgd_accuracy": pgd, "train_robust_accuracy": train}, train_attack=attack).get("robust")


if __name__ == "__main__":
    main()
