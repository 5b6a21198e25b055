"""Claim 1: single-step training overfits catastrophically, and the delta-energy term keeps it from it."""

from collections.abc import Sequence

from reproduce import figures
from reproduce.grid import Scale
from reproduce.tables import Record, distinct, last, measured, onset, percent, seeds, spread, table, where
from workbench.report.text import epsilon

TITLE = "Catastrophic overfitting"
EXPECTED = (
    "Plain FGSM training loses all robustness to multi-step attacks at some ε (8/255 on CIFAR-10 at full width); "
    "with the delta-energy term it does not. RS-FGSM, N-FGSM, GradAlign and ELLE-A hold longer by other means."
)
STRONG = "pgd-50-10"
PUBLISHED = {
    "fgsm": "– / ≈ 0",
    "rs-fgsm": "83.8 / 46.1",
    "n-fgsm": "80.6 / 48.1",
    "grad-align": "79.8 / 44.5–47.6",
}
"""Clean / robust in percent: CIFAR-10, PreActResNet-18 of width 64, 8/255, 15 or 30 epochs; read in the papers."""

SOURCES = (
    "Published: clean / PGD accuracy at 8/255 with a PreActResNet-18 of width 64 on all of CIFAR-10. FGSM and RS-FGSM: "
    "Wong et al. 2020; N-FGSM: de Jorge et al. 2022; GradAlign: Andriushchenko & Flammarion 2020 and later papers."
)


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """Accuracies, onsets and ΔE by method and ε."""
    radii = sorted(distinct(records, lambda record: record["settings"]["eps"]))
    methods = distinct((record for record in records), lambda record: record["settings"]["method"])
    methods.sort(key=[block_method for block in scale.blocks["co"] for block_method in block.methods].index)
    headings = ["method", *(epsilon(eps) for eps in radii)]

    def cells(method: str, say) -> list[str]:  # type: ignore[no-untyped-def]
        return [say(where(records, method=method, eps=eps)) for eps in radii]

    def accuracies(found: Sequence[Record]) -> str:
        clean = percent(measured(record, "natural") for record in found)
        return f"{clean} / {percent(measured(record, STRONG) for record in found)} ({seeds(found)})" if found else "–"

    def probe(found: Sequence[Record]) -> str:
        fgsm, pgd = (percent(last(record, f"{name}_accuracy") for record in found) for name in ("fgsm", "pgd"))
        return f"{fgsm} / {pgd}" if found else "–"

    def delta(found: Sequence[Record]) -> str:
        mean, std = (
            spread([last(record, f"probe_delta_energy_{name}") for record in found], 2) for name in ("mean", "std")
        )
        return f"{mean}; {std}" if found else "–"

    return [
        "Test images, last epoch: clean / PGD-50-10 accuracy in percent (runs).",
        table(
            [*headings, "published, 8/255"],
            [[method, *cells(method, accuracies), PUBLISHED.get(method, "–")] for method in methods],
        ),
        SOURCES,
        "Probe images, last epoch: FGSM / PGD-10 accuracy in percent. FGSM far above PGD is catastrophic overfitting.",
        table(headings, [[method, *cells(method, probe)] for method in methods]),
        "Onset of catastrophic overfitting by the label that looks back over the whole run: runs that have one, and "
        "the epochs.",
        table(headings, [[method, *cells(method, lambda found: onset(found, "catastrophic"))] for method in methods]),
        "ΔE(x) = E(x) − E(x\\*) of the probe images under PGD-10 after the last epoch, nats: mean; standard deviation.",
        table(headings, [[method, *cells(method, delta)] for method in methods]),
        "Training seconds an epoch, and as a multiple of fgsm's.",
        table(["method", "seconds", "× fgsm"], _times(records, methods)),
    ]


def _times(records: Sequence[Record], methods: Sequence[str]) -> list[list[str]]:
    seconds = {m: [record["seconds_per_epoch"] for record in where(records, method=m)] for m in methods}
    plain = seconds.get("fgsm") or [float("nan")]
    base = sum(plain) / len(plain)
    return [[m, spread(values, 2), spread([value / base for value in values], 2)] for m, values in seconds.items()]


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, figures.Drawing]:
    """PGD accuracy against ε, and along training at the largest ε."""
    methods = distinct(records, lambda record: record["settings"]["method"])
    largest = max(record["settings"]["eps"] for record in records)
    return {
        "co-eps": figures.against_eps(
            {m: [(r["settings"]["eps"], measured(r, STRONG)) for r in where(records, method=m)] for m in methods},
            "PGD-50-10 accuracy, test images",
        ),
        "co-curves": figures.along_epochs(
            {m: [r["curves"]["pgd_accuracy"] for r in where(records, method=m, eps=largest)] for m in methods},
            f"PGD-10 accuracy, probe images, ε = {epsilon(largest)}",
        ),
    }
