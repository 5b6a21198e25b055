"""One run in a line: the values that tables show and filters ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.onset import Onset
from workbench.summary import EpochSummary, RunSummary

Value = str | float | None
FieldKind = Literal["text", "number", "flags"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """Something that can be asked of a run; ``kind`` says which comparisons make sense."""

    kind: FieldKind
    meaning: str


FIELDS: Mapping[str, Field] = {
    "name": Field(kind="text", meaning="folder of the run, as it is listed"),
    "run": Field(kind="text", meaning="the run's id"),
    "method": Field(kind="text", meaning="training method"),
    "data": Field(kind="text", meaning="data set"),
    "model": Field(kind="text", meaning="architecture"),
    "status": Field(kind="text", meaning="live (running), finished, stopped, failed, crashed or unreadable"),
    "onset": Field(kind="flags", meaning="co, ro or none; a flag that a rollback undid does not count"),
    "healed": Field(kind="flags", meaning="co or ro that a rollback undid, or none"),
    "eps": Field(kind="number", meaning="radius of the ball in [0, 1]; 8/255 is a number"),
    "seed": Field(kind="number", meaning="random seed"),
    "epochs": Field(kind="number", meaning="committed epochs"),
    "planned": Field(kind="number", meaning="planned epochs"),
    "best": Field(kind="number", meaning="highest PGD accuracy on the probe set; 45% is 0.45"),
    "pgd": Field(kind="number", meaning="PGD accuracy of the last epoch"),
    "fgsm": Field(kind="number", meaning="FGSM accuracy of the last epoch"),
    "clean": Field(kind="number", meaning="clean accuracy of the last epoch"),
    "co": Field(kind="number", meaning="epoch of the standing flag of catastrophic overfitting"),
    "ro": Field(kind="number", meaning="epoch of the standing flag of robust overfitting"),
    "de": Field(kind="number", meaning="mean ΔE of the last epoch in nats"),
}
"""Every name that a filter and an order know."""

KIND_OF = {"catastrophic": "co", "robust": "ro"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A run in a list.

    Attributes:
        path: its log.
        name: how the list calls it.
        summary: the run, None where it cannot be read.
        problem: why it cannot be read, None where it can.
        values: of every name of FIELDS; "flags" are words with blanks between, numbers that are missing are None.
    """

    path: Path
    name: str
    summary: RunSummary | None
    problem: str | None
    values: Mapping[str, Value]


def entry_of(summary: RunSummary, name: str) -> Entry:
    """A run that was read."""
    last = summary.last
    standing = [onset for onset in summary.onsets if onset.rolled_back is None]
    undone = [onset for onset in summary.onsets if onset.rolled_back is not None]
    values: dict[str, Value] = {
        "name": name,
        "run": summary.run_id,
        "method": summary.method,
        "data": summary.dataset,
        "model": summary.model,
        "status": "live" if summary.status == "running" else summary.status,
        "onset": _words(standing),
        "healed": _words(undone),
        "eps": summary.eps,
        "seed": summary.seed,
        "epochs": summary.committed,
        "planned": summary.planned_epochs,
        "best": _accuracy(summary.best, "pgd_accuracy"),
        "pgd": _accuracy(last, "pgd_accuracy"),
        "fgsm": _accuracy(last, "fgsm_accuracy"),
        "clean": _accuracy(last, "clean_accuracy"),
        "co": _epoch(standing, "catastrophic"),
        "ro": _epoch(standing, "robust"),
        "de": None if last is None else last.delta_energy.mean,
    }
    return Entry(path=summary.path, name=name, summary=summary, problem=None, values=values)


def unreadable(path: Path, name: str, problem: str) -> Entry:
    """A log that cannot be read."""
    known: dict[str, Value] = {"name": name, "status": "unreadable", "onset": "none", "healed": "none"}
    return Entry(path=path, name=name, summary=None, problem=problem, values=dict.fromkeys(FIELDS) | known)


def _words(onsets: list[Onset]) -> str:
    return " ".join(sorted({KIND_OF[onset.kind] for onset in onsets})) or "none"


def _epoch(onsets: list[Onset], kind: str) -> float | None:
    return next((onset.epoch for onset in onsets if onset.kind == kind), None)


def _accuracy(epoch: EpochSummary | None, name: str) -> float | None:
    value: float | None = None if epoch is None else getattr(epoch, name)
    return value
