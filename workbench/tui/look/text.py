"""Text that comes from a file, made safe for a terminal, and numbers as people read them."""

import math
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

MISSING = "–"
"""Shown where a number is missing."""

LONGEST = 2_000
"""Characters of any one text that are looked at; no name in a file can make the app slow."""

ELLIPSIS = "…"


def plain(text: str, width: int | None = None) -> str:
    r"""``text`` with everything a terminal could obey made visible, on one line.

    Control, format (bidirectional marks, zero-width joiners), surrogate and private characters and line breaks become
    escapes such as ``\x1b``. Markup is left as it is: callers pass the result to widgets as text, never as markup.

    Args:
        text: text from anywhere.
        width: cells that it may take; longer text is cut and ends in an ellipsis.
    """
    head = text[:LONGEST]
    shown = head if head.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in head)
    if len(text) > LONGEST:
        shown += ELLIPSIS
    return shown if width is None else shorten(shown, width)


def shorten(text: str, width: int) -> str:
    """``text`` cut to ``width`` cells, the last of them an ellipsis where anything was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS if width > 0 else ""


def percent(fraction: float | None) -> str:
    """A fraction in [0, 1] as a percentage with one decimal."""
    return MISSING if fraction is None or not math.isfinite(fraction) else f"{fraction:.1%}"


def number(value: float | None) -> str:
    """A number to three significant digits, two below 0.1."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if size == 0:
        return "0.00"
    if not 1e-3 <= size < 1e5:
        return f"{value:.2e}"
    if size < 0.1:
        return f"{value:.2g}"
    return f"{value:.{max(0, 3 - len(str(int(size))))}f}"


def epsilon(eps: float) -> str:
    """A perturbation bound, as a fraction of 255 where it is a whole number of pixel levels."""
    levels = round(eps * 255)
    return f"{levels}/255" if levels and abs(eps * 255 - levels) < 1e-6 else f"{eps:.4g}"


def counted(count: int, noun: str) -> str:
    """A number of things, e.g. "1 run", "1,000 runs"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def age(seconds: float) -> str:
    """A length of time in its largest whole unit, e.g. "3 s", "12 min"."""
    seconds = max(0.0, seconds)
    for unit, length, until in (("s", 1, 100), ("min", 60, 100 * 60), ("h", 3600, 48 * 3600)):
        if seconds < until:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def clock_time(seconds: float) -> str:
    """The time of day, e.g. "14:03 UTC", of a moment in seconds since 1970-01-01; MISSING where no clock shows it."""
    if not math.isfinite(seconds) or not 0 <= seconds < 1e11:
        return MISSING
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M UTC")


def _escape(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def bytes_text(size: int | None) -> str:
    """A size as people read it."""
    if size is None:
        return MISSING
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 999.5 * factor else f"{size / factor:,.0f} {unit}"
    return f"{size} B"
