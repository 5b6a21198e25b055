"""A field to type into, which says at once why what stands there will not do."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.validation import ValidationResult, Validator
from textual.widgets import Input, Static

from trainers.errors import WorkbenchError
from workbench.tui.text import plain

LONGEST_WORDS = 120
"""Cells that a hint or a reason may take."""

Check = Callable[[str], str]
"""What a text means, in a few words; raises a WorkbenchError that says why it will not do."""


class _Checked(Validator):
    def __init__(self, check: Check) -> None:
        super().__init__()
        self._check = check

    def validate(self, value: str) -> ValidationResult:
        try:
            self._check(value)
        except WorkbenchError as error:
            return self.failure(str(error))
        return self.success()


class Field(Vertical):
    """A label, a line to type into, and below it what the text means or why it will not do."""

    def __init__(self, name: str, label: str, value: str, check: Check, placeholder: str = "") -> None:
        super().__init__(id=name, classes="field")
        self._label, self._check = label, check
        self.input = Input(value, placeholder=placeholder, validators=[_Checked(check)], compact=True, max_length=200)
        self.input.cursor_blink = False
        self._words = Static(markup=False, classes="words")

    def compose(self) -> ComposeResult:
        """Two lines."""
        with Horizontal():
            yield Static(self._label, markup=False, classes="label")
            yield self.input
        yield self._words

    def on_mount(self) -> None:
        """Say what the first text means."""
        self._tell()

    def on_input_changed(self) -> None:
        """Check what was typed."""
        self._tell()

    @property
    def text(self) -> str:
        """What was typed."""
        return self.input.value.strip()

    @property
    def problem(self) -> str | None:
        """Why the text will not do; None if it does."""
        try:
            self._check(self.text)
        except WorkbenchError as error:
            return str(error)
        return None

    def _tell(self) -> None:
        problem = self.problem
        self._words.set_class(problem is not None, "-wrong")
        words = self._check(self.text) if problem is None else f"✗ {problem}"
        self._words.update(plain(words, LONGEST_WORDS))
