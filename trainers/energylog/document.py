"""The tables of ``docs/energy-log.md``, made from the schema: ``python -m trainers.energylog.document FILE``."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from trainers.energylog.meta import ROOT_ATTRIBUTES, SPLIT_ATTRIBUTES
from trainers.energylog.schema import DATASETS, SAMPLE_CHUNK, STATUSES, STEP_BLOCK, Column, Dataset

BEGIN = "<!-- made by `python -m trainers.energylog.document docs/energy-log.md`; edits here are lost -->"
END = "<!-- end of the made part -->"

_TYPES = {"i": "int", "u": "uint", "f": "float", "S": "bytes"}
_CHUNKS = {
    "epoch": "1",
    "event": "1",
    "step": f"block, at most {STEP_BLOCK}",
    "train sample": f"N, at most {SAMPLE_CHUNK}",
    "probe sample": f"N, at most {SAMPLE_CHUNK}",
}


def tables() -> str:
    """Attributes, data sets and compound columns of the format as Markdown."""
    plain = [dataset for dataset in DATASETS if not dataset.compound]
    compound = [dataset for dataset in DATASETS if dataset.compound]
    parts = [
        "### Attributes of the file\n",
        *_table(("attribute", "content"), ROOT_ATTRIBUTES.items()),
        "\n### Attributes of `/train` and `/probe`\n",
        *_table(("attribute", "content"), SPLIT_ATTRIBUTES.items()),
        "\n### Data sets\n",
        *_table(("data set", "type", "axes", "chunk", "unit", "meaning"), map(_dataset_row, plain)),
    ]
    for dataset in compound:
        axis = dataset.axes[0]
        parts += [
            f"\n### Columns of `{dataset.path}`\n",
            f"One compound row per {axis}, one row per chunk.\n",
            *_table(("column", "type", "unit", "meaning"), map(_column_row, dataset.columns)),
        ]
    values = ", ".join(f"{number} {name}" for number, name in enumerate(STATUSES))
    return "\n".join([*parts, f"\n`/state/status` is one of: {values}."])


def with_tables(document: str) -> str:
    """``document`` with the part between the two marks made anew."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert rest, "the document lacks the mark where the tables go"
    assert after, "the document lacks the mark where the tables end"
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _dataset_row(dataset: Dataset) -> tuple[str, ...]:
    chunk = " × ".join(_CHUNKS.get(axis, "all") for axis in dataset.axes)
    axes = ", ".join(dataset.axes)
    column = dataset.columns[0]
    return f"`{dataset.path}`", _type(column), axes, chunk, column.unit, column.meaning


def _column_row(column: Column) -> tuple[str, ...]:
    return f"`{column.name}`", _type(column), column.unit, column.meaning


def _type(column: Column) -> str:
    kind, size = column.dtype[0], int(column.dtype[1:])
    return f"{_TYPES[kind]}{size if kind == 'S' else 8 * size}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
