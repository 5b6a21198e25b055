"""A small language to choose runs: ``method:fgsm* eps>=8/255 (onset:co OR onset:ro) -status:crashed``.

Words side by side must all hold; OR, AND, NOT (or ``-``) and parentheses combine. ``field:value`` compares text with a
glob and without case, numbers for equality; ``~`` takes a regular expression; ``= != < <= > >=`` do what they say. A
word alone is looked for in name, method, data, model and run. What has blanks or parentheses stands in quotation marks.
A missing value satisfies no comparison but ``!=``.
"""

import difflib
import fnmatch
import functools
import math
import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.errors import WorkbenchError
from workbench.workspace.entry import FIELDS, Value

if TYPE_CHECKING:
    from lark import Lark, Tree

Values = Mapping[str, Value]
Filter = Callable[[Values], bool]
"""Whether a run's values are wanted."""

MENTIONED = ("name", "method", "data", "model", "run")
LONGEST = 400
"""Characters of a filter, so that nesting stays within what Python can do, and of a value that a pattern looks at."""
WORDS = {
    "onset": ("co", "ro", "none"),
    "healed": ("co", "ro", "none"),
    "status": ("live", "finished", "stopped", "failed", "crashed", "unreadable"),
}
"""The words of fields that have few."""
SHARES = ("best", "pgd", "fgsm", "clean")
"""Numbers between 0 and 1; what is compared with them and is above 1 is meant in percent."""
_NESTED = re.compile(r"\([^()]*[*+{][^()]*\)[*+{]")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadFilter(WorkbenchError):
    """A filter that cannot be understood.

    Attributes:
        column: where in the text the fault is, from 0.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (at character {column + 1})")
        self.column = column


def parse_filter(text: str) -> Filter:
    """The filter that a text stands for; an empty one wants every run.

    Raises:
        BadFilter: it cannot be understood; the message says what and where.
    """
    if not text.strip():
        return lambda values: True
    if len(text) > LONGEST:
        raise BadFilter(f"a filter of more than {LONGEST} characters", LONGEST)
    from lark import UnexpectedInput

    try:
        tree = _grammar().parse(text)
    except UnexpectedInput as error:
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        column = len(text) if ended else min(max(0, error.column - 1), len(text))
        raise BadFilter(_fault(text, column), column) from None
    return _compiled(tree)


@functools.cache
def _grammar() -> "Lark":
    from lark import Lark

    return Lark((Path(__file__).parent / "filter.lark").read_text(), parser="lalr", maybe_placeholders=False)


def _fault(text: str, column: int) -> str:
    """What is wrong at a column, in words."""
    rest = text[column:].strip()
    before = text[:column].rstrip()
    if text.count('"') % 2:
        return 'a quotation mark is not closed: "'
    if before.endswith((":", "=", "<", ">", "~")) and rest.startswith(("(", ")")):
        return "what holds parentheses or blanks stands in quotation marks"
    if before.endswith((":", "=", "<", ">", "~")) or re.fullmatch(r"[:=<>~!]+", rest):
        return "a value is missing after the comparison"
    if text.count("(") > text.count(")"):
        return "a parenthesis is not closed: ("
    if rest.startswith(")"):
        return "a parenthesis is closed that was not opened: )"
    return f"this was not expected here: {rest[:20]!r}" if rest else "the filter ends too early"


def _compiled(tree: "Tree[Any]") -> Filter:
    """The filter of a part of the text."""
    if tree.data == "comparison":
        return _comparison(*tree.children)
    if tree.data == "mention":
        return _mention(_unquoted(tree.children[0]))
    parts = [_compiled(child) for child in tree.children]
    if tree.data == "any_of":
        return lambda values: any(part(values) for part in parts)
    if tree.data == "none_of":
        return lambda values: not parts[0](values)
    return lambda values: all(part(values) for part in parts)


def _mention(word: str) -> Filter:
    wanted = word.casefold()
    return lambda values: any(wanted in str(values[name] or "").casefold() for name in MENTIONED)


def _comparison(field: Any, sign: Any, value: Any) -> Filter:
    name, text = str(field).lower(), _unquoted(value)
    column = int(field.column or 1) - 1
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(FIELDS)}"
        raise BadFilter(f"no such field: {name}{hint}", column)
    if FIELDS[name].kind == "number":
        return _number_comparison(name, str(sign), text, int(value.column or 1) - 1)
    return _text_comparison(name, str(sign), text, int(value.column or 1) - 1)


def _number_comparison(name: str, sign: str, text: str, column: int) -> Filter:
    if text.lower() == "none" and sign in (":", "=", "!="):
        return lambda values: (values[name] is None) == (sign != "!=")
    if sign == "~":
        raise BadFilter(f"{name} is a number; compare it by = != < <= > >=", column)
    bound = _number(text)
    if bound is None:
        raise BadFilter(f"{name} is compared with a number such as 0.1, 8/255 or 45%, not {text!r}", column)
    if name in SHARES and bound > 1 and not text.endswith("%"):
        bound /= 100
    if sign == "!=":
        return lambda values: values[name] is None or not _equal(values[name], bound)
    if sign in (":", "="):
        return lambda values: values[name] is not None and _equal(values[name], bound)
    compare = _ORDER[sign]
    strict = sign in ("<", ">")

    def holds(values: Values) -> bool:
        value = values[name]
        if value is None:
            return False
        return not strict if _equal(value, bound) else compare(value, bound)

    return holds


def _text_comparison(name: str, sign: str, text: str, column: int) -> Filter:
    if sign in _ORDER:
        raise BadFilter(f"{name} is text; compare it by : (with * and ?), = or ~", column)
    if sign == "~":
        if _NESTED.search(text):
            raise BadFilter("a repetition of a repetition may take for ever", column)
        try:
            pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise BadFilter(f"no regular expression: {error}", column) from None
        return lambda values: pattern.search(str(values[name] or "")[:LONGEST]) is not None
    wanted = "live" if (name, text.casefold()) == ("status", "running") else text.casefold()
    words = WORDS.get(name)
    if words is not None and not any(fnmatch.fnmatchcase(word, wanted) for word in words):
        raise BadFilter(f"{name} is {', '.join(words)}, not {text!r}; combine by OR", column)

    def holds(values: Values) -> bool:
        known = str(values[name] or "").casefold()
        if FIELDS[name].kind == "flags":
            return any(fnmatch.fnmatchcase(word, wanted) for word in known.split())
        return known == wanted if sign == "=" else fnmatch.fnmatchcase(known, wanted)

    return (lambda values: not holds(values)) if sign == "!=" else holds


def _number(text: str) -> float | None:
    """A number, a fraction or a percentage."""
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        top, slash, bottom = text.partition("/")
        number = float(top) / float(bottom) if slash else float(text)
        return number if math.isfinite(number) else None
    except (ValueError, ZeroDivisionError):
        return None


def _equal(value: Value, bound: float) -> bool:
    """Equal up to rounding: 8/255 may have been written with a few digits."""
    return isinstance(value, int | float) and abs(value - bound) <= 1e-6 * max(1.0, abs(bound))


def _unquoted(token: Any) -> str:
    return str(token).strip('"')
