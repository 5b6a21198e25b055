"""Text from files, and numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.tui.look.text import age, epsilon, number, percent, plain, shorten
from workbench.tui.widgets.page import wrap


@given(st.text())
def test_plain_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert plain(text).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])))
def test_plain_leaves_readable_text_alone(text: str) -> None:
    assert plain(text) == text


def test_plain_makes_control_characters_visible() -> None:
    assert plain("a\x1b[31mb\nc\u202ed\U000e0001") == "a\\x1b[31mb\\nc\\u202ed\\U000e0001"


def test_plain_keeps_markup_as_text() -> None:
    assert plain("[red]x[/] [@click=app.quit]y[/]") == "[red]x[/] [@click=app.quit]y[/]"


def test_plain_looks_at_the_head_of_a_huge_text_only() -> None:
    assert len(plain("\x07" * 100_000)) == 4 * 2_000 + 1


@given(st.text(), st.integers(0, 40))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cell_len(shorten(plain(text), width)) <= width


@given(st.text(), st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    text = plain(text)
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (-1.234, "-1.23"),
        (12.34, "12.3"),
        (-123.4, "-123"),
        (0.01234, "0.012"),
        (-0.00123, "-0.0012"),
        (0.4567, "0.46"),
        (-0.0, "0.00"),
        (1e-5, "1.00e-05"),
        (123456.0, "1.23e+05"),
        (math.nan, "–"),
        (math.inf, "–"),
        (None, "–"),
    ],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("eps", "text"), [(8 / 255, "8/255"), (0.25, "0.25"), (1.0, "255/255"), (1e-9, "1e-09")])
def test_epsilon(eps: float, text: str) -> None:
    assert epsilon(eps) == text


def test_percent() -> None:
    assert [percent(0.0), percent(0.4567), percent(1.0), percent(None), percent(math.nan)] == [
        "0.0%",
        "45.7%",
        "100.0%",
        "–",
        "–",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (3.9, "3 s"), (99, "99 s"), (150, "2 min"), (5 * 3600, "5 h"), (3 * 86400, "3 d")],
)
def test_age(seconds: float, text: str) -> None:
    assert age(seconds) == text
