"""The row of panes, and the row of keys at the foot: both made from the key table, both clickable."""

from rich.cells import cell_len
from rich.style import Style

from workbench.tui.keys.table import Key, KeyTable, caps, keys_in_use
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.panes import PANES
from workbench.tui.widgets.cells import Cells, Painted


def clickable(action: str, target: str = "screen") -> Style:
    """A style that runs an action of the screen, or of the focused widget, when its text is clicked."""
    return Style(meta={"@click": f"{target}.{action}"})


class Tabs(Painted):
    """The panes by number; the open one is reversed."""

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._open = PANES[0].name

    def show(self, name: str) -> None:
        """Mark another pane as open."""
        self._open = name
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line; short titles where the whole ones do not fit, and only numbers where those do not either."""
        whole = [f" {pane.key} {pane.title} " for pane in PANES]
        short = [f" {pane.key} {pane.short} " for pane in PANES]
        least = [f" {pane.key} {pane.title} " if pane.name == self._open else f" {pane.key} " for pane in PANES]
        titles = next((row for row in (whole, short) if sum(map(len, row)) <= sheet.width), least)
        x = 0
        for pane, title in zip(PANES, titles, strict=True):
            opened = pane.name == self._open
            look = style(palette.CURSOR if opened else palette.MUTED, bold=opened, reverse=opened)
            x = sheet.write(x, 0, title, look + clickable(f"pane('{pane.name}')"))


class Footer(Painted):
    """The keys of some tables that matter most; those that do not fit are left out, the last two never."""

    def __init__(self, *tables: KeyTable) -> None:
        super().__init__(id="footer")
        self._tables = tables

    def show(self, *tables: KeyTable) -> None:
        """Show the keys of other tables."""
        if tables != self._tables:
            self._tables = tables
            self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line."""
        x = 1
        keys = [
            (key._replace(caps=caps(table, key, keys_in_use(), first=True)), table.target)
            for table in self._tables
            for key in table.rows
            if key.footer is not None
        ]
        for key, target in _fitting(keys, sheet.width - 1):
            click = clickable(key.action, target)
            x = sheet.write(x, 0, key.caps, style(palette.ACCENT, bold=True) + click)
            if key.footer:
                x = sheet.write(x, 0, f" {key.footer}  ", style(palette.MUTED) + click)


def _fitting(keys: list[tuple[Key, str]], width: int) -> list[tuple[Key, str]]:
    keep_last = 2
    while sum(_width(key) for key, _ in keys) > width and len(keys) > keep_last:
        del keys[-keep_last - 1]
        while len(keys) > keep_last and not keys[-keep_last - 1][0].footer:  # a cap whose word is gone
            del keys[-keep_last - 1]
    return keys


def _width(key: Key) -> int:
    return cell_len(key.caps) + (cell_len(key.footer) + 3 if key.footer else 0)
