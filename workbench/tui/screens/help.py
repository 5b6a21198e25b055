"""The help, made from the key table."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from workbench.tui.keys.help import HELP_KEYS
from workbench.tui.keys.table import KeyTable, bindings, cap_of, caps, keys_in_use
from workbench.tui.look import palette
from workbench.tui.widgets.page import Entry, Page
from workbench.tui.widgets.timeline import FLAGS

SYMBOLS = (
    *(
        Entry(label=f"{symbol}{short}", text=f"{kind} overfitting sets in", label_colour=colour)
        for kind, (symbol, short, colour) in FLAGS.items()
    ),
    Entry(label="┃ ┻ │", text="the epoch under the cursor, in every pane"),
    Entry(label="├━◆━┤", text="5, 25, 50, 75 and 95 % quantiles of ΔE"),
    Entry(label="ΔE", text="E(x) - E(x*) in nats: energy of the sample minus that of its adversarial twin"),
)


def help_entries(tables: Sequence[KeyTable]) -> list[Entry]:
    """Every key with what it does, by group, then the symbols of the plots."""
    entries: list[Entry] = []
    keys = [key._replace(caps=caps(table, key, keys_in_use())) for table in tables for key in table.rows]
    for group in dict.fromkeys(key.group for key in keys):
        entries.append(Entry(label=group, gap=True, label_colour=palette.ACCENT))
        entries += [Entry(label=f"  {key.caps}", text=key.help) for key in keys if key.group == group]
    return [*entries, Entry(label="Symbols", gap=True, label_colour=palette.ACCENT), *SYMBOLS]


class HelpScreen(ModalScreen[None]):
    """The keys of some tables; closed by Esc, ? or q."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(HELP_KEYS)

    def __init__(self, tables: Sequence[KeyTable]) -> None:
        """The help on these keys."""
        super().__init__()
        self._tables = tables

    def compose(self) -> ComposeResult:
        """One page."""
        entries = help_entries(self._tables)
        longest = max(cell_len(entry.label) for entry in entries if entry.text)
        page = Page("help", label_width=min(max(12, longest + 2), 28))
        page.fill(entries)
        page.border_title = "Keys"
        page.border_subtitle = f"{cap_of(HELP_KEYS, 'close')} closes"
        yield page

    def action_close(self) -> None:
        """Close the help."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll the help."""
        self.query_one(Page).scroll_lines(lines)

    def action_turn_page(self, pages: int) -> None:
        """Scroll the help by what is seen of it, but two lines."""
        page = self.query_one(Page)
        page.scroll_lines(pages * max(1, page.size.height - 2))

    async def action_quit(self) -> None:
        """Quit the app."""
        self.app.exit()
