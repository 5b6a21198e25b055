"""The folders of samples of a run, a line each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.events import Click
from textual.message import Message

from workbench.tui.generated.folders import Folder
from workbench.tui.generated.scores import ENOUGH_FOR_FID
from workbench.tui.generated.words import STATE_LOOKS, classes
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import MISSING, age, plain, shorten
from workbench.tui.widgets.cells import Cells, Painted


class Column(NamedTuple):
    """A column: its title and width, what it says, and how soon it is left out where there is no room (0: never)."""

    title: str
    width: int
    drop: int
    text: Callable[[Folder, float, Sequence[str]], str]


class FolderChosen(Message):
    """The user pointed at a folder: its place among those that are seen."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place


def _setting(name: str) -> Callable[[Folder, float, Sequence[str]], str]:
    return lambda folder, now, names: MISSING if folder.settings is None else str(getattr(folder.settings.spec, name))


def _score(name: str) -> Callable[[Folder, float, Sequence[str]], str]:
    return lambda folder, now, names: folder.scores[0].text(name) if folder.scores else ""


def _fid(folder: Folder, now: float, names: Sequence[str]) -> str:
    """FID, marked where it is of too few images."""
    if not folder.scores:
        return ""
    card = folder.scores[0]
    few = "fid" in card.values and card.num is not None and card.num < ENOUGH_FOR_FID
    return card.text("fid") + (BIASED if few else "")


BIASED = "↑"
"""Behind an FID of so few images that it is above what it would be of many."""

COLUMNS = (
    Column("folder", 14, 0, lambda folder, now, names: folder.path.name),
    Column("age", 6, 4, lambda folder, now, names: age(now - folder.when)),
    Column("epoch", 5, 3, lambda folder, now, names: MISSING if folder.epoch is None else str(folder.epoch)),
    Column("class", 9, 2, lambda folder, now, names: classes(folder.settings, names) if folder.settings else MISSING),
    Column(
        "images", 9, 0, lambda folder, now, names: f"{folder.ended}/{MISSING if folder.asked is None else folder.asked}"
    ),
    Column("start", 9, 5, _setting("start")),
    Column("guidance", 18, 7, _setting("guidance")),
    Column("stop", 8, 6, _setting("stop")),
    Column("FID", 7, 1, _fid),
    Column("IS", 6, 1, _score("inception_score")),
    Column("KID", 8, 8, _score("kid")),
    Column("agree", 6, 1, _score("agreement")),
)
"""Left-aligned up to "class" and where settings are words, right-aligned where they are numbers."""

_RIGHT = ("age", "epoch", "images", "FID", "IS", "KID", "agree")
_GAP = 1


class FolderList(Painted):
    """A head and the folders that are seen."""

    def __init__(self) -> None:
        super().__init__(id="generated-list")
        self._folders: tuple[Folder, ...] = ()
        self._chosen, self._now = 0, 0.0
        self._names: tuple[str, ...] = ()

    def show(self, folders: tuple[Folder, ...], chosen: int, now: float, names: tuple[str, ...]) -> None:
        """Show other folders; ``chosen`` is the place of one among them."""
        self._folders, self._chosen, self._now, self._names = folders, chosen, now, names
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Choose a folder."""
        if 0 < event.y <= len(self._folders):
            self.post_message(FolderChosen(event.y - 1))

    def paint(self, sheet: Cells) -> None:
        """The head, then a line each."""
        columns = fitting(sheet.width - 4)
        self._line(sheet, 0, columns, [column.title for column in columns], palette.MUTED, bold=False)
        for place, folder in enumerate(self._folders):
            y = place + 1
            symbol, _, colour = STATE_LOOKS[folder.state]
            texts = [plain(column.text(folder, self._now, self._names), column.width) for column in columns]
            self._line(sheet, y, columns, texts, palette.TEXT, bold=place == self._chosen)
            sheet.put(1, y, symbol, style(colour, bold=True))
            if place == self._chosen:
                for x in range(sheet.width):
                    sheet.restyle(x, y, style(reverse=True))

    def _line(
        self, sheet: Cells, y: int, columns: Sequence[Column], texts: Sequence[str], colour: str, *, bold: bool
    ) -> None:
        x = 3
        for column, text in zip(columns, texts, strict=True):
            shown = shorten(text, column.width)
            indent = column.width - cell_len(shown) if column.title in _RIGHT else 0
            end = sheet.write(x + indent, y, shown, style(colour, bold=bold))
            if shown.endswith(BIASED):
                sheet.put(end - 1, y, BIASED, style(palette.WARNING, bold=True))
            x += column.width + _GAP


def fitting(width: int) -> list[Column]:
    """The columns for which there is room."""
    columns = list(COLUMNS)
    while sum(column.width + _GAP for column in columns) > width and any(column.drop for column in columns):
        columns.remove(max(columns, key=lambda column: column.drop))
    return columns
