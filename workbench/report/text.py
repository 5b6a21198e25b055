"""Text that is safe to print, and the few formats that all tables share."""

import json
import math
from typing import Any

from rich.text import Text

from workbench.summary import DeltaEnergy

MISSING = "–"


def visible(text: str) -> str:
    """The text with every unprintable character (controls, bidirectional marks, lone surrogates) shown as its escape.

    What comes from a file or a path must not move the cursor, colour the screen or hide what it says.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def plain(text: object, style: str = "") -> Text:
    """The visible form of anything as rich text, wrapped: no markup, no emoji codes, no highlighting."""
    return Text(visible(str(text)), style=style, no_wrap=False, overflow="fold")


def unbroken(*parts: str | tuple[str, str]) -> Text:
    """One line that is never wrapped or cut, for what a user may copy (paths, commands); a pair is text and style."""
    return Text.assemble(*parts, no_wrap=True, overflow="ignore")


def percent(value: float | None) -> str:
    """A fraction as a percentage with one decimal."""
    return MISSING if value is None else f"{value:.1%}"


def epsilon(eps: float) -> str:
    """A perturbation bound, as a fraction of 255 where it is a whole number of pixel levels."""
    levels = round(eps * 255)
    return f"{levels}/255" if levels and abs(eps * 255 - levels) < 1e-6 else f"{eps:g}"


def nats(value: float | None) -> str:
    """An energy in nats with three significant digits, more before the point."""
    if value is None:
        return MISSING
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    rounded = f"{value:.{decimals}f}"
    return rounded.removeprefix("-") if not float(rounded) else rounded


def mean_and_std(delta: DeltaEnergy) -> str:
    """Mean and spread of ΔE in nats."""
    return MISSING if delta.mean is None else f"{nats(delta.mean)}±{nats(delta.std)}"


def json_text(value: Any) -> str:
    """Indented JSON in ASCII (so control characters are escaped); NaN is an error."""
    return json.dumps(value, indent=2, allow_nan=False)


def sparkline(values: list[float | None], width: int, low: float | None = None, high: float | None = None) -> str:
    """A curve as one line of block characters.

    Args:
        values: the curve; None is a gap.
        width: most characters; a longer curve is averaged over equal stretches.
        low: value of the lowest block, the curve's minimum by default.
        high: value of the highest block, the curve's maximum by default.
    """
    blocks = "▁▂▃▄▅▆▇█"
    num = min(width, len(values))
    stretches = [values[i * len(values) // num : (i + 1) * len(values) // num] for i in range(num)]
    means = [_mean(stretch) for stretch in stretches]
    known = [mean for mean in means if mean is not None]
    if not known:
        return " " * num
    low = min(known) if low is None else low
    span = ((max(known) if high is None else high) - low) or 1.0
    levels = [None if mean is None else math.floor((mean - low) / span * len(blocks)) for mean in means]
    return "".join(" " if level is None else blocks[max(0, min(level, len(blocks) - 1))] for level in levels)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
