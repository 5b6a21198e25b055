"""Landscapes as text, JSON and CSV."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.landscape import FIGURES, Facts, Landscape, mean_and_median, roughness
from workbench.report.text import MISSING, epsilon, percent, plain, unbroken, visible

SETTINGS = ("energy", "attack", "eps", "data", "split", "grid", "reach", "clip", "seed")
"""Facts that must agree before figures of two landscapes can be compared."""


_SIDE_BY_SIDE = 5


class Shown(NamedTuple):
    """A landscape and the file that it is in."""

    landscape: Landscape
    path: Path

    @property
    def facts(self) -> Facts:
        """Where it comes from."""
        return self.landscape.facts


def landscape_report(shown: Shown) -> RenderableType:
    """One landscape: how it was measured, and its figures."""
    facts = shown.facts
    table = _table("figure", "mean", "median", "unit", "", right=(1, 2))
    values = roughness(shown.landscape)
    for figure in FIGURES:
        mean, median = mean_and_median(values[figure.name])
        table.add_row(
            figure.short, _number(mean), _number(median), plain(figure.unit.replace("1", "")), plain(figure.meaning)
        )
    return Group(
        unbroken((visible(facts.title), "bold")),
        *(unbroken((f"{name:<10} ", "dim"), visible(value)) for name, value in _lines(shown)),
        Text(),
        table,
        *_remarks([shown]),
    )


def comparison_report(all_shown: Sequence[Shown]) -> RenderableType:
    """Several landscapes side by side: medians, then means, of every figure over the samples."""
    columns = [
        (name, {figure: mean_and_median(values) for figure, values in roughness(shown.landscape).items()})
        for name, shown in zip(titles(all_shown), all_shown, strict=True)
    ]
    parts: list[RenderableType] = []
    for word, which in (("median", 1), ("mean", 0)):
        for start in range(0, len(columns), _SIDE_BY_SIDE):
            block = columns[start : start + _SIDE_BY_SIDE]
            table = _table(word, *(name for name, _ in block), right=range(1, len(block) + 1))
            for figure in FIGURES:
                table.add_row(figure.short, *(_number(values[figure.name][which]) for _, values in block))
            parts += [table, Text()]
    first = all_shown[0].facts
    units = ", ".join(f"{figure.short} {figure.unit}" for figure in FIGURES if figure.unit not in ("1", "nat"))
    settings = f"{_energy(first)}, x* by {_attack(first)}; {_plane(first)}."
    parts.append(plain(f"{settings} In nats but for {units}; R² and turns have no unit."))
    return Group(*parts, *_differences(all_shown), *_remarks(all_shown))


def titles(all_shown: Sequence[Shown]) -> list[str]:
    """What to call each of several: its title, or its path where titles are not all different."""
    names = [shown.facts.title for shown in all_shown]
    return names if len(set(names)) == len(names) else [str(shown.path) for shown in all_shown]


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


def _lines(shown: Shown) -> Iterator[tuple[str, str]]:
    facts, num = shown.facts, len(shown.landscape)
    method = "" if facts.method is None else f", trained with {facts.method}"
    yield "checkpoint", f"{facts.checkpoint}{method}"
    yield "samples", f"{num} of {facts.data} ({facts.split})"
    right = percent(float(shown.landscape.correct.mean())), percent(float(shown.landscape.correct_adv.mean()))
    yield "energy", f"{_energy(facts)}, x* by {_attack(facts)}"
    yield "plane", _plane(facts)
    yield "correct", f"x {right[0]}, x* {right[1]}"
    yield "measured", f"{facts.created} on {facts.device}"
    yield "file", str(shown.path)


def _energy(facts: Facts) -> str:
    return "E(x)" if facts.energy == "marginal" else "E(x,y)"


def _attack(facts: Facts) -> str:
    return f"{facts.attack} at ε = {epsilon(facts.eps)}, seed {facts.seed}"


def _plane(facts: Facts) -> str:
    where = "clipped to [0, 1]" if facts.clip else "not clipped"
    return f"{facts.grid} × {facts.grid} points from −{facts.reach:g}ε to {facts.reach:g}ε, {where}"


def _differences(all_shown: Sequence[Shown]) -> Iterator[Text]:
    """What makes figures incomparable."""
    differ = [name for name in SETTINGS if len({getattr(shown.facts, name) for shown in all_shown}) > 1]
    if not differ and len({shown.facts.data_digest for shown in all_shown}) > 1:
        differ = ["samples"]
    if differ:
        yield plain(f"Not comparable: measured with different {', '.join(differ)}.", "bold")


def _remarks(all_shown: Sequence[Shown]) -> Iterator[Text]:
    for name, shown in zip(titles(all_shown), all_shown, strict=True):
        broken = int((~shown.landscape.finite).sum())
        still = int((shown.landscape.attacked == 0).sum())
        if broken:
            yield plain(
                f"{name}: {broken} of {len(shown.landscape)} samples have energies that are not finite; left out."
            )
        if still:
            yield plain(
                f"{name}: the attack did not move {still} of {len(shown.landscape)} samples; d1 is random there."
            )


def _table(*columns: str, right: Sequence[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    for number, name in enumerate(columns):
        table.add_column(plain(name), justify="right" if number in right else "left", overflow="fold")
    return table


def _number(value: float | None) -> str:
    """Four significant digits; large numbers without a point."""
    if value is None:
        return MISSING
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}" if abs(value) < 1e6 else f"{value:.1e}"


def _known(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
