"""A strong evaluation painted: accuracies with their intervals, and a line for each class."""

from typing import TYPE_CHECKING

from rich.cells import cell_len

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import MISSING, epsilon, number, percent, plain
from workbench.tui.widgets.cells import Cells

if TYPE_CHECKING:
    from workbench.evaluation import Evaluation, Group, Inputs, Tally

NAME, LEAST_BAR, WIDEST_BAR = 14, 6, 50
EIGHTHS = " ▏▎▍▌▋▊▉"
WORST = "worst of all"

LEGEND = "█ right under attack  ░ only without it"

ENERGIES = (("E(x)", 8), ("E(x*)", 8), ("ΔE 5 %", 9), ("50 %", 8), ("95 %", 8))
"""Headings and widths of the energies of a class."""

_NUMBERS = sum(width for _, width in ENERGIES)


def headline(evaluation: "Evaluation") -> str:
    """Of what it is, in a line."""
    images = f"{evaluation.num:,} {plain(evaluation.split, 8)} images"
    when = plain(evaluation.created[:16]).replace("T", " ")
    return f"{images} · ε {epsilon(evaluation.eps)} · seed {evaluation.seed} · {when}"


def attack_shown(evaluation: "Evaluation") -> "Inputs | None":
    """The attack whose classes are shown: the one that the fewest images withstand."""
    return min(evaluation.attacks, key=lambda inputs: inputs.overall.correct, default=None)


def paint_accuracies(sheet: Cells, x: int, y: int, width: int, evaluation: "Evaluation") -> int:
    """A line for natural images and for each attack; returns the row after the last."""
    tallies: list[tuple[str, Tally]] = [(inputs.name, inputs.overall) for inputs in evaluation.inputs]
    if len(evaluation.attacks) > 1:
        tallies.append((WORST, evaluation.worst[0]))
    for name, tally in tallies:
        colour = palette.CLEAN if tally is evaluation.natural.overall else palette.PGD
        sheet.write(x, y, plain(name, NAME), style(palette.TEXT, bold=name == WORST))
        sheet.write_right(x + NAME + 7, y, percent(tally.accuracy), style(colour, bold=True))
        left = x + NAME + 8
        words = MISSING if tally.interval is None else "–".join(f"{100 * end:.1f}" for end in tally.interval) + "%"
        bar = min(width - (left - x) - len(words) - 1, WIDEST_BAR)
        if bar >= LEAST_BAR:
            _paint_interval(sheet, left, y, bar, tally, colour)
            left += bar + 1
        if left + len(words) <= x + width:
            sheet.write(left, y, words, style(palette.MUTED))
        y += 1
    return y


def paint_classes(
    sheet: Cells, x: int, y: int, width: int, rows: int, evaluation: "Evaluation", attack: "Inputs"
) -> int:
    """A heading, then the classes, at most ``rows`` rows in all; returns the row after the last.

    With room each class has a line with its energies, else there are several columns. Where not all fit, the least
    robust are shown, and it is said of how many.
    """
    count, names = len(attack.classes), [cell_len(plain(name, NAME - 2)) for name in evaluation.class_names]
    name = max(names, default=1)
    most = max(1, (width + 2) // (name + 8 + LEAST_BAR + 2))
    across = min(max(1, -(-count // max(rows - 1, 1))), most)
    fits = across * (rows - 1) >= count
    order = list(range(count))
    if not fits:
        order.sort(key=lambda label: (attack.classes[label].accuracy or 0.0, label))
        order = order[: across * max(rows - 2, 0)]
    each = (width + 2) // across
    wide = across == 1 and width >= name + 8 + 20 + _NUMBERS
    title = f"{plain(attack.name, 30)} by class"
    sheet.write(x, y, title, style(palette.ACCENT, bold=True))
    bar = min(each - 2 - name - 8 - (_NUMBERS if wide else 0), WIDEST_BAR)
    if wide:
        _paint_heads(sheet, x + name + 8 + bar, y)
    told = len(title) + len(LEGEND) + 2 <= (name + 8 + bar if wide else width)
    if told:
        sheet.write(x + len(title) + 2, y, LEGEND, style(palette.FAINT))
    down = max(1, -(-len(order) // across))
    for place, label in enumerate(order):
        column, row = divmod(place, down)
        left, top = x + column * each, y + 1 + row
        clean, robust = evaluation.natural.classes[label], attack.classes[label]
        sheet.write(left, top, plain(evaluation.class_names[label], name), style(palette.TEXT))
        sheet.write_right(left + name + 7, top, percent(robust.accuracy), style(palette.PGD))
        if bar >= LEAST_BAR:
            _paint_both(sheet, left + name + 8, top, bar, clean, robust)
        if wide:
            _paint_energies(sheet, left + name + 8 + bar, top, clean, robust)
    end = y + 1 + (down if order else 0)
    if not fits and rows > 1:
        sheet.write(x, end, f"the {len(order)} least robust of {count:,} classes", style(palette.FAINT))
        end += 1
    num = attack.overall.num_energies
    if wide and num < evaluation.num - evaluation.num_broken and end < y + rows:
        words = f"E(x*) and ΔE are of the {num:,} images for which the attack found an x*"
        sheet.write(x, end, words, style(palette.FAINT))
        end += 1
    if not told and end < y + rows:
        sheet.write(x, end, LEGEND, style(palette.FAINT))
        end += 1
    return end


def _paint_heads(sheet: Cells, x: int, y: int) -> None:
    for name, width in ENERGIES:
        x += width
        sheet.write_right(x, y, name, style(palette.MUTED))


def _paint_energies(sheet: Cells, x: int, y: int, clean: "Group", robust: "Group") -> None:
    delta = robust.delta_energy or {}
    values = (clean.energy["mean"], robust.energy["mean"], *(delta.get(name) for name in ("q05", "q50", "q95")))
    for (_, width), value in zip(ENERGIES, values, strict=True):
        x += width
        sheet.write_right(x, y, number(value), style(palette.TEXT))


def _paint_both(sheet: Cells, x: int, y: int, width: int, clean: "Group", robust: "Group") -> None:
    """What stays right, then what is right only without an attack."""
    until = round((clean.accuracy or 0.0) * width)
    for column in range(width):
        char, colour = ("░", palette.CLEAN) if column < until else ("·", palette.FRAME)
        sheet.put(x + column, y, char, style(colour))
    _paint_bar(sheet, x, y, width, robust.accuracy or 0.0, palette.PGD)


def _paint_interval(sheet: Cells, x: int, y: int, width: int, tally: "Tally", colour: str) -> None:
    """A bar up to the interval, then the interval with the share that was seen in it."""
    for column in range(width):
        sheet.put(x + column, y, "·", style(palette.FRAME))
    if tally.interval is None:
        return
    low, high = (min(int(end * width), width - 1) for end in tally.interval)
    _paint_bar(sheet, x, y, width, low / width, colour)
    for column in range(low, high + 1):
        char = "├" if column == low else "┤" if column == high else "─"
        sheet.put(x + column, y, char, style(palette.TEXT))
    sheet.put(x + min(int((tally.accuracy or 0.0) * width), width - 1), y, "◆", style(colour, bold=True))


def _paint_bar(sheet: Cells, x: int, y: int, width: int, share: float, colour: str) -> None:
    """A bar in eighths of a cell."""
    eighths = round(share * width * 8)
    for column in range(eighths // 8):
        sheet.put(x + column, y, "█", style(colour))
    if eighths % 8 and eighths // 8 < width:
        sheet.put(x + eighths // 8, y, EIGHTHS[eighths % 8], style(colour))
