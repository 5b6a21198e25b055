"""``workbench methods``: the table, and all about one method."""

import json

import pytest

from tests.conftest import Cli, assert_refused
from trainers.recipes import METHODS
from trainers.rows import OPTION_MEANINGS, ROWS

PUBLISHED = [
    "standard",
    "fgsm",
    "rs-fgsm",
    "free",
    "n-fgsm",
    "grad-align",
    "elle",
    "elle-a",
    "aaer",
    "pgd",
    "trades",
    "mart",
    "pgd-awp",
    "trades-awp",
    "weat-nat",
    "weat-adv",
]


def test_the_methods_of_the_field_are_there_and_a_twin_of_each_adversarial_one() -> None:
    assert {row.name for row in ROWS} == set(PUBLISHED)
    assert set(METHODS) == set(PUBLISHED) | {f"{name}-der" for name in PUBLISHED if name != "standard"}


def test_the_table_names_every_method_with_cost_and_source(cli: Cli) -> None:
    result = cli("methods", COLUMNS="200")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    for row in METHODS.values():
        line = next(line for line in lines if line.startswith(f"{row.name} "))
        assert f"{row.passes}+1" in line if row.recording_passes else f" {row.passes} " in line
        assert row.source in result.stdout
    assert "8/255" in result.stdout


@pytest.mark.parametrize("name", ["standard", "trades", "elle-a-der", "free"])
def test_one_method_is_shown_whole(cli: Cli, name: str) -> None:
    result = cli("methods", name)
    row = METHODS[name]
    assert result.returncode == 0
    for text in (*row.formula, row.source, row.schedule, *row.deviations, *row.norms):
        assert text in result.stdout
    for option in row.options:
        assert f"--{option.replace('_', '-')}" in result.stdout
        assert OPTION_MEANINGS[option] in result.stdout
    values = json.loads(cli("methods", name, "--json").stdout)
    assert values["formula"] == list(row.formula)
    assert values["forward"] + values["backward_to_input"] + 2 * values["backward_to_weights"] == values["passes"]


def test_an_unknown_method_is_refused_with_the_known_ones(cli: Cli) -> None:
    assert_refused(cli("methods", "tardes"), "tardes", "trades-awp-der")


def test_every_setting_of_a_method_has_its_option_and_meaning(cli: Cli) -> None:
    text = " ".join(cli("train", "--help").stdout.split())
    for option in {option for row in ROWS for option in row.options}:
        assert f"--{option.replace('_', '-')}" in text
        assert OPTION_MEANINGS[option] in text
