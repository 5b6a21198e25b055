"""The filter language: what it chooses, and what it says of a text that it cannot understand."""

import pytest

from workbench.workspace import FIELDS, BadFilter, parse_filter
from workbench.workspace.filter import LONGEST, SHARES

NAMES = ("name", "method", "eps", "seed", "onset", "status", "pgd")
ROWS = {
    "one": ("a/one", "fgsm", 8 / 255, 0, "co", "finished", 0.1),
    "two": ("a/two", "fgsm-der", 0.0314, 1, "none", "live", 0.45),
    "three": ("b/three", "pgd", 0.1, None, "co ro", "crashed", None),
}
RUNS = {run: dict(zip(NAMES, row, strict=True)) for run, row in ROWS.items()}


def chosen(text: str) -> str:
    wanted = parse_filter(text)
    return " ".join(name for name, values in RUNS.items() if wanted({**dict.fromkeys(FIELDS), **values}))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "one two three"),
        ("  ", "one two three"),
        ("method:fgsm", "one"),
        ("method:FGSM*", "one two"),
        ("method=fgsm*", ""),
        ("method!=fgsm", "two three"),
        ('method~"^(fgsm|pgd)$"', "one three"),
        ("method~der$", "two"),
        ("eps:8/255", "one"),
        ("eps>=8/255", "one two three"),
        ("eps>8/255", "two three"),
        ("eps<=8/255", "one"),
        ("eps<0.1", "one two"),
        ("pgd>=45%", "two"),
        ("pgd<45%", "one"),
        ("pgd>44", "two"),
        ("pgd:45", "two"),
        ("pgd<1", "one two"),
        ("pgd<150%", "one two"),
        ("seed<2", "one two"),
        ("pgd!=0.1", "two three"),
        ("pgd:none", "three"),
        ("seed!=none", "one two"),
        ("onset:co", "one three"),
        ("onset:ro", "three"),
        ("status:running", "two"),
        ("onset:none", "two"),
        ("-onset:none", "one three"),
        ("-status:crashed method:*", "one two"),
        ("NOT status:crashed", "one two"),
        ("onset:ro OR onset:none", "two three"),
        ("onset:co seed:0 OR method:pgd", "one three"),
        ("onset:co (seed:0 or method:pgd)", "one three"),
        ("onset:co AND NOT (seed:0 OR method:fgsm-der)", "three"),
        ("three", "three"),
        ("FGSM -der", "one"),
        ('name:"a/*"', "one two"),
        ('"a/one"', "one"),
        ("fgsm-der", "two"),
        ("--method:fgsm", "one"),
        ("(" * 150 + "pgd" + ")" * 150, "three"),
        ("-" * 300 + "method:pgd", "three"),
    ],
)
def test_it_chooses(text: str, names: str) -> None:
    assert chosen(text) == names


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("metod:x", 0, "did you mean method?"),
        ("pgd>1 frobnicate:1", 6, "known are name"),
        ("eps>big", 4, "a number such as 0.1, 8/255 or 45%"),
        ("eps>1/0", 4, "a number"),
        ("eps~1", 4, "is a number"),
        ("method>3", 7, "is text"),
        ("method~[", 7, "no regular expression"),
        ("eps>=", 5, "a value is missing"),
        ("(method:x", 9, "parenthesis is not closed"),
        ("method:x)", 8, "closed that was not opened"),
        ('name:"x', 5, "quotation mark"),
        ("method:x OR", 11, "ends too early"),
        ("name~(", 5, "quotation marks"),
        ("onset:co,ro", 6, "co, ro, none"),
        ("status:liv", 7, "live, finished"),
        ("pgd>nan", 4, "a number"),
        ('name~"(a+)+$"', 5, "repetition"),
        ("x" * (LONGEST + 1), LONGEST, "more than"),
    ],
)
def test_it_says_what_is_wrong_and_where(text: str, column: int, words: str) -> None:
    with pytest.raises(BadFilter) as caught:
        parse_filter(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_asked_for(name: str) -> None:
    kind = FIELDS[name].kind
    value, other = {"number": (3, 4), "text": ("abc", "ab"), "flags": ("co", "ro")}[kind]
    value, other = ("failed", "live") if name == "status" else (value, other)
    value, other = (0.3, 0.4) if name in SHARES else (value, other)
    values = dict.fromkeys(FIELDS) | {name: value}
    assert parse_filter(f"{name}:{value}")(values)
    assert not parse_filter(f"-{name}:{value}")(values)
    assert not parse_filter(f"{name}:{other}")(values)
