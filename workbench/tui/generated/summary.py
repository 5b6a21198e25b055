"""A folder of samples in three lines."""

from collections.abc import Sequence

from workbench.tui.generated.folders import Folder
from workbench.tui.generated.reading import Shown
from workbench.tui.generated.words import STATE_LOOKS, asked_for, of_classes, scored
from workbench.tui.keys.generated import GENERATED_KEYS
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.table import cap_of
from workbench.tui.look import palette
from workbench.tui.look.text import plain


def summary(
    shown: Shown, names: Sequence[str], problem: str | None, first: Folder | None = None
) -> list[tuple[str, str]]:
    """Lines and their colours.

    Args:
        shown: what is there.
        names: of the run's classes.
        problem: why there can be no samples at all; None if there can.
        first: the folder that is to be compared with another.
    """
    folder = shown.folder
    if problem is not None:
        return [(plain(problem), palette.WARNING)]
    if folder is None:
        key = cap_of(RUN_KEYS, "generate")
        return [(f"No images have been generated from this run yet:  {key}  generates some.", palette.MUTED)]
    _, word, colour = STATE_LOOKS[folder.state]
    count = f"{len(shown.found)} folders" if len(shown.found) > 1 else "1 folder"
    head = f"{plain(folder.path.name, 40)} ({shown.chosen + 1} of {count}): {word}"
    lines = [(head, colour)]
    if folder.settings is not None:
        epoch = "" if folder.epoch is None else f" of epoch {folder.epoch}"
        what = f" · {of_classes(folder.settings, names)} · checkpoint{epoch}"
        lines = [(head + what, colour), (plain(asked_for(folder.settings)), palette.TEXT)]
    wrong = folder.problem or shown.problem
    if wrong is not None:
        return [*lines, (plain(f"✗ {wrong}"), palette.CATASTROPHIC)]
    if first is not None:
        key, name = cap_of(GENERATED_KEYS, "compare"), plain(first.path.name, 24)
        here = "forgets it" if first.path == folder.path else "compares"
        return [*lines, (f"{name} is to be compared: choose another,  {key}  here {here}", palette.ACCENT)]
    if folder.scores:
        return [*lines, (scored(folder.scores[0]), palette.TEXT)]
    score = f"not scored yet:  {cap_of(GENERATED_KEYS, 'score')}  scores it"
    return [*lines, (score if folder.ended else "no chain has ended yet", palette.MUTED)]
