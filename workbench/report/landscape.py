"""Landscapes as text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
