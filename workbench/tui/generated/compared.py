"""What sets two folders of samples apart, in rows: what they were asked for, and their scores."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import NamedTuple

from workbench.sampling.settings import Settings
from workbench.sampling.spec import SamplingSpec
from workbench.tui.generated.folders import Folder
from workbench.tui.generated.scores import MEASURES, ScoreCard
from workbench.tui.generated.tiles import LETTERS
from workbench.tui.generated.words import STATE_LOOKS, of_classes
from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, counted, plain

SHOWN_ELSEWHERE = ("labels", "num")


class Row(NamedTuple):
    """A line: what it is about, and what holds for the one and for the other."""

    label: str
    one: str
    two: str
    colour: str = palette.TEXT


def compared(folders: tuple[Folder, Folder], names: Sequence[str]) -> list[Row]:
    """Names and images of both, what differs in what was asked for, and scores.

    Args:
        folders: the two.
        names: of the run's classes.
    """
    one, two = folders
    heads = [f"{letter} {plain(folder.path.name, 40)}" for letter, folder in zip(LETTERS, folders, strict=True)]
    rows = [Row("", heads[0], heads[1], palette.ACCENT), Row("images", _images(one), _images(two))]
    if one.settings is None or two.settings is None:
        known = [MISSING if each.settings is None else "known" for each in folders]
        rows.append(Row("asked for", known[0], known[1]))
    else:
        different = [*_different(one.settings, two.settings, names)]
        rows += different or [Row("asked for", "the same", "the same", palette.MUTED)]
    return [*rows, *_scores(one, two)]


def _images(folder: Folder) -> str:
    asked = MISSING if folder.asked is None else f"{folder.asked:,}"
    return f"{folder.ended:,} of {asked}, {STATE_LOOKS[folder.state][1]}"


def _different(one: Settings, two: Settings, names: Sequence[str]) -> Iterator[Row]:
    if one.spec.labels != two.spec.labels:
        yield Row("classes", of_classes(one, names), of_classes(two, names))
    if one.checkpoint_digest != two.checkpoint_digest:
        yield Row(
            "checkpoint", *(f"{plain(each.checkpoint.stem, 30)} {each.checkpoint_digest[:8]}" for each in (one, two))
        )
    if one.data != two.data:
        yield Row("data", *(plain(each.data or "as the checkpoint says", 40) for each in (one, two)))
    for field in fields(SamplingSpec):
        values = getattr(one.spec, field.name), getattr(two.spec, field.name)
        if field.name not in SHOWN_ELSEWHERE and values[0] != values[1]:
            yield Row(field.name.replace("_", " "), *(plain(str(value), 40) for value in values))


def _scores(one: Folder, two: Folder) -> Iterator[Row]:
    """The latest scores that can be set beside each other; else the latest, with a warning."""
    if not one.scores and not two.scores:
        return
    alike: Iterator[tuple[ScoreCard | None, ScoreCard | None]] = (
        (a, b) for a in one.scores for b in two.scores if _way(a) == _way(b)
    )
    latest = [each.scores[0] if each.scores else None for each in (one, two)]
    cards = next(alike, (latest[0], latest[1]))
    for name, (title, _) in MEASURES.items():
        if any(card is not None and name in card.values for card in cards):
            yield Row(title, *(MISSING if card is None else card.text(name) for card in cards))
    said = [MISSING if card is None else _words(card) for card in cards]
    differ = cards[0] is not None and cards[1] is not None and _way(cards[0]) != _way(cards[1])
    colour = palette.WARNING if differ else palette.MUTED
    yield Row("≠ scored by" if differ else "scored by", said[0], said[1], colour)


def _way(card: ScoreCard) -> tuple[object, ...]:
    """What must be the same where scores are compared."""
    return card.features, card.num, card.against


def _words(card: ScoreCard) -> str:
    num = "" if card.num is None else f", {counted(card.num, 'image')}"
    return f"{card.features}{num}, against {card.against}"
