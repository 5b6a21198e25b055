"""The cells of a grid: the product, nothing twice, names that can be folders."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.errors import WorkbenchError
from workbench.sampling.spec import STARTS, STOPS
from workbench.sweep.grid import AXES, make_cells, parse_list

COMMON = {"labels": (0, 1), "num": 4, "seed": 3}


def names(**lists: tuple[object, ...]) -> list[str]:
    return [cell.name for cell in make_cells(lists, **COMMON)]  # type: ignore[arg-type]


def test_variance_varies_only_where_the_start_is_a_pca() -> None:
    found = names(start=("pca", "gaussian", "noise"), variance=(0.8, 0.95), start_scale=(0.35, 1.0))
    assert found == [
        "pca-v0.8-x0.35",
        "pca-v0.8-x1",
        "pca-v0.95-x0.35",
        "pca-v0.95-x1",
        "gaussian-x0.35",
        "gaussian-x1",
        "noise",
    ]


def test_a_rule_that_has_no_step_to_stop_at_counts_as_fixed() -> None:
    found = names(start=("noise",), steps=(20, 60), min_steps=(20,), stop=("adaptive", "plateau", "fixed"))
    assert found == ["noise-t20-fixed", "noise-t60-adaptive", "noise-t60-plateau", "noise-t60-fixed"]


def test_without_steps_the_sampler_makes_no_difference() -> None:
    found = names(start=("noise",), steps=(0, 5), guidance=("joint", "marginal"), step_size=(0.1, 0.2))
    assert found[0] == "noise-t0"
    assert len(found) == 1 + 4


@pytest.mark.parametrize(
    ("one", "other"), [("ce", "conditional"), ("joint+0.5*ce", "0.50*conditional + joint"), ("joint", "1*joint")]
)
def test_one_energy_under_two_names_is_one_cell(one: str, other: str) -> None:
    assert len(names(guidance=(one, other))) == 1


def test_equal_numbers_are_one_value() -> None:
    assert names(start=("noise",), steps=parse_list("steps", "5, 05,5")) == ["noise"]
    assert len(names(step_size=parse_list("step_size", "0.5,1/2,5e-1"))) == 1


def test_all_else_is_the_same_in_all_cells() -> None:
    for cell in make_cells({"start": STARTS, "steps": (3, 4)}, **COMMON):  # type: ignore[arg-type]
        assert (cell.spec.labels, cell.spec.num, cell.spec.seed) == ((0, 1), 4, 3)


def simulate(start: str, variance: float, scale: float, steps: int, stop: str, minimum: int) -> tuple[object, ...]:
    """What images depend on, written down by hand."""
    pca = start in ("pca", "local-pca")
    rule = (stop, minimum) if stop != "fixed" and minimum < steps else None
    return (start, variance if pca else None, scale if pca or start == "gaussian" else None, steps, rule)


@settings(max_examples=60, deadline=None)
@given(
    start=st.lists(st.sampled_from(STARTS), min_size=1, max_size=3),
    variance=st.lists(st.sampled_from((0.5, 0.8, 0.95)), min_size=1, max_size=3),
    start_scale=st.lists(st.sampled_from((0.35, 1.0)), min_size=1, max_size=2),
    steps=st.lists(st.sampled_from((0, 5, 20)), min_size=1, max_size=3),
    stop=st.lists(st.sampled_from(STOPS), min_size=1, max_size=3),
    min_steps=st.lists(st.sampled_from((0, 5, 30)), min_size=1, max_size=2),
)
def test_as_many_cells_as_different_images(**lists: list[object]) -> None:
    order = ("start", "variance", "start_scale", "steps", "stop", "min_steps")
    wanted = {simulate(*values) for values in itertools.product(*(lists[name] for name in order))}  # type: ignore[arg-type]
    cells = make_cells(lists, **COMMON)  # type: ignore[arg-type]
    assert {simulate(*(getattr(cell.spec, name) for name in order)) for cell in cells} == wanted
    assert len(cells) == len(wanted)
    found = [cell.name for cell in cells]
    assert len(set(found)) == len(found)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-+") for name in found)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("start", "", "--start '' has an empty value"),
        ("start", "pca,,noise", "has an empty value"),
        ("steps", "20,many", "--steps expects a whole number of at least 0; got 'many'"),
        ("steps", "-3", "--steps expects a whole number"),
        ("step_size", "0.1,x", "--step-size expects a number such as 0.3 or 3/10; got 'x'"),
        ("variance", "nan", "--variance expects a number"),
    ],
)
def test_lists_that_are_none(name: str, text: str, words: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        parse_list(name, text)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("start", ("pca", "magic"), "--start must be one of pca"),
        ("stop", ("never",), "--stop must be one of"),
        ("variance", (1.5,), "--variance must be in (0, 1]"),
        ("guidance", ("love",), "cannot read the guidance"),
        ("steps", tuple(range(10_001)), "10,001 cells"),
    ],
)
def test_values_that_cannot_be(name: str, values: tuple[object, ...], words: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        make_cells({name: values}, **COMMON)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_every_setting_of_the_sampler_can_vary() -> None:
    (cell,) = make_cells({}, **COMMON)  # type: ignore[arg-type]
    assert set(AXES) == set(cell.spec.to_dict()) - {"labels", "num", "seed"}
