"""The line in which a filter is typed, over the list that it is applied to."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from trainers.errors import WorkbenchError
from workbench.tui.keys.filter import FILTER_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look.text import plain
from workbench.tui.widgets.tabs import Footer
from workbench.workspace import Filter, parse_filter
from workbench.workspace.filter import LONGEST


class FilterScreen(ModalScreen[str]):
    """Gives the filter that was typed; while it is typed, what can be understood of it is applied.

    What cannot be understood is not taken: the line stays until it can, or is left without a filter.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(FILTER_KEYS)
    AUTO_FOCUS = "Input"

    def __init__(self, text: str, apply: Callable[[str, Filter], str]) -> None:
        """A line that holds ``text``; ``apply`` takes a filter that is understood and says what it chooses."""
        super().__init__()
        self._text, self._apply = text, apply
        self._wrong = False

    def compose(self) -> ComposeResult:
        """The line, what it means or why it means nothing, and the keys."""
        with Vertical(id="filter"):
            field = Input(self._text, placeholder="method:fgsm* eps>=8/255 onset:co -status:crashed", compact=True)
            field.max_length = LONGEST
            field.cursor_blink = False
            yield field
            yield Static(markup=False, id="filter-words")
        yield Footer(FILTER_KEYS)

    def on_mount(self) -> None:
        """Say what the first text chooses."""
        self._take(self._text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply what was typed, or say why it cannot be."""
        self._take(event.value)

    def on_input_submitted(self) -> None:
        """Enter in the line; it comes after all that was typed before it, which a key of the screen would overtake."""
        self.action_leave_filter()

    def action_leave_filter(self, drop: bool = False) -> None:
        """Back to the list, without a filter or with the one that was typed, if that is understood."""
        if drop:
            self._take("")
        elif self._wrong:
            self.app.bell()
            return
        self.dismiss("" if drop else self.query_one(Input).value)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _take(self, text: str) -> None:
        words = self.query_one("#filter-words", Static)
        try:
            said, self._wrong = self._apply(text, parse_filter(text)), False
        except WorkbenchError as error:
            said, self._wrong = f"✗ {error}", True
        words.set_class(self._wrong, "-wrong")
        words.update(plain(said, 200))
