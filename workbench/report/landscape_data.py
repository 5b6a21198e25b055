"""Landscapes as JSON and CSV."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from workbench.landscape import FIGURES, Landscape, mean_and_median, roughness
from workbench.report.landscape import Shown, titles
from workbench.report.text import visible


def landscape_json(shown: Shown) -> dict[str, Any]:
    """A landscape without its planes, as JSON values; what is not finite is null."""
    landscape = shown.landscape
    values = roughness(landscape)
    figures = {}
    for figure in FIGURES:
        mean, median = mean_and_median(values[figure.name])
        figures[figure.name] = {"mean": mean, "median": median, "unit": figure.unit, "meaning": figure.meaning}
    samples = [
        {**_sample(landscape, row), "figures": {name: _known(column[row]) for name, column in values.items()}}
        for row in range(len(landscape))
    ]
    return {"path": str(shown.path), "facts": asdict(landscape.facts), "figures": figures, "samples": samples}


def figures_csv(all_shown: Sequence[Shown]) -> bytes:
    """A row per landscape and sample with every figure; what is not finite is empty."""
    names = [figure.name for figure in FIGURES]
    rows = []
    for title, shown in zip(titles(all_shown), all_shown, strict=True):
        values = roughness(shown.landscape)
        for row in range(len(shown.landscape)):
            sample = _sample(shown.landscape, row)
            rows.append((title, *sample.values(), *(_known(values[name][row]) for name in names)))
    heading = ("landscape", *_sample(all_shown[0].landscape, 0), *names)
    return _csv(heading, rows)


def planes_csv(all_shown: Sequence[Shown]) -> bytes:
    """A row per point of every plane: landscape, sample, a, b, E, δᵀ∇E(x)."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for title, shown in zip(titles(all_shown), all_shown, strict=True):
            landscape = shown.landscape
            axis = landscape.axis.tolist()
            for index, energies, linear in zip(
                landscape.index.tolist(), landscape.energy.tolist(), landscape.linear.tolist(), strict=True
            ):
                for j, b in enumerate(axis):
                    for i, a in enumerate(axis):
                        yield title, index, f"{a:g}", f"{b:g}", _known(energies[j][i]), _known(linear[j][i])

    return _csv(("landscape", "index", "a", "b", "energy", "linear"), rows())


def _csv(heading: Sequence[str], rows: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([visible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _sample(landscape: Landscape, row: int) -> dict[str, Any]:
    label = int(landscape.label[row])
    return {
        "index": int(landscape.index[row]),
        "label": label,
        "class": landscape.facts.class_names[label],
        "correct": bool(landscape.correct[row]),
        "correct_adv": bool(landscape.correct_adv[row]),
        "attacked": bool(landscape.attacked[row]),
        "position": _known(landscape.position[row]),
        "energy": _known(landscape.natural[row]),
        "energy_adv": _known(landscape.adversarial[row]),
    }


def _known(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
