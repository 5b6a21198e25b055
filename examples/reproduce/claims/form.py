"""Claim 4: which energy, penalty, gradient and weight the delta-energy term should have."""

from collections.abc import Sequence

from reproduce import figures
from reproduce.grid import Scale
from reproduce.tables import Record, distinct, last, measured, onset, percent, seeds, spread, table
from trainers.recipes import DELTA_ENERGY, get_method
from workbench.report.text import epsilon

TITLE = "The form of the delta-energy term"
EXPECTED = (
    "Some form and weight of the term prevents catastrophic overfitting at little cost in natural accuracy and time; "
    "the defaults in `trainers/recipes.py` should come from these tables."
)


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """A table for each data set, ε and base method: forms by β."""
    parts = [
        "Last epoch. *clean*, *FGSM*, *PGD*: probe images in percent (PGD-10); *strong*: PGD-50-10 on test images, if "
        "it was measured. *CO*: runs with an onset of catastrophic overfitting by the label that looks back, and the "
        "epochs. *× time*: training seconds an epoch as a multiple of the method without the term."
    ]
    for group in distinct(records, _group):
        data, eps, base = group
        found = [record for record in records if _group(record) == group]
        parts += [f"### {base} on {data}, ε = {epsilon(eps)}", _table(found)]
    return parts


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, figures.Drawing]:
    """Nothing: the tables are the result."""
    return {}


def _table(records: Sequence[Record]) -> str:
    plain = [record["seconds_per_epoch"] for record in records if not _has_der(record)]
    base = sum(plain) / len(plain) if plain else None
    rows = []
    for form in distinct(records, _form):
        same = [record for record in records if _form(record) == form]
        times = [record["seconds_per_epoch"] / base if base else None for record in same]
        accuracies = [percent(last(record, f"{name}_accuracy") for record in same) for name in ("clean", "fgsm", "pgd")]
        strong = percent(measured(record, "pgd-50-10") for record in same)
        rows.append([*form, seeds(same), *accuracies, strong, onset(same, "catastrophic"), spread(times, 2)])
    headings = ["energy", "penalty", "gradient", "β", "runs", "clean", "FGSM", "PGD", "strong", "CO", "× time"]
    return table(headings, rows)


def _has_der(record: Record) -> bool:
    return DELTA_ENERGY in get_method(record["settings"]["method"]).regularizers


def _group(record: Record) -> tuple[str, float, str]:
    settings = record["settings"]
    return record["data"], settings["eps"], settings["method"].removesuffix("-der")


def _form(record: Record) -> tuple[str, ...]:
    settings = record["settings"]
    if not _has_der(record):
        return ("none", "–", "–", "–")
    return settings["der_energy"], settings["der_penalty"], settings["der_gradient"], f"{settings['der_beta']:g}"
