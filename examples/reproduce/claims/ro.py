"""Claim 3: multi-step training overfits robustly, and the delta-energy term weakens that."""

from collections.abc import Sequence

from reproduce import figures
from reproduce.grid import Scale
from reproduce.tables import Record, distinct, measured, onset, percent, seeds, spread, table, where

TITLE = "Robust overfitting"
EXPECTED = (
    "Trained long enough, PGD and TRADES lose robust accuracy on held-out images while that on training images still "
    "rises; AWP and the delta-energy term keep best and last closer together, and ΔE of training and test parts less."
)
PUBLISHED = {"pgd": "53.5 / 45.6", "pgd-awp": "55.4 / 54.3"}
"""Best / last robust accuracy in percent on all of CIFAR-10, 200 epochs (PGD-10 and PGD-20)."""


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """Best and last epoch, their difference, and ΔE of both sets."""
    methods = distinct(records, lambda record: record["settings"]["method"])
    attacks = sorted({name for r in records for e in r["evaluations"] for name in e["inputs"]} - {"natural"})
    found = {method: where(records, method=method) for method in methods}
    rows = [
        [m, seeds(rs), *_best_and_last(rs), onset(rs, "robust"), onset(rs, "catastrophic"), PUBLISHED.get(m, "–")]
        for m, rs in found.items()
    ]
    parts = [
        "Probe images: PGD-10 accuracy in percent, epoch of highest accuracy and last one. Onsets by the labels that "
        "look back over the whole run: runs that have one, and when.",
        table(
            ["method", "runs", "best", "last", "best − last", "training, last", "RO", "CO", "published best / last"],
            rows,
        ),
        "Published: robust accuracy on test images with all of CIFAR-10 and a PreActResNet-18 of width 64; pgd: Rice "
        "et al. 2020 (PGD-10), pgd-awp: Wu et al. 2020 (PGD-20).",
    ]
    if attacks:
        headings = [f"{which} {name}" for name in ("natural", *attacks) for which in ("best", "last")]
        rows = [
            [
                m,
                *(
                    percent(measured(r, a, which) for r in rs)
                    for a in ("natural", *attacks)
                    for which in ("best", "last")
                ),
            ]
            for m, rs in found.items()
        ]
        parts += ["Test images, accuracy in percent at both epochs.", table(["method", *headings], rows)]
    parts += [
        "ΔE in nats at the last epoch: of training images under the training attack, of probe images under PGD-10.",
        table(
            ["method", "ΔE(x) training", "ΔE(x) probe", "ΔE(x,y) training", "ΔE(x,y) probe", "s an epoch"],
            [[m, *_energies(rs), spread([r["seconds_per_epoch"] for r in rs], 2)] for m, rs in found.items()],
        ),
    ]
    return parts


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, figures.Drawing]:
    """Robust accuracy and ΔE on both sets along training."""
    methods = distinct(records, lambda record: record["settings"]["method"])

    def of(column: str) -> dict[str, list[list[float | None]]]:
        return {m: [record["curves"][column] for record in where(records, method=m)] for m in methods}

    panels = {
        "PGD-10 accuracy, probe": of("pgd_accuracy"),
        "PGD-10 accuracy, training": of("train_pgd_accuracy"),
        "mean ΔE, training (nats)": of("train_delta_energy_mean"),
        "mean ΔE, probe (nats)": of("probe_delta_energy_mean"),
    }
    return {"ro-curves": figures.side_by_side(panels)}


def _best_and_last(records: Sequence[Record]) -> list[str]:
    best = [_at(record, "pgd_accuracy", record["best"]) for record in records]
    last = [_at(record, "pgd_accuracy", -1) for record in records]
    lost = [b - e if b is not None and e is not None else None for b, e in zip(best, last, strict=True)]
    return [percent(values) for values in (best, last, lost, [_at(r, "train_pgd_accuracy", -1) for r in records])]


def _at(record: Record, name: str, epoch: int | None) -> float | None:
    values = record["curves"][name]
    return None if epoch is None or not values else values[epoch]


def _energies(records: Sequence[Record]) -> list[str]:
    names = [f"{split}_delta_{energy}" for energy in ("energy", "joint_energy") for split in ("train", "probe")]
    return [spread([record["energies"].get(name, {}).get("mean") for record in records], 3) for name in names]
