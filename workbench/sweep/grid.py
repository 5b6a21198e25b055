"""Lists of sampling settings, and the cells that are their product. No torch here."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from trainers.errors import WorkbenchError
from trainers.spec import parse_fraction
from workbench.sampling.spec import MATTERS, SamplingSpec

Lists = Mapping[str, Sequence[Any]]
"""Values by the name of a sampling setting."""

MAX_CELLS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A setting of which a sweep may try several values.

    Attributes:
        parse: a value out of its text; ValueError or WorkbenchError if it is none.
        expects: what a value is, in words.
        mark: what stands before the value in the name of a cell.
        matters: whether the setting makes a difference beside the others of a cell.
    """

    parse: Callable[[str], Any]
    expects: str
    mark: str
    matters: Callable[[SamplingSpec], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One set of settings: a name that can be a folder's, and the settings in full."""

    name: str
    spec: SamplingSpec

    def settings(self) -> dict[str, Any]:
        """The value of every axis, None where it makes no difference."""
        return {name: getattr(self.spec, name) if axis.matters(self.spec) else None for name, axis in AXES.items()}


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError
    return int(text)


def _always(spec: SamplingSpec) -> bool:
    return True


def _moves(spec: SamplingSpec) -> bool:
    return spec.steps > 0


def _may_stop(spec: SamplingSpec) -> bool:
    return spec.stop != "fixed"


def _number(mark: str, matters: Callable[[SamplingSpec], bool]) -> Axis:
    return Axis(parse=parse_fraction, expects="a number such as 0.3 or 3/10", mark=mark, matters=matters)


def _count(mark: str, matters: Callable[[SamplingSpec], bool]) -> Axis:
    return Axis(parse=_whole, expects="a whole number of at least 0", mark=mark, matters=matters)


def _word(matters: Callable[[SamplingSpec], bool]) -> Axis:
    return Axis(parse=str, expects="a word", mark="", matters=matters)


AXES: Mapping[str, Axis] = {
    "start": _word(_always),
    "variance": _number("v", MATTERS["variance"]),
    "local": _count("k", lambda spec: spec.start == "local-pca"),
    "start_scale": _number("x", MATTERS["start_scale"]),
    "start_noise": _number("sigma", _always),
    "steps": _count("t", _always),
    "stop": _word(_moves),
    "min_steps": _count("m", _may_stop),
    "stop_tol": _number("tau", _may_stop),
    "guidance": _word(_moves),
    "step_size": _number("eta", _moves),
    "momentum": _number("zeta", _moves),
    "noise": _number("s", _moves),
}
"""Every setting of ``workbench sample`` that a sweep may vary, in the order in which cells are made and named."""


def parse_list(name: str, text: str) -> tuple[Any, ...]:
    """The values of an axis out of a list with commas.

    Raises:
        WorkbenchError: nothing between two commas, or a value of another kind; the message names the option.
    """
    option = "--" + name.replace("_", "-")
    axis = AXES[name]
    values = []
    for part in (word.strip() for word in text.split(",")):
        if not part:
            raise WorkbenchError(f"{option} {text!r} has an empty value; write values with commas between")
        try:
            values.append(axis.parse(part))
        except (ValueError, WorkbenchError):
            raise WorkbenchError(f"{option} expects {axis.expects}; got {part!r}") from None
    return tuple(values)


def make_cells(lists: Lists, *, labels: Sequence[int], num: int, seed: int) -> tuple[Cell, ...]:
    """All different cells of the product of lists, in its order, the last axis fastest.

    Settings that make no difference in a cell are not counted as one: the variance of a start that is no PCA, the rule
    of stopping where ``min_steps`` leaves it no step (such a cell counts as ``fixed``), ``ce`` and ``conditional``.

    Args:
        lists: values of some or all axes, none of them empty; an axis that is missing has its only value by default.
        labels: classes, the same in all cells.
        num: chains of each cell.
        seed: of starts and noise, the same in all cells: cells differ in their settings, not in their luck.

    Raises:
        WorkbenchError: a value out of its range, or too many cells.
    """
    total = math.prod(map(len, lists.values()))
    if total > MAX_CELLS:
        raise WorkbenchError(f"the lists make {total:,} cells, more than {MAX_CELLS:,}; shorten one of them")
    common = {"labels": list(labels), "num": num, "seed": seed}
    names = [name for name in AXES if name in lists]
    specs: dict[Any, SamplingSpec] = {}
    for values in product(*(lists[name] for name in names)):
        spec = _plainest(SamplingSpec.from_dict({**common, **dict(zip(names, values, strict=True))}))
        specs.setdefault((replace(spec, guidance="joint"), _meaning(spec)), spec)
    return tuple(Cell(name=name, spec=spec) for name, spec in zip(_names(specs.values()), specs.values(), strict=True))


def _plainest(spec: SamplingSpec) -> SamplingSpec:
    """The same images from settings of which those that make no difference have their default."""
    if spec.min_steps >= spec.steps:
        spec = replace(spec, stop="fixed")
    default = SamplingSpec(labels=spec.labels, num=spec.num, stop="fixed")
    return replace(spec, **{name: getattr(default, name) for name, axis in AXES.items() if not axis.matters(spec)})


def _meaning(spec: SamplingSpec) -> frozenset[tuple[str, float]]:
    """Weights by energy; ``ce`` is another name of ``conditional``."""
    weights: dict[str, float] = {}
    for weight, name in spec.terms:
        known = "conditional" if name == "ce" else name
        weights[known] = weights.get(known, 0.0) + weight
    return frozenset(weights.items())


def _names(specs: Sequence[SamplingSpec] | Any) -> list[str]:
    """Names for cells: the start, and whatever differs among them."""
    cells = [Cell(name="", spec=spec).settings() for spec in specs]
    varied = [name for name in AXES if len({cell[name] for cell in cells} - {None}) > 1]
    shown = list(dict.fromkeys(["start", *varied]))
    return [
        "-".join(AXES[name].mark + _text(name, cell[name]) for name in shown if cell[name] is not None)
        for cell in cells
    ]


def _text(name: str, value: Any) -> str:
    if name == "guidance":
        return str(value).replace(" ", "").replace("*", "")
    return f"{value!r}".removesuffix(".0") if isinstance(value, float) else str(value)
