"""The scores beside samples, as ``workbench score`` wrote them."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.foreign import read_foreign
from workbench.tui.look.text import number, percent, plain

FORMAT = "workbench-score-1"
LARGEST = 1_000_000
"""Bytes of a file beyond which it is none of ours."""

MOST = 50
"""Files of one folder that are read, the latest first."""

ENOUGH_FOR_FID = 2048
"""Images under which FID is far above what it would be of many; as many as its features have dimensions."""

MEASURES = {
    "fid": ("FID", number),
    "inception_score": ("IS", number),
    "kid": ("KID", number),
    "precision": ("precision", number),
    "recall": ("recall", number),
    "density": ("density", number),
    "coverage": ("coverage", number),
    "agreement": ("agreement", percent),
}
"""Name and way of writing of each measure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreCard:
    """One scoring.

    Attributes:
        values: by measure, those that were computed.
        spreads: by measure, where there is one.
        num: images that were scored.
        against: data and split of the reference.
        features: the network.
        comparable: whether the figures can be set beside those of papers.
        notes: what must be known to read them.
    """

    values: Mapping[str, float]
    spreads: Mapping[str, float]
    num: int | None
    against: str
    features: str
    comparable: bool
    notes: tuple[str, ...]

    def text(self, measure: str) -> str:
        """A measure as people read it."""
        return MEASURES[measure][1](self.values.get(measure))


def read_scores(folder: Path) -> tuple[ScoreCard, ...]:
    """The scorings of a folder of samples, the latest first; files that are none of ours are left out."""
    try:
        with os.scandir(folder) as entries:
            found = [
                (entry.stat(follow_symlinks=False).st_mtime_ns, Path(entry.path))
                for entry in entries
                if entry.name.startswith("score-")
                and entry.name.endswith(".json")
                and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return ()
    cards = (_read(path) for _, path in sorted(found, reverse=True)[:MOST])
    return tuple(card for card in cards if card is not None)


def _read(path: Path) -> ScoreCard | None:
    try:
        content = json.loads(read_foreign(path, LARGEST))
        if content["format"] != FORMAT:
            return None
        scores, features, reference = content["scores"], content["features"], content["reference"]
        return ScoreCard(
            values=_numbers(scores, "value"),
            spreads=_numbers(scores, "std"),
            num=_whole(content["samples"]["num"]),
            against=f"{plain(str(reference['data']), 60)} ({plain(str(reference['split']), 12)})",
            features=plain(str(features["name"]), 80),
            comparable=features["comparable_to_papers"] is True,
            notes=tuple(plain(str(note), 300) for note in content.get("notes", [])[:12]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _numbers(scores: Mapping[str, Mapping[str, object]], what: str) -> dict[str, float]:
    found = {name: scores.get(name, {}).get(what) for name in MEASURES}
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
    }


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 10**12 else None
