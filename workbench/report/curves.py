"""A table of curves and what the detectors and the label say of it, as text and as JSON values."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.analysis.curve_columns import ACCURACIES, CurveColumn
from workbench.analysis.curves import Curves
from workbench.analysis.verdict import Verdict
from workbench.onset import Label
from workbench.report.run import onset_report
from workbench.report.text import plain
from workbench.report.words import KIND_WORDS, epochs
from workbench.summary import onset_json

_UNITS = {"fraction": "fractions", "percent": "percentages", "nat": "nats", "step": "steps", None: ""}


def curves_report(curves: Curves, verdict: Verdict, train_attack: str) -> RenderableType:
    """Which column was taken for what, the flags, and the label that looks back."""
    first, last = int(curves.epochs[0]), int(curves.epochs[-1])
    count = f"{epochs(len(curves.epochs))}, {first} to {last}"
    lines: list[RenderableType] = [
        plain(f"{count}{' (rows, because there is no column of epochs)' if curves.numbered else ''}")
    ]
    lines.append(_columns(curves, train_attack))
    if len({column.unit for column in curves.columns if column.name in ACCURACIES}) > 1:
        lines.append(
            plain("Units differ between columns; if that is wrong, say --columns NAME=HEADER:percent or :fraction.")
        )
    return Group(*lines, onset_report(verdict), Text("Label, looking back over the whole table:"), *_labels(verdict))


def curves_json(curves: Curves, verdict: Verdict, train_attack: str) -> dict[str, Any]:
    """The same as JSON values; ``run``, ``onsets`` and their parts have the names they have for a run."""
    return {
        "run": {
            "id": curves.path.stem,
            "path": str(curves.path),
            "committed": len(curves.epochs),
            "first_epoch": int(curves.epochs[0]),
            "last_epoch": int(curves.epochs[-1]),
            "train_attack": train_attack,
            "cannot_tell": dict(verdict.cannot_tell),
        },
        "columns": {column.name: {"header": column.header, "unit": column.unit} for column in curves.columns},
        "not_needed": list(curves.not_needed),
        "unknown": list(curves.unknown),
        "onsets": [onset_json(onset) for onset in verdict.onsets],
        "labels": {
            kind: {"answer": label.answer, "epoch": label.epoch, "reason": label.reason}
            for kind, label in verdict.labels.items()
        },
    }


def _columns(curves: Curves, train_attack: str) -> Table:
    """Names of what was understood beside the headers."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for column in curves.columns:
        table.add_row(plain(column.name), plain(_told(column, train_attack)))
    for what, headers in (("not needed", curves.not_needed), ("unknown, not used", curves.unknown)):
        if headers:
            table.add_row(plain(what), plain(", ".join(header or "(no name)" for header in headers)))
    return table


def _told(column: CurveColumn, train_attack: str) -> str:
    unit = f" ({_UNITS[column.unit]})" if column.unit else ""
    attack = f", taken to be under {train_attack}" if column.name == "train_robust_accuracy" else ""
    return f"{column.header}{unit}{attack}"


def _labels(verdict: Verdict) -> list[Text]:
    return [plain(f"  {KIND_WORDS[kind]}: {_label(label)}") for kind, label in verdict.labels.items()]


def _label(label: Label) -> str:
    if label.answer == "onset":
        return f"onset at epoch {label.epoch} (rule {label.reason})"
    return f"cannot tell, because {label.reason}" if label.answer == "cannot tell" else "none"
