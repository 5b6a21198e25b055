"""Numbers and text as plain Python values, for formats that are text."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog import NOT_RECORDED
from trainers.energylog.schema import Column

_FORMULA_STARTS = ("=", "+", "-", "@")


def python_values(values: NDArray[Any] | list[Any], column: Column) -> list[Any]:
    """A column's values as int, float, str or None where missing (NaN; 255 of a flag).

    float32 becomes the float with the fewest digits that rounds to it again: 0.1, not 0.10000000149011612.
    """
    if isinstance(values, list):
        return values
    if values.dtype == np.float32:
        values = values.astype("U32").astype(np.float64)
    plain: list[Any] = values.tolist()
    for position in np.flatnonzero(missing(values, column)).tolist():
        plain[position] = None
    return plain


def missing(values: NDArray[Any], column: Column) -> NDArray[np.bool_]:
    """Where a value was not recorded."""
    if values.dtype.kind == "f":
        nan: NDArray[np.bool_] = np.isnan(values)
        return nan
    found: NDArray[np.bool_] = (
        values == NOT_RECORDED if column.unit == "flag" else np.zeros(len(values), dtype=np.bool_)
    )
    return found


def printable(text: str) -> str:
    """The text with every unprintable character (controls, line breaks, bidirectional marks) as its escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def text_cell(text: str) -> str:
    """Text for a table: printable, and with an apostrophe before what a spreadsheet would run as a formula."""
    safe = printable(text)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA_STARTS) else safe


def json_value(value: Any) -> Any:
    """The value with tuples as lists, keys as text, and None for numbers that JSON does not have (NaN, infinity)."""
    match value:
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
