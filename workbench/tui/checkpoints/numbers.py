"""The checkpoints of a run as a table for other programs: a row for each, and for each attack of its evaluations."""

from collections.abc import Iterator, Sequence

from workbench.tui.checkpoints.shelf import Row, Shelf
from workbench.tui.facts.numbers import Table

COLUMNS = (
    *(
        "epoch",
        "clean_accuracy",
        "fgsm_accuracy",
        "pgd_accuracy",
        "recommended",
        "roles",
        "overfitted",
        "bytes",
        "path",
    ),
    *("evaluated", "split", "images", "eps", "seed", "attack", "strong_accuracy", "low", "high"),
)


def table_of(shelf: Shelf) -> Table:
    """All of them, those that are not kept too."""

    def rows() -> Iterator[Sequence[object]]:
        for row in shelf.rows:
            strong = list(_strong(row))
            yield from ([*_facts(row), *values] for values in strong or [[""] * 9])

    return Table(f"{len(shelf.rows)} checkpoints with their strong evaluations", COLUMNS, rows)


def lines_of(shelf: Shelf) -> str:
    """The same as text, columns parted by tabs."""
    table = table_of(shelf)
    return "\n".join("\t".join(map(str, row)) for row in (table.columns, *table.rows()))


def _facts(row: Row) -> Sequence[object]:
    path = "" if row.path is None else str(row.path)
    words = ", ".join(row.roles), ", ".join(row.overfitted)
    return (row.epoch, *row.accuracies, int(row.recommended), *words, "" if row.size is None else row.size, path)


def _strong(row: Row) -> Iterator[Sequence[object]]:
    for one in row.evaluations:
        facts = (one.created, one.split, one.num, one.eps, one.seed)
        for inputs in one.inputs:
            yield *facts, inputs.name, inputs.overall.accuracy, *(inputs.overall.interval or ("", ""))
