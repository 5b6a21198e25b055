"""Tables in Markdown, and the arithmetic of their cells."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

MISSING = "–"

Record = Mapping[str, Any]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown: the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "--:|" * (len(headings) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def percent(values: Iterable[float | None]) -> str:
    """Mean ± standard deviation over runs, in percent; of one run the value alone, of none a dash."""
    return spread([None if value is None else 100 * value for value in values], 1)


def spread(values: Iterable[float | None], decimals: int) -> str:
    """Mean ± standard deviation (with n − 1) over runs; of one run the value alone, of none a dash."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return MISSING
    mean = f"{statistics.fmean(known):.{decimals}f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):.{decimals}f}"


def seeds(records: Sequence[Record]) -> str:
    """How many runs a row is of."""
    return str(len(records)) if records else MISSING


def last(record: Record, name: str) -> float | None:
    """The last value of a curve of a record."""
    values = record["curves"][name]
    return values[-1] if values else None


def measured(record: Record, attack: str, which: str = "last", field: str = "accuracy") -> Any:
    """What an evaluation of a record says under one of its attacks ("natural" for none); None if it was not taken."""
    for evaluation in record["evaluations"]:
        if evaluation["which"] == which and attack in evaluation["inputs"]:
            return evaluation["inputs"][attack][field]
    return None


def onset(records: Sequence[Record], kind: str) -> str:
    """In how many of the runs an onset is labelled, and at which epochs."""
    if not records:
        return MISSING
    found = [record["labels"][kind]["epoch"] for record in records if record["labels"][kind]["answer"] == "onset"]
    if not found:
        return f"0/{len(records)}"
    return f"{len(found)}/{len(records)} at {', '.join(map(str, sorted(found)))}"


def where(records: Iterable[Record], **wanted: Any) -> list[Record]:
    """The records with these settings; a float matches if it is close."""
    return [
        record
        for record in records
        if all(_equal(record["settings"].get(name), value) for name, value in wanted.items())
    ]


def distinct(records: Iterable[Record], key: Callable[[Record], Any]) -> list[Any]:
    """Values of the records, each once, in their order."""
    return list(dict.fromkeys(key(record) for record in records))


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, float) and isinstance(wanted, float):
        return math.isclose(value, wanted, rel_tol=1e-9)
    return bool(value == wanted)
