"""The help, made from the key tables, and the line that searches it."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from workbench.tui.keys.help import HELP_KEYS
from workbench.tui.keys.table import KeyTable, bindings, cap_of, caps, keys_in_use
from workbench.tui.look import palette
from workbench.tui.look.text import plain
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


LONGEST_SEARCH = 60


def help_entries(tables: Sequence[KeyTable], sought: str = "") -> list[Entry]:
    """Keys with what they do, by group, then the symbols of the plots.

    Args:
        tables: whose keys.
        sought: only rows that hold all of these words; a single character is looked for among the keys alone.
    """
    entries: list[Entry] = []
    every = [key._replace(caps=caps(table, key, keys_in_use())) for table in tables for key in table.rows]
    keys = [key for key in every if _is_sought(sought, key.caps, f"{key.help} {key.group}")]
    for group in dict.fromkeys(key.group for key in keys):
        entries.append(Entry(label=group, gap=True, label_colour=palette.ACCENT))
        entries += [Entry(label=f"  {key.caps}", text=key.help) for key in keys if key.group == group]
    symbols = [entry for entry in SYMBOLS if _is_sought(sought, entry.label, f"{entry.text} symbols")]
    heading = Entry(label="Symbols", gap=True, label_colour=palette.ACCENT)
    return [*entries, heading, *symbols] if symbols else entries


def _is_sought(sought: str, caps: str, words: str) -> bool:
    spelt = caps.replace("^", "Ctrl-")
    text = f"{caps} {spelt} {words}".casefold()
    keys = {*caps.split(), *spelt.split()}
    return all(word in keys or (len(word) > 1 and word.casefold() in text) for word in sought.split())


class _Line(Input):
    """Takes every character but that of the key which opens the help and closes it again."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is typed."""
        return key != "question_mark" and super().check_consume_key(key, character)


class HelpScreen(ModalScreen[None]):
    """The keys of some tables; what is typed leaves those that it is found in."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(HELP_KEYS)
    AUTO_FOCUS = "Input"

    def __init__(self, tables: Sequence[KeyTable]) -> None:
        """The help on these keys."""
        super().__init__()
        self._tables = tables

    def compose(self) -> ComposeResult:
        """The line, and one page."""
        entries = help_entries(self._tables)
        longest = max(cell_len(entry.label) for entry in entries if entry.text)
        page = Page("help-keys", label_width=min(max(12, longest + 2), 28))
        page.fill(entries)
        with Vertical(id="help") as frame:
            frame.border_title = "Keys"
            frame.border_subtitle = f"{cap_of(HELP_KEYS, 'close')} closes"
            field = _Line(placeholder="type to search: a key, or words", compact=True, max_length=LONGEST_SEARCH)
            field.cursor_blink = False
            yield field
            yield page

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what was typed is found in."""
        found = help_entries(self._tables, event.value)
        nothing = f"nothing is about “{plain(event.value.strip())}”"
        page = self.query_one(Page)
        page.fill(found or [Entry(text=nothing, colour=palette.MUTED)])
        page.scroll_lines(-page.size.height * len(page.entries))

    def on_input_submitted(self) -> None:
        """Enter in the line."""
        self.dismiss()

    def action_close(self) -> None:
        """Drop what was typed; close the help if nothing was."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll the help."""
        self.query_one(Page).scroll_lines(lines)

    def action_turn_page(self, pages: int) -> None:
        """Scroll the help by what is seen of it, but two lines."""
        page = self.query_one(Page)
        page.scroll_lines(pages * max(1, page.size.height - 2))

    def action_quit(self) -> None:
        """Quit the app."""
        self.app.exit()
