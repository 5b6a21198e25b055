"""The pane of checkpoints on its sheet: a table, and below it the one that is chosen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from workbench.tui.checkpoints.bars import attack_shown, headline, paint_accuracies, paint_classes
from workbench.tui.keys.checkpoints import CHECKPOINT_KEYS
from workbench.tui.keys.table import cap_of
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import MISSING, bytes_text, percent, plain
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.page import wrap

if TYPE_CHECKING:
    from workbench.tui.checkpoints.shelf import Row, Shelf

SYMBOLS = {"CO": ("▲", palette.CATASTROPHIC), "RO": ("◆", palette.ROBUST)}

ACCURACIES = (("clean", palette.CLEAN), ("FGSM", palette.FGSM), ("PGD", palette.PGD))
NUMBERS = 3 + 5 + 7 * len(ACCURACIES)
"""Columns of marks, epoch and accuracies."""

STRONG, SIZE = 20, 8
LEAST_DETAIL = 6


class Places(NamedTuple):
    """Rows of the table below its heading, and what columns there is room for."""

    rows: int
    strong: bool
    size: bool


def places(width: int, height: int, count: int) -> Places:
    """How a pane of this size is divided; of many checkpoints the table takes half."""
    room = max(1, height - 1)
    rows = min(count, room) if room < LEAST_DETAIL + 2 else min(count, max(room // 2 - 1, 1))
    return Places(rows=rows, strong=width >= NUMBERS + STRONG + 10, size=width >= NUMBERS + STRONG + SIZE + 16)


def paint_shelf(sheet: Cells, shelf: "Shelf", chosen: int, cursor: int, first: int) -> int:
    """The whole pane; returns the first row of the table that is seen, ``first`` if that will do."""
    where = places(sheet.width, sheet.height, len(shelf.rows))
    at = next((place for place, row in enumerate(shelf.rows) if row.epoch == chosen), 0)
    first = min(max(first, at - where.rows + 1), at, max(0, len(shelf.rows) - where.rows))
    _paint_heads(sheet, where, shelf)
    for y, row in enumerate(shelf.rows[first : first + where.rows], 1):
        _paint_row(sheet, y, where, row, chosen=row.epoch == chosen, here=row.epoch == cursor)
    below = where.rows + 1
    if sheet.height - below >= 2:
        _paint_detail(sheet, below, shelf, shelf.rows[at])
    return first


def _paint_heads(sheet: Cells, where: Places, shelf: "Shelf") -> None:
    muted = style(palette.MUTED)
    sheet.write_right(8, 0, "epoch", muted)
    for place, (name, _) in enumerate(ACCURACIES):
        sheet.write_right(8 + 7 * (place + 1), 0, name, muted)
    x = NUMBERS
    if where.strong:
        sheet.write(x + 2, 0, "strong", muted)
        x += STRONG
    if where.size:
        sheet.write_right(x + SIZE - 1, 0, "size", muted)
        x += SIZE
    kept = shelf.kept
    total = f"{len(kept)} kept, {bytes_text(sum(row.size or 0 for row in kept))}"
    sheet.write(x + 1, 0, "roles", muted)
    if x + 8 + len(total) < sheet.width:
        sheet.write_right(sheet.width - 1, 0, total, style(palette.FAINT))


def _paint_row(sheet: Cells, y: int, where: Places, row: "Row", *, chosen: bool, here: bool) -> None:
    there = row.size is not None
    look = style(palette.CURSOR if chosen else palette.TEXT if there else palette.MUTED, bold=chosen)
    if chosen:
        sheet.put(0, y, "▸", style(palette.CURSOR, bold=True))
    if row.recommended:
        sheet.put(1, y, "★", style(palette.GOOD, bold=True))
    elif not there:
        sheet.put(1, y, "✗", style(palette.WARNING))
    sheet.write_right(8, y, str(row.epoch), look)
    for place, ((_, colour), value) in enumerate(zip(ACCURACIES, row.accuracies, strict=True)):
        sheet.write_right(8 + 7 * (place + 1), y, percent(value), style(colour if there else palette.MUTED))
    x = NUMBERS
    if where.strong:
        sheet.write(x + 2, y, plain(_strong(row), STRONG - 2), look)
        x += STRONG
    if where.size:
        sheet.write_right(x + SIZE - 1, y, bytes_text(row.size), style(palette.MUTED))
        x += SIZE
    for short in row.overfitted:
        symbol, colour = SYMBOLS[short]
        x = sheet.write(x + 1, y, f"{symbol}{short}", style(colour, bold=True))
    words = [*(() if there else ("not kept",)), *row.roles, *(("cursor",) if here else ())]
    sheet.write(x + 1, y, plain(" · ".join(words), max(0, sheet.width - x - 1)), look)


def _strong(row: "Row") -> str:
    """Of the evaluation of the most images, the latest of several: its worst accuracy, and of how many."""
    known = [evaluation for evaluation in row.evaluations if evaluation.attacks]
    if not known:
        return MISSING
    largest = max(known, key=lambda evaluation: evaluation.num)
    return f"{percent(largest.worst[0].accuracy)} n{largest.num}"


def _paint_detail(sheet: Cells, y: int, shelf: "Shelf", row: "Row") -> None:
    """The one that is chosen: what it is, where it is, and what it withstood."""
    bottom, width = sheet.height, sheet.width - 2
    title = plain(f" {' · '.join((f'epoch {row.epoch}', *row.roles))} ", max(0, sheet.width - 4))
    for x in range(sheet.width):
        sheet.put(x, y, "─", style(palette.FRAME))
    sheet.write(2, y, title, style(palette.CURSOR, bold=True))
    y += 1
    for words, colour in _sentences(shelf, row):
        for line in wrap(words, max(8, width)):
            if y < bottom:
                sheet.write(1, y, line, style(colour))
            y += 1
    y += bottom - y > 4
    for trouble in shelf.troubles[:2]:
        if y < bottom:
            sheet.write(1, y, plain(f"✗ {trouble}", width), style(palette.WARNING))
        y += 1
    if not row.evaluations:
        if y < bottom and row.size is not None and shelf.run_dir is not None:
            key = cap_of(CHECKPOINT_KEYS, "evaluate")
            sheet.write(1, y, f"Not evaluated under strong attacks yet: {key} does that.", style(palette.MUTED))
        return
    _paint_evaluations(sheet, y, bottom, row)


def _paint_evaluations(sheet: Cells, y: int, bottom: int, row: "Row") -> None:
    """The latest with its classes as far as there is room, then the others."""
    width = sheet.width - 2
    for place, evaluation in enumerate(row.evaluations):
        needed = len(evaluation.inputs) + 1 + (len(evaluation.attacks) > 1)
        if bottom - y < min(needed, 3):
            more = len(row.evaluations) - place
            if y < bottom:
                sheet.write(1, y, f"{more} more: workbench evaluate RUN --list", style(palette.FAINT))
            return
        sheet.write(1, y, headline(evaluation), style(palette.MUTED))
        y = paint_accuracies(sheet, 1, y + 1, width, evaluation)
        attack = attack_shown(evaluation)
        if place == 0 and attack is not None and bottom - y >= 4:
            y = paint_classes(sheet, 1, y + 1, width, bottom - y - 1, evaluation, attack)
        y += 1


def _sentences(shelf: "Shelf", row: "Row") -> Sequence[tuple[str, str]]:
    lines = []
    if row.recommended:
        lines.append((f"★ The one to keep. {plain(shelf.why)}", palette.GOOD))
    if row.overfitted and not row.recommended:
        words = " and ".join({"CO": "catastrophic overfitting", "RO": "robust overfitting"}[s] for s in row.overfitted)
        lines.append((f"It lies behind the onset of {words}.", palette.WARNING))
    if row.path is None:
        lines.append(("✗ The log speaks of it, but the run keeps no such file.", palette.WARNING))
    elif row.size is None:
        lines.append((f"✗ The file is gone: {plain(str(row.path))}", palette.WARNING))
    else:
        lines.append((plain(str(row.path)), palette.MUTED))
    return lines


def paint_nothing(sheet: Cells, words: str) -> None:
    """Why there is nothing to show."""
    width = max(8, min(sheet.width - 4, 76))
    lines = wrap(plain(words), width)
    top = max(0, (sheet.height - len(lines)) // 2)
    left = max(1, (sheet.width - max(map(cell_len, lines), default=0)) // 2)
    for y, line in enumerate(lines, top):
        sheet.write(left, y, line, style(palette.MUTED))
