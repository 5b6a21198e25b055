"""The line in which a class or a sample is typed, over the table of samples."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from trainers.errors import WorkbenchError
from workbench.tui.keys.samples import FIND_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look.text import plain
from workbench.tui.samples.find import LONGEST, Sought, describe, seek
from workbench.tui.widgets.tabs import Footer


class FindScreen(ModalScreen[Sought | None]):
    """Gives what was typed once it is understood; None if it was left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(FIND_KEYS)
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    FindScreen { align: center bottom; background: $background 0%; }
    FindScreen #find { height: 3; border-top: solid $frame; background: $surface; }
    FindScreen Input { width: 1fr; background: $surface; }
    FindScreen #find-words { color: $secondary; padding-left: 1; }
    FindScreen #find-words.-wrong { color: $error; }
    FindScreen #footer { dock: bottom; height: 1; background: $surface; }
    """

    def __init__(self, class_names: Sequence[str], holds: Callable[[int], bool]) -> None:
        """Say which classes there are, and whether there is a sample of an index."""
        super().__init__()
        self._names, self._holds = class_names, holds
        self._sought: Sought | None = Sought()

    def compose(self) -> ComposeResult:
        """The line, what it means or why it means nothing, and the keys."""
        with Vertical(id="find"):
            field = Input(placeholder="a class by name or number, or index:123; empty for all classes", compact=True)
            field.max_length = LONGEST
            field.cursor_blink = False
            yield field
            yield Static(markup=False, id="find-words")
        yield Footer(FIND_KEYS)

    def on_mount(self) -> None:
        """Say what nothing means."""
        self._take("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what was typed means."""
        self._take(event.value)

    def on_input_submitted(self) -> None:
        """Enter in the line; it comes after all that was typed before it, which a key of the screen would overtake."""
        self.action_leave_find()

    def action_leave_find(self, drop: bool = False) -> None:
        """Back to the table; what is not understood must be typed first."""
        if drop or self._sought is not None:
            self.dismiss(None if drop else self._sought)
        else:
            self.app.bell()

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _take(self, text: str) -> None:
        words = self.query_one("#find-words", Static)
        try:
            self._sought = seek(text, self._names)
            said = describe(self._sought, self._names)
            if self._sought.sample is not None and not self._holds(self._sought.sample):
                raise WorkbenchError(f"no sample {self._sought.sample} among these")
        except WorkbenchError as error:
            self._sought, said = None, f"✗ {error}"
        words.set_class(self._sought is None, "-wrong")
        words.update(plain(said, 200))
