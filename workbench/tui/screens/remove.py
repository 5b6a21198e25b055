"""Whether a job's record is to be removed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.jobs.rows import Row, shown
from workbench.tui.keys.jobs import REMOVE_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look.text import plain
from workbench.tui.widgets.tabs import Footer


class RemoveScreen(ModalScreen[bool]):
    """Asks."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(REMOVE_KEYS)
    CSS_PATH: ClassVar = "../jobs.tcss"
    AUTO_FOCUS = None

    def __init__(self, row: Row) -> None:
        """A question about a job that has ended."""
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """What would go, and what would stay."""
        record = self._row.record
        words = [plain(self._row.title, 200)]
        if record is not None:
            words.append(f"Its command, streams and times in {shown(record.folder)} are removed.")
        words.append("What it made stays where it is.")
        with Vertical(classes="question") as frame:
            frame.border_title = "Remove the record of this job?"
            yield Static("\n".join(words), markup=False)
        yield Footer(REMOVE_KEYS)

    def action_answer(self, answer: bool) -> None:
        """Close."""
        self.dismiss(answer)
