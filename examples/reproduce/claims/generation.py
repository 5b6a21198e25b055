"""Claim 6: robust models generate, from which start, stopped how."""

from collections.abc import Sequence
from pathlib import Path

from reproduce import figures
from reproduce.grid import Scale
from reproduce.tables import MISSING, Record, table

TITLE = "Generation"
EXPECTED = (
    "Energy-guided Langevin sampling from a class-wise PCA start gives better images out of robust models than out of "
    "a standard one, in few steps; from noise it needs many."
)
PUBLISHED = "IS and FID under Inception; none here is, so none is put beside them."


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """Nothing of the runs themselves."""
    return []


def sampled(sweeps: Sequence[tuple[str, Record]], folder: Path) -> list[str]:
    """A table of the cells of each model and the picture of its best one.

    Args:
        sweeps: names of models and their records.
        folder: where the records lie, and the pictures in a folder of each, as seen from the page.
    """
    parts = []
    for name, record in sweeps:
        features, judge = record["features"], record["judge"]
        comparable = "comparable to papers" if features["comparable_to_papers"] else "not comparable to papers"
        rows = [
            [
                cell["settings"]["start"],
                cell["settings"]["stop"] or "no steps",
                str(cell["settings"]["steps"]),
                *(_number(cell[name], decimals) for name, decimals in _FIGURES.items()),
                "–" if cell["agreement"] is None else f"{100 * cell['agreement']:.1f}",
            ]
            for cell in sorted(record["cells"], key=lambda cell: (cell["fid"] is None, cell["fid"]))
        ]
        parts += [
            f"### {name}",
            f"Features: {features['name']} ({comparable}); reference: {record['reference']['num']:,} images "
            f"({record['reference']['split']}); judge of agreement: {judge['name']}. `{record['command']}`",
            table(["start", "stop", "steps", *_HEADINGS, "agreement %"], rows),
            *(f"![{cell['name']}]({folder}/samples-{name}/{cell['name']}.png)" for cell in _pictured(record)),
        ]
    return parts


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, figures.Drawing]:
    """The grids are pictures already."""
    return {}


def _pictured(record: Record) -> list[Record]:
    """The best cell of each start, by FID."""
    best: dict[str, Record] = {}
    for cell in sorted((cell for cell in record["cells"] if cell["fid"] is not None), key=lambda cell: cell["fid"]):
        best.setdefault(cell["settings"]["start"], cell)
    return list(best.values())


_FIGURES = {"fid": 3, "inception_score": 2, "kid": 4, "precision": 3, "recall": 3, "passes_per_image": 1}
_HEADINGS = ("FID", "IS", "KID", "precision", "recall", "passes")


def _number(value: float | None, decimals: int) -> str:
    return MISSING if value is None else f"{value:.{decimals}f}"
