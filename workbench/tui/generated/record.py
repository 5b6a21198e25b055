"""All that is known of a folder of samples."""

import json
from collections.abc import Iterator, Sequence

from workbench.tui.generated.reading import Shown
from workbench.tui.generated.scores import MEASURES, ScoreCard
from workbench.tui.generated.words import ENDINGS, command_of, shell
from workbench.tui.look import palette
from workbench.tui.look.text import number, plain
from workbench.tui.widgets.page import Entry

LONGEST = 600


def record(shown: Shown, names: Sequence[str], data: str | None) -> list[Entry]:
    """Settings, what the file says, every scoring, and the command that makes the same."""
    return list(_entries(shown, names, data))


def _entries(shown: Shown, names: Sequence[str], data: str | None) -> Iterator[Entry]:
    folder = shown.folder
    if folder is None:
        return
    yield Entry("folder", plain(str(folder.path.absolute())), label_colour=palette.ACCENT)
    command = command_of(folder, names, data)
    if command is not None:
        yield Entry("made by", plain(shell(command)), palette.GOOD)
    if folder.settings is not None:
        yield Entry("checkpoint", plain(str(folder.settings.checkpoint)))
        yield Entry("", f"SHA-256 {plain(folder.settings.checkpoint_digest, 64)}", palette.MUTED)
        for name, value in folder.settings.spec.to_dict().items():
            yield Entry(name.replace("_", " "), plain(str(value), LONGEST), gap=name == "labels")
    if shown.chains is not None:
        endings = sorted({int(reason) for reason in shown.chains.reason.tolist()})
        yield Entry("shown", f"{len(shown.chains)} of {shown.chains.total} chains", gap=True)
        for reason in endings:
            count = int((shown.chains.reason == reason).sum())
            yield Entry("", f"{count} {ENDINGS[reason]}")
        facts = (
            (name, shown.chains.facts.get(name)) for name in ("data", "created", "git_revision", "versions", "model")
        )
        for place, (name, value) in enumerate(facts):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else "unknown"
            yield Entry(name.replace("_", " "), plain(text, LONGEST), gap=place == 0)
    for card in folder.scores:
        yield from _scoring(card)


def _scoring(card: ScoreCard) -> Iterator[Entry]:
    num = "" if card.num is None else f"{card.num:,} images "
    yield Entry("scored", f"{num}against {card.against}", label_colour=palette.ACCENT, gap=True)
    comparable = "comparable to papers" if card.comparable else "not comparable to papers"
    yield Entry("features", f"{card.features}, {comparable}")
    for name in MEASURES:
        if name in card.values:
            spread = f" ± {number(card.spreads[name])}" if name in card.spreads else ""
            yield Entry(MEASURES[name][0], card.text(name) + spread)
    for note in card.notes:
        yield Entry("", note, palette.MUTED)
