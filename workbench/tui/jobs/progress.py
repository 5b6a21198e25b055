"""What commands say of how far they are."""

import re
from dataclasses import dataclass

from workbench.tui.look.text import MISSING

_PROGRESS = re.compile(r"[a-z]+\s+(\d{1,9})/(\d{1,9})\s+(.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a line of progress says: images (or other things) that have ended, of how many, and the rest of the line."""

    ended: int
    total: int
    figures: str


def parse_progress(line: str) -> Progress | None:
    """The progress that a line of a command tells in a pipe; None for any other line."""
    match = _PROGRESS.fullmatch(line)
    return None if match is None else Progress(ended=int(match[1]), total=int(match[2]), figures=match[3])


def share(progress: Progress) -> str:
    """How far, in whole per cent."""
    return f"{min(progress.ended / progress.total, 1.0):.0%}" if progress.total else MISSING
