"""Labelled text that wraps and scrolls: the widget of the overview and of the events."""

from typing import NamedTuple

from rich.cells import cell_len, chop_cells
from textual.events import MouseScrollDown, MouseScrollUp

from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.widgets.cells import Cells, Painted


class Entry(NamedTuple):
    """One paragraph.

    Attributes:
        label: what stands left of it.
        text: the paragraph, plain.
        colour: of the text.
        label_colour: of the label.
        gap: whether an empty line comes first.
    """

    label: str = ""
    text: str = ""
    colour: str = palette.TEXT
    label_colour: str = palette.MUTED
    gap: bool = False


class Page(Painted):
    """Entries from top to bottom, scrolled by keys and the mouse wheel.

    Attributes:
        entries: what it shows.
    """

    def __init__(self, name: str, label_width: int) -> None:
        super().__init__(id=name, classes="pane page")
        self._label_width = label_width
        self.entries: list[Entry] = []
        self._offset = 0
        self._lines_kept: tuple[int, list[tuple[str, str, str, str]]] | None = None

    def fill(self, entries: list[Entry]) -> None:
        """Show other entries, scrolled as before."""
        if entries != self.entries:
            self.entries = entries
            self._lines_kept = None
            self.repaint()

    def copied(self) -> str:
        """All entries, also those that are scrolled out of sight."""
        lines: list[str] = []
        for entry in self.entries:
            lines += [""] if entry.gap and lines else []
            lines.append(f"{entry.label:<{self._label_width}}{entry.text}".rstrip())
        return "\n".join(lines)

    def scroll_lines(self, lines: int) -> None:
        """Scroll down (up if negative); the end of the page is the limit."""
        self._offset = max(0, self._offset + lines)
        self.repaint()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_lines(2)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_lines(-2)

    def paint(self, sheet: Cells) -> None:
        """The visible lines; the last says how many are below."""
        lines = self._wrapped(sheet.width - 2)
        over = len(lines) - sheet.height
        self._offset = min(self._offset, over + 1 if over > 0 else 0)
        for y, (label, label_colour, text, colour) in enumerate(lines[self._offset : self._offset + sheet.height]):
            if label:
                sheet.write(1, y, label, style(label_colour, bold=label_colour != palette.MUTED))
            sheet.write(1 + self._label_width, y, text, style(colour))
        below = len(lines) - self._offset - sheet.height
        if below > 0:
            for x in range(sheet.width):
                sheet.put(x, sheet.height - 1, " ", style())
            sheet.write(1, sheet.height - 1, f"↓ {below + 1} more lines", style(palette.FAINT))

    def _wrapped(self, width: int) -> list[tuple[str, str, str, str]]:
        """The lines, kept while the page is only scrolled."""
        if self._lines_kept is None or self._lines_kept[0] != width:
            self._lines_kept = width, self._lines(width)
        return self._lines_kept[1]

    def _lines(self, width: int) -> list[tuple[str, str, str, str]]:
        lines: list[tuple[str, str, str, str]] = []
        for entry in self.entries:
            if entry.gap and lines:
                lines.append(("", "", "", palette.TEXT))
            for index, text in enumerate(wrap(entry.text, max(8, width - self._label_width))):
                lines.append((entry.label if index == 0 else "", entry.label_colour, text, entry.colour))
        return lines


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken between words, inside them only where one is too long."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        for index, piece in enumerate(chop_cells(word, width) or [""]):
            room = width - cell_len(lines[-1])
            if index == 0 and cell_len(word) + 1 <= room and lines[-1]:
                lines[-1] += f" {piece}"
            elif lines[-1]:
                lines.append(piece)
            else:
                lines[-1] = piece
    return lines
